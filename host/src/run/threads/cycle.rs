//! Threads that wait for each other in a circle, as far as it is known which thread each one waits for.

use super::name::name_of;
use crate::sandbox::{StoppedThread, ThreadWait};
use crate::symbols::Symbols;
use std::collections::BTreeMap;

/// Functions of Rust's library and of the C library that wait for a lock. The word at which they wait is not 0 while a
/// thread holds the lock, and only taking and releasing the lock change it.
const LOCKS: [&str; 4] = [
    "mutex::futex::Mutex>::lock_contended",
    "mutex::futex::Mutex::lock_contended",
    "pthread_mutex_timedlock",
    "pthread_mutex_lock",
];

/// Functions that wait for a thread to end, at a word that belongs to that thread.
const JOINS: [&str; 2] = ["pthread_join", "pthread_timedjoin_np"];

/// The other thread that a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The one that holds the lock.
    Holder(u32),
    /// The one that is joined.
    Joined(u32),
}

impl WaitsFor {
    /// The thread that this one waits for; `None` if that is not known for certain.
    pub fn find(thread: &StoppedThread, symbols: &Symbols) -> Option<Self> {
        let Some(ThreadWait::Address(_)) = thread.wait else { return None };
        let calls = symbols.library_calls(&thread.stack);
        let calls_any = |names: &[&str]| calls.iter().any(|call| names.iter().any(|name| call.contains(name)));
        // After a notification, a waiter at a condition variable takes its lock again: then it waits for a lock, too.
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

/// The circle that has the thread with the smallest number, from that thread on. `next` leads from each thread to the one
/// that it waits for. Each thread is visited once.
fn first_circle(next: &BTreeMap<u32, u32>) -> Option<Vec<u32>> {
    let mut walks: BTreeMap<u32, u32> = BTreeMap::new();
    let mut found: Option<Vec<u32>> = None;
    for &start in next.keys() {
        let mut thread = start;
        while !walks.contains_key(&thread) {
            walks.insert(thread, start);
            match next.get(&thread) {
                Some(&other) => thread = other,
                None => break,
            }
        }
        if walks.get(&thread) != Some(&start) || !next.contains_key(&thread) {
            continue;
        }
        // This walk has come back to a thread of its own.
        let mut circle = vec![thread];
        while let Some(&other) = circle.last().and_then(|last| next.get(last)).filter(|other| **other != thread) {
            circle.push(other);
        }
        let smallest = circle.iter().enumerate().min_by_key(|(_, thread)| **thread).map_or(0, |(at, _)| at);
        circle.rotate_left(smallest);
        if found.as_ref().is_none_or(|known| circle[0] < known[0]) {
            found = Some(circle);
        }
    }
    found
}

/// The first circle of threads, from the one with the smallest number: `each waits for the next: thread 1 -> thread 2 ->
/// thread 1`.
pub fn cycle(threads: &[StoppedThread], symbols: &Symbols) -> Option<String> {
    let waits: BTreeMap<u32, WaitsFor> =
        threads.iter().filter_map(|thread| Some((thread.id, WaitsFor::find(thread, symbols)?))).collect();
    let next: BTreeMap<u32, u32> = waits.into_iter().map(|(thread, waits)| (thread, waits.thread())).collect();
    let circle = first_circle(&next)?;
    let all = circle.iter().chain(circle.first()).map(|thread| name_of(*thread));
    Some(format!("each waits for the next: {}", all.collect::<Vec<_>>().join(" -> ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_circle_with_the_smallest_thread_is_told_from_that_one_on() {
        let circle = |next: &[(u32, u32)]| first_circle(&next.iter().copied().collect());
        assert_eq!(circle(&[]), None);
        assert_eq!(circle(&[(0, 1), (1, 2)]), None, "a chain");
        assert_eq!(circle(&[(0, 4), (4, 7), (7, 2), (2, 4)]), Some(vec![2, 4, 7]), "a tail leads to it");
        assert_eq!(circle(&[(0, 9), (9, 8), (8, 9), (3, 5), (5, 3)]), Some(vec![3, 5]));
        assert_eq!(circle(&[(6, 6)]), Some(vec![6]));
        let long: Vec<(u32, u32)> =
            (0..100_000).map(|thread| (thread, thread + 1)).chain([(100_000, 99_999)]).collect();
        assert_eq!(circle(&long), Some(vec![99_999, 100_000]));
    }
}
