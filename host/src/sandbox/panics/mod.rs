//! The panic that ended a test of a Rust program which is expected to panic: whether one was raised, and what it says.
//!
//! The hooks of the module (see [`crate::instrument::PanicHooks`]) tell where the payload is, in `watch`. Nothing more is done
//! while the guest runs. When the panic has ended it, `read` asks the payload what it is, as Rust's library would: by calling the
//! functions in its vtable. Which types are text is found out in an instance of its own once a module, in `kinds`. Standard error is not looked at: a test can have a panic hook of its own.

mod kinds;
mod module;
mod read;
mod vtables;
mod watch;

pub(super) use module::ModulePanics;
pub(super) use read::read;
pub use read::{PanicSaid, RaisedPanic};
pub(super) use watch::{PanicWatch, Uncaught};
