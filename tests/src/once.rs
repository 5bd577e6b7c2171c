//! Something that is built once and then reused: in one process, and under nextest in all processes of one run.

use crate::program::scratch_root;
use std::fs;
use std::path::{Path, PathBuf};

/// The variable by which nextest names a run.
const RUN_ID: &str = "NEXTEST_RUN_ID";

/// The text that `make` gives, from an earlier process of the same run where there was one. A file lock keeps two processes
/// from making it at once.
pub fn once_a_run(name: &str, make: impl FnOnce() -> String) -> String {
    let Some(run) = std::env::var(RUN_ID).ok() else { return make() };
    let made = scratch_root().join(format!("{name}.made"));
    let lock = fs::File::create(locked(&made)).expect("the scratch folder is writable");
    // `File::lock` is newer than the oldest compiler that the workspace supports.
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("files can be locked");
    if let Some(known) = fs::read_to_string(&made).ok().and_then(|text| text.strip_prefix(&run).map(str::to_owned)) {
        return known;
    }
    let text = make();
    fs::write(&made, format!("{run}{text}")).expect("the scratch folder is writable");
    text
}

fn locked(made: &Path) -> PathBuf {
    made.with_extension("lock")
}
