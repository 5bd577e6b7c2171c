//! The limit that a test broke, and the growth of linear memory that it was refused.

use super::sanitise::OneLine;
use super::units::{Bytes, GroupedDigits, Millis, plural};
use crate::model::units::Quantity;
use crate::model::{Limit, LimitRecord, RefusedGrowth, Source};
use std::fmt::{self, Display, Formatter};

/// The line of the limit that a test broke: which limit, its value, and what was asked for or reached.
pub(super) struct LimitLine<'a>(pub &'a LimitRecord);

impl Display for LimitLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LimitRecord { name, value, seen } = self.0;
        let limit = name.known();
        let [phrase, caveat] = limit.map_or(["", ""], |limit| [limit.row().phrase, limit.row().caveat]);
        write!(f, "    limit: `{}` is {}{phrase}", OneLine(name.as_str()), LimitFigure(limit, *value))?;
        if let Some(seen) = seen {
            write!(f, "; the test came to {}", LimitFigure(limit, *seen))?;
        }
        writeln!(f, "{caveat}")
    }
}

/// A figure with the unit of its limit. If this version does not know the limit, there is no unit.
struct LimitFigure(Option<Limit>, u64);

impl Display for LimitFigure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(limit, value) = *self;
        let Some(row) = limit.map(Limit::row) else { return write!(f, "{}", GroupedDigits(value)) };
        match row.quantity {
            Quantity::Size => write!(f, "{}", Bytes(value))?,
            Quantity::Duration => write!(f, "{}", Millis(value))?,
            Quantity::Count | Quantity::Fuel => write!(f, "{}", GroupedDigits(value))?,
        }
        let [one, several] = row.unit;
        f.write_str(plural(value, one, several))
    }
}

/// Whether a limit is on the heap. A test that breaks such a limit still runs to its end. The report may name the place of
/// the allocation that broke it.
pub(super) fn is_of_heap(limit: &LimitRecord) -> bool {
    limit.name.known().is_some_and(|limit| limit.row().heap.is_some())
}

/// What to do about a broken limit: need less, or raise it, and where it can be raised. The report does not know which of
/// these places set it.
pub(super) struct Advice<'a>(pub &'a LimitRecord);

impl Display for Advice<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = OneLine(self.0.name.as_str());
        let Some(limit) = self.0.name.known() else {
            return writeln!(f, "    to fix: make the test need less, or raise `{name}` for it in airtight.toml");
        };
        let attribute = if limit.can_be_set_by(Source::Attribute) { ", its attribute" } else { "" };
        writeln!(
            f,
            "    to fix: {}, or raise `{name}` where it is set: airtight.toml{attribute} or `--{name}`",
            limit.row().advice
        )
    }
}

/// The lines that say how far linear memory should have grown, and what the cap is.
pub(super) struct RefusalText<'a> {
    pub growth: &'a RefusedGrowth,
    /// Whether the line of the limit has said already how far the memory should have grown, and what the cap is.
    pub is_told: bool,
}

impl Display for RefusalText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RefusedGrowth { current, desired, limit, times } = *self.growth;
        if self.is_told {
            let growths =
                if times > 1 { format!("{} growths, the first", GroupedDigits(times)) } else { "a growth".to_owned() };
            return writeln!(f, "    refused: {growths} from {}", Bytes(current));
        }
        writeln!(f, "    refused: linear memory of {}", Bytes(desired))?;
        writeln!(f, "             it had {}, and the cap is {}", Bytes(current), Bytes(limit))?;
        if times > 1 { writeln!(f, "             {} growths were refused", GroupedDigits(times)) } else { Ok(()) }
    }
}
