//! Which types of payload are text. The module itself is asked, once: the number of a type is the compiler's choice.

use super::module::{ModulePanics, PayloadKinds, Readers};
use super::vtables;
use crate::sandbox::guest::Guest;
use crate::sandbox::job::Job;
use crate::sandbox::no_answer::NoAnswer;
use crate::sandbox::probe::Probe;
use wasmtime::ensure;

/// Where in the host's page of the guest a payload is put.
const PAYLOAD: u32 = 64;

impl ModulePanics {
    /// Which types of payload are text, in a module that can be asked. It is found out once.
    pub(super) fn kinds(&self, job: &Job<'_>, readers: &Readers) -> Result<&PayloadKinds, NoAnswer> {
        self.kinds.get_or_init(|| probe(job, readers)).as_ref().map_err(Clone::clone)
    }
}

/// Asks a module, in a fresh instance, for the types of the values in the two payloads that Rust's library makes itself.
/// Only their types matter, so their contents may be all zeros.
fn probe(job: &Job<'_>, readers: &Readers) -> Result<PayloadKinds, NoAnswer> {
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
