//! Threads that wait for each other in a circle, as far as it can be seen which thread each waits for.

use super::name_of;
use crate::sandbox::{StoppedThread, ThreadWait};
use crate::symbols::Symbols;
use std::collections::BTreeMap;

/// Functions that wait for a word which is not 0 as long as a thread holds the lock, and which only taking and releasing it change:
/// those of Rust's library and of the C library.
const LOCKS: [&str; 4] = [
    "mutex::futex::Mutex>::lock_contended",
    "mutex::futex::Mutex::lock_contended",
    "pthread_mutex_timedlock",
    "pthread_mutex_lock",
];

/// Functions that wait for the end of a thread, at a word of the thread's own.
const JOINS: [&str; 2] = ["pthread_join", "pthread_timedjoin_np"];

/// For which other thread a thread waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// It holds the lock.
    Holder(u32),
    /// It is joined.
    Joined(u32),
}

impl WaitsFor {
    /// Of a thread that waits; `None` where that is not known for certain.
    pub fn of(thread: &StoppedThread, symbols: &Symbols) -> Option<Self> {
        let Some(ThreadWait::Address(_)) = thread.wait else { return None };
        let calls = symbols.library_calls(&thread.stack);
        let calls_any = |names: &[&str]| calls.iter().any(|call| names.iter().any(|name| call.contains(name)));
        // A condition variable takes its lock again when it was told: that is a lock, too.
        if calls_any(&LOCKS) {
            return thread.holder.filter(|holder| *holder != thread.id).map(Self::Holder);
        }
        if calls_any(&JOINS) { thread.joined.map(Self::Joined) } else { None }
    }

    fn thread(self) -> u32 {
        match self {
            Self::Holder(thread) | Self::Joined(thread) => thread,
        }
    }
}

/// The first circle of threads, from the one with the smallest number: `thread 1 waits for thread 2, which …`.
pub fn cycle(threads: &[StoppedThread], symbols: &Symbols) -> Option<String> {
    let waits: BTreeMap<u32, WaitsFor> =
        threads.iter().filter_map(|thread| Some((thread.id, WaitsFor::of(thread, symbols)?))).collect();
    let circle = waits.keys().find_map(|first| {
        let mut circle = vec![*first];
        let mut next = waits.get(first)?.thread();
        while next != *first {
            if circle.contains(&next) {
                return None;
            }
            circle.push(next);
            next = waits.get(&next)?.thread();
        }
        Some(circle)
    })?;
    let all = circle.iter().chain(circle.first()).map(|thread| name_of(*thread));
    Some(format!("each waits for the next: {}", all.collect::<Vec<_>>().join(" -> ")))
}
