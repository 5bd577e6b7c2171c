//! Calls that acquire or release a resource with a number of its own: tasks, and resources of the user's own kinds.

use super::event::TracedEvent;
use crate::ledger::HandleId;
use crate::model::trace::TraceKind;
use crate::sandbox::wasi::context::Wasi;
use std::sync::Arc;

/// Makes such a call of a thread, and enters it into the trace if there is one. `about` is the number of the resource;
/// `None` if the call makes a new one.
///
/// # Errors
/// The call's error.
pub fn numbered(
    wasi: &mut Wasi,
    (kind, call, thread): (TraceKind, &'static str, u32),
    about: Option<i32>,
    host: impl FnOnce(&mut Wasi) -> wasmtime::Result<i32>,
) -> wasmtime::Result<i32> {
    if wasi.trace.is_none() {
        return host(wasi);
    }
    let stack = wasi.stack.clone();
    let object = about.and_then(|number| name_of(wasi, number));
    let done = host(wasi);
    let object = match (object, about, &done) {
        (None, None, Ok(number)) => name_of(wasi, *number),
        (object, ..) => object,
    };
    wasi.trace_in_call(thread, TracedEvent { stack, object, ..TracedEvent::new(kind, call) });
    done
}

impl Wasi {
    /// Enters an event of a thread into the trace, at the time of the current host call.
    pub(crate) fn trace_in_call(&mut self, thread: u32, event: TracedEvent) {
        let fuel = Some(self.world.clock.spent());
        if let Some(trace) = &mut self.trace {
            trace.flush(None, thread);
            trace.push(TracedEvent { fuel, thread, ..event });
        }
    }
}

/// The name of the resource with this number.
fn name_of(wasi: &Wasi, number: i32) -> Option<Arc<str>> {
    let id = u64::from(number.cast_unsigned()).checked_sub(1)?;
    let handle = wasi.ledger.get(HandleId::from_number(id))?;
    match (&handle.tracked, &handle.path) {
        (Some(kind), Some(label)) => Some(format!("{kind} {label}").into()),
        (_, name) => name.clone(),
    }
}
