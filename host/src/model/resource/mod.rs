//! The resources that a test held at its end.
//!
//! [`Resource`] is an entry of the report. What a kind of resource *is* stands in one place, [`ResourceKind`]: its names, its
//! heading, its advice, what makes two entries the same leak. Code that writes or compares reports asks it. To add a kind, add
//! a variant and a row in `kind.rs`, and its usual culprits in `culprits.rs`.

mod blocks;
mod culprits;
mod entry;
mod fingerprint;
mod kind;
mod outlived;
mod setting;
mod whole;

pub use blocks::{BlocksRecord, HeldBy, LastPointerRecord, PlacedBlocks, PointerWent, RingRecord, VariableRecord};
pub use culprits::{Cycles, culprits};
pub use entry::{Resource, SETUP_SCOPE, SocketRecord, ThreadRecord};
pub use fingerprint::Fingerprint;
pub use kind::{Heading, ResourceKind};
pub use outlived::OutlivedRecord;
pub use setting::{LeakAction, LeakSetting};
