//! The limit that a test broke, and growth that it was refused.

use super::sanitise::OneLine;
use super::units::{Bytes, Grouped, Millis, plural};
use crate::model::{LimitRecord, RefusedGrowth};
use std::fmt::{self, Display, Formatter};

/// Which limit, its value, and what was asked for or reached.
pub(super) struct Limit<'a>(pub &'a LimitRecord);

impl Display for Limit<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LimitRecord { name, value, seen } = self.0;
        let name = OneLine(name);
        write!(f, "    limit: `{name}` is {}{}", self.figure(*value), self.what())?;
        if let Some(seen) = seen {
            write!(f, "; the test came to {}", self.figure(*seen))?;
        }
        if self.0.name == "timeout" {
            f.write_str(" (which depends on the machine: another run may end elsewhere)")?;
        }
        writeln!(f)
    }
}

impl Limit<'_> {
    fn figure(&self, value: u64) -> String {
        match self.0.name.as_str() {
            "memory" | "stack" | "output" | "scratch" | "io" | "host-memory" => Bytes(value).to_string(),
            "peak-heap" | "lost" | "retained" => Bytes(value).to_string(),
            "timeout" => format!("{} of wall-clock time", Millis(value)),
            "fuel" => format!("{} units of fuel", Grouped(value)),
            "handles" => format!("{} descriptors open at once", Grouped(value)),
            "allocations" => format!("{} {}", Grouped(value), plural(value, "allocation", "allocations")),
            _ => Grouped(value).to_string(),
        }
    }

    /// What a figure of the heap counts.
    fn what(&self) -> &'static str {
        match self.0.name.as_str() {
            "peak-heap" => " of heap blocks that are live at once",
            "lost" => " of heap blocks that nothing reaches at the end",
            "retained" => " of heap blocks that static data still reaches at the end",
            "allocations" => ", reallocations included",
            _ => "",
        }
    }
}

/// Whether a limit is on the heap: such a test runs to its end, and has a place where it went over.
pub(super) fn is_of_heap(limit: &LimitRecord) -> bool {
    matches!(limit.name.as_str(), "peak-heap" | "lost" | "retained" | "allocations")
}

/// What to do about a broken limit.
pub(super) struct Advice<'a>(pub &'a LimitRecord);

impl Display for Advice<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.name.as_str();
        let less = match name {
            "lost" => "free what is lost",
            "retained" => "let go of what static data keeps",
            "allocations" => "make the test allocate less often",
            _ => "make the test need less",
        };
        writeln!(f, "    to fix: {less}, or raise `{}` for it in airtight.toml", OneLine(name))
    }
}

/// How far linear memory was to grow.
pub(super) struct Refused<'a>(pub &'a RefusedGrowth);

impl Display for Refused<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RefusedGrowth { current, desired, limit, times } = *self.0;
        writeln!(f, "    refused: linear memory of {}", Bytes(desired))?;
        writeln!(f, "             it had {}, and the cap is {}", Bytes(current), Bytes(limit))?;
        if times > 1 { writeln!(f, "             {} growths were refused", Grouped(times)) } else { Ok(()) }
    }
}
