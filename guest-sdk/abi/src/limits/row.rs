//! What there is to say of a limit.

use super::heap::HeapFigure;
use crate::units::Quantity;

/// Everything that is said of a limit in one place.
#[derive(Debug)]
pub struct Row {
    /// Name of the setting in `airtight.toml` and of the option, such as `peak-heap`. The attribute has `_` for `-`, and the
    /// environment variable is `AIRTIGHT_PEAK_HEAP`.
    pub name: &'static str,
    /// Key in a test's metadata and in the report's policy: the name, and for a duration the unit `-ms`.
    pub key: &'static str,
    /// What its values are.
    pub quantity: Quantity,
    /// The least value: 0 where that has a meaning, 1 where no test could run with it.
    pub least: u64,
    /// The largest value.
    pub most: u64,
    /// Why there is a largest value, and which; empty where the number says enough.
    pub most_because: &'static str,
    /// The value where none is set. `None` means that it is unlimited.
    pub default: Option<u64>,
    /// Where it can be set.
    pub sources: &'static [Source],
    /// Why it cannot be set elsewhere; empty where it can be set everywhere.
    pub elsewhere: &'static str,
    /// What breaking it does.
    pub breach: Breach,
    /// The figure of the heap that it bounds, where it is a limit on the heap: judged when the test has ended.
    pub heap: Option<HeapFigure>,
    /// The option's help.
    pub help: &'static str,
    /// What a count, an amount of fuel or a duration is one of, and several of: `["allocation", "allocations"]`.
    pub unit: [&'static str; 2],
    /// What goes on after the value, where the report's reader is told of the limit: ` of heap blocks that …`.
    pub phrase: &'static str,
    /// What the reader must know of the figure before relying on it.
    pub caveat: &'static str,
    /// What to do about a broken limit, beside raising it.
    pub advice: &'static str,
}

/// Where a limit can be set, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A profile of `airtight.toml`.
    Profile,
    /// An override of a profile, for some of the tests.
    Override,
    /// A variable `AIRTIGHT_…`.
    Environment,
    /// An option of the program.
    CommandLine,
    /// A test's own attribute, which may lower a limit, never raise it.
    Attribute,
}

impl Source {
    /// Every source.
    pub const ALL: &'static [Self] =
        &[Self::Profile, Self::Override, Self::Environment, Self::CommandLine, Self::Attribute];
    /// The sources that hold for a whole run.
    pub const OF_A_RUN: &'static [Self] = &[Self::Profile, Self::Environment, Self::CommandLine];
}

/// What breaking a limit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// The verdict is `memory`.
    Memory,
    /// The verdict is `timeout`.
    Time,
    /// The verdict is `fail`.
    Failure,
    /// The call fails that would break it, or output is dropped, and the test goes on.
    Refusal,
    /// The test is told of, and its verdict stays. Such a limit changes no canonical report, so it is not part of the policy
    /// that the report states.
    Note,
}
