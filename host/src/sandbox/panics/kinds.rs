//! Which types of payload are text: asked of the module itself, once. The number of a type is the compiler's choice.

use super::module::Readers;
use super::vtables::{self, TypeId};
use crate::sandbox::execute::Job;
use crate::sandbox::guest::Guest;
use crate::sandbox::probe::{NoAnswer, Probe};
use wasmtime::ensure;

/// The types of payload that are text, as libtest knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PayloadKinds {
    /// `&'static str`.
    pub(super) static_str: TypeId,
    /// `String`.
    pub(super) string: TypeId,
}

/// Where in the page a payload is put.
const PAYLOAD: u32 = 64;

/// Asks a module in a fresh instance for the types of what is in the two payloads that the library makes itself. What they hold is
/// not looked at: all zeros will do.
pub(super) fn probe(job: &Job<'_>, readers: &Readers) -> Result<PayloadKinds, NoAnswer> {
    let found = || -> wasmtime::Result<PayloadKinds> {
        let mut probe = Probe::new(job)?;
        let instance = probe.instance;
        probe.refuelled(|main| {
            let mut guest = Guest::new(main, instance)?;
            let mut types = [[0; 16]; 2];
            for (id, export) in types.iter_mut().zip([&readers.statics, &readers.formatted]) {
                let borrow = guest.exported(export)?;
                let payload = guest.scratch(PAYLOAD);
                let value = vtables::borrow(&mut guest, borrow, payload)?;
                *id = vtables::type_id(&mut guest, value, readers)?;
            }
            let [static_str, string] = types;
            ensure!(static_str != string, "its types of text are not told apart");
            Ok(PayloadKinds { static_str, string })
        })
    };
    found().map_err(NoAnswer::from)
}
