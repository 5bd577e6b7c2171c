//! What the host's work for a guest costs it in fuel.
//!
//! Fuel counts wasm operators; without a tariff a guest could make the host work for hours at the price of a few calls.
//! The tariff, charged after the call: [`CALL`] for every host call, [`PATH`] for a call that resolves a path or an
//! address, [`BYTE`] for a byte read, written or copied, [`ENTRY`] for a directory entry, a subscription or a port looked
//! at, [`COMPONENT`] for a component of a symbolic link's target, [`FRAME`] for a stack frame captured.

/// Any host call.
pub const CALL: u64 = 100;
/// A call that resolves a path, or an address of the network.
pub const PATH: u64 = 2_000;
/// A byte moved between guest and host.
pub const BYTE: u64 = 1;
/// A directory entry, an environment string, a poll subscription, or a port that may be free.
pub const ENTRY: u64 = 100;
/// A component of a symbolic link's target that is resolved in memory, or a directory passed on the way up from another.
pub const COMPONENT: u64 = 64;
/// A frame of a captured stack.
pub const FRAME: u64 = 10;

/// The most buffers of one scatter or gather call, and the most subscriptions of one poll.
pub const MAX_VECTORS: u32 = 1024;
/// The most bytes that one call moves: 16 MiB. If there are more, the read or write is short, as POSIX allows.
pub const MAX_BYTES: usize = 16 << 20;

/// Collects the charges of one host call.
#[derive(Debug, Default)]
pub struct Meter {
    due: u64,
}

impl Meter {
    /// Adds `count` times `price` to the bill.
    pub fn charge(&mut self, price: u64, count: usize) {
        self.due = self.due.saturating_add(price.saturating_mul(count as u64));
    }

    /// Gives the bill, and begins a new one.
    pub fn take(&mut self) -> u64 {
        std::mem::take(&mut self.due)
    }
}
