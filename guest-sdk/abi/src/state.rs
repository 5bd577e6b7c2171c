//! What a test left in its memory for the host to read.

use core::fmt;

/// The record at the address that [`STATE_EXPORT`](crate::STATE_EXPORT) returns: five `u32`, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct State {
    /// [`State::VERSION`].
    pub version: u32,
    /// [`State::FAILED`] and the like, or-ed. Bits that are not known are for later.
    pub flags: u32,
    /// Clean-ups that wait to be run; after a trap it may be one too many, never too few.
    pub pending_cleanups: u32,
    /// Address of the [`journal`](crate::journal).
    pub journal_ptr: u32,
    /// Length of the journal in bytes; at most [`journal::CAP`](crate::journal::CAP) unless the guest is hostile.
    pub journal_len: u32,
}

impl State {
    /// The layout described here.
    pub const VERSION: u32 = 1;
    /// Bytes of the record.
    pub const SIZE: usize = size_of::<Self>();

    /// The test failed: `fail`, `fatal` or a returned error.
    pub const FAILED: u32 = 1;
    /// The test ended itself as skipped. A failure recorded before counts more.
    pub const SKIPPED: u32 = 1 << 1;
    /// The test ended itself with `fatal`: the trap that follows is its way out.
    pub const FATAL: u32 = 1 << 2;
    /// The test panicked. Only tests that should panic record it.
    pub const PANICKED: u32 = 1 << 3;
    /// The journal was full, and entries were dropped.
    pub const TRUNCATED: u32 = 1 << 4;

    /// Decodes the record.
    ///
    /// # Errors
    /// If its version is not [`State::VERSION`].
    pub fn read(bytes: &[u8; Self::SIZE]) -> Result<Self, UnknownVersion> {
        let [version, flags, pending_cleanups, journal_ptr, journal_len] = words(bytes);
        if version != Self::VERSION {
            return Err(UnknownVersion(version));
        }
        Ok(Self { version, flags, pending_cleanups, journal_ptr, journal_len })
    }

    /// See [`State::FAILED`].
    pub fn failed(&self) -> bool {
        self.flags & Self::FAILED != 0
    }

    /// See [`State::SKIPPED`].
    pub fn skipped(&self) -> bool {
        self.flags & Self::SKIPPED != 0
    }

    /// See [`State::FATAL`].
    pub fn fatal(&self) -> bool {
        self.flags & Self::FATAL != 0
    }

    /// See [`State::PANICKED`].
    pub fn panicked(&self) -> bool {
        self.flags & Self::PANICKED != 0
    }

    /// See [`State::TRUNCATED`].
    pub fn truncated(&self) -> bool {
        self.flags & Self::TRUNCATED != 0
    }
}

fn words(bytes: &[u8; State::SIZE]) -> [u32; State::SIZE / 4] {
    let mut words = [0; State::SIZE / 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    words
}

/// The version of a [`State`] that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVersion(pub u32);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the test's state has version {}, and this airtight reads {}: use the airtight and the airtight-sdk of one \
             release, or the test overwrote its own memory",
            self.0,
            State::VERSION
        )
    }
}

impl core::error::Error for UnknownVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_little_endian() {
        let mut bytes = [0; State::SIZE];
        for (index, byte) in bytes.iter_mut().enumerate().skip(4) {
            *byte = u8::try_from(index).unwrap();
        }
        bytes[0] = 1;
        let state = State::read(&bytes).unwrap();
        assert_eq!(state.flags, 0x0706_0504);
        assert_eq!(state.journal_len, 0x1312_1110);
        assert!(state.fatal() && !state.failed() && !state.skipped() && !state.panicked() && !state.truncated());
    }

    #[test]
    fn another_version_is_refused() {
        assert_eq!(State::read(&[0; State::SIZE]), Err(UnknownVersion(0)));
    }
}
