//! The name of a thread that has none of its own.

/// `the main thread`, or `thread 3`.
pub(super) fn name_of(thread: u32) -> String {
    if thread == 0 { "the main thread".to_owned() } else { format!("thread {thread}") }
}
