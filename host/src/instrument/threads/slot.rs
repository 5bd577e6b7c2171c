//! The slots of the table that the host fills.

pub const WAIT32: u32 = 0;
pub const WAIT64: u32 = 1;
pub const NOTIFY: u32 = 2;
/// `() -> ()`: an operator is about to be executed.
pub const STEP: u32 = 3;
/// `(i32 address, i32 value) -> ()`: the word at this address has this value now. It was 0 before and is not any more, or 0 was
/// stored.
pub const CHANGED: u32 = 4;
