//! The places in the table that the host fills.

pub const WAIT32: u32 = 0;
pub const WAIT64: u32 = 1;
pub const NOTIFY: u32 = 2;
/// `() -> ()`: an operator is about to be done.
pub const STEP: u32 = 3;
/// `(i32 address, i32 value) -> ()`: the word there has this value now, and one of the old and the new one is 0.
pub const CHANGED: u32 = 4;
