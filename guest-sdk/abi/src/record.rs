//! Writing a record of the section: at compile time, in the guest.

/// What every record starts with. The last byte is the version of the layout.
pub(crate) const MAGIC: [u8; 4] = *b"ATR1";

/// Bytes before a record's body: the magic and the body's length.
pub(crate) const HEADER: usize = MAGIC.len() + size_of::<u32>();

/// Longest body of a record, in bytes.
pub(crate) const MAX_BODY: usize = 64 << 10;

/// The keys of a record's body, beside those of limits, which are [`Row::key`](crate::limits::Row::key).
pub mod key {
    /// Full name, `crate::path::function`. Required.
    pub const NAME: &str = "name";
    /// Name of the test's export. Required.
    pub const EXPORT: &str = "export";
    /// Source file, as `file!()` gives it. Required.
    pub const FILE: &str = "file";
    /// Line of the function, from 1. Required.
    pub const LINE: &str = "line";
    /// The test must panic; the value is text that its message must hold, or nothing.
    pub const SHOULD_PANIC: &str = "should_panic";
    /// The test is not run unless asked for; the value is the reason, or nothing.
    pub const IGNORE: &str = "ignore";
    /// What it is, where it is not a test: [`SETUP`](crate::SETUP) or [`TEARDOWN`](crate::TEARDOWN).
    pub const ROLE: &str = "role";
    /// It is not run at once with others of this group, where they could meet; the value is the group's name, or nothing.
    pub const SERIAL: &str = "serial";
    /// Its calls are made to fail, one after the other, whenever it is run; the value is nothing.
    pub const FAULTS: &str = "faults";
    /// Name of a grant that the test asks for. May be repeated.
    pub const GRANT: &str = "grant";
}

/// The length of [`record`]`(body)`.
pub const fn record_len(body: &str) -> usize {
    HEADER + body.len()
}

/// One record of the section: the magic `ATR1`, the body's length (`u32`, little endian), the body.
///
/// The body is a sequence of `key\0value\0`, with the keys of [`key`] and of limits.
///
/// # Panics
/// If `N` is not [`record_len`]`(body)`, or the body is longer than 64 KiB: at compile time, where it is used.
pub const fn record<const N: usize>(body: &str) -> [u8; N] {
    assert!(N == record_len(body), "a record's array must be `record_len(body)` long");
    assert!(body.len() <= MAX_BODY, "a test's metadata must not be longer than 64 KiB");
    let mut bytes = [0; N];
    let (magic, rest) = bytes.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    let (len, rest) = rest.split_at_mut(size_of::<u32>());
    // At most MAX_BODY: no bit is lost.
    len.copy_from_slice(&(body.len() as u32).to_le_bytes());
    rest.copy_from_slice(body.as_bytes());
    bytes
}
