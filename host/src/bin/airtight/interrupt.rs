//! What Ctrl-C does.

use airtight::exit_status;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many modules are being loaded. While it is not 0, no test has run, and a compiler cannot be interrupted.
static COMPILING: AtomicUsize = AtomicUsize::new(0);

/// Exists while a module is being loaded.
pub struct Compiling;

impl Compiling {
    pub fn begin() -> Self {
        COMPILING.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Compiling {
    fn drop(&mut self) {
        COMPILING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The first Ctrl-C ends the run, with its report. While modules are being compiled, it ends the program. A second Ctrl-C
/// ends the program at once.
pub fn stop_on_interrupt(interrupt: Arc<AtomicBool>) {
    let set = ctrlc::set_handler(move || {
        if interrupt.swap(true, Ordering::Relaxed) || COMPILING.load(Ordering::Relaxed) > 0 {
            std::process::exit(exit_status::INTERRUPTED.into());
        }
    });
    if let Err(error) = set {
        tracing::warn!("Ctrl-C will end the program without a report: {error}");
    }
}
