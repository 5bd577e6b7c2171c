//! The panic that ended a Rust test which is expected to panic: whether one was raised, and what it says.
//!
//! The hooks of the module (see [`crate::instrument::PanicHooks`]) tell where the payload is; `watch` keeps that. Nothing
//! more is done while the guest runs. When the panic has ended the guest, `read` asks the payload what it is, as Rust's
//! library would: it calls functions of the payload's vtable. `kinds` finds out which types are text, once for each module,
//! in an instance of its own. Standard error is not looked at: a test can have a panic hook of its own.

mod kinds;
mod module;
mod read;
mod vtables;
mod watch;

pub(super) use module::ModulePanics;
pub(super) use read::read;
pub use read::{PanicSaid, RaisedPanic};
pub(super) use watch::{PanicWatch, Uncaught};
