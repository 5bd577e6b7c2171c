//! What is said of threads that had not ended: which thread, where it is, and what it waits for.

mod cycle;
#[cfg(test)]
mod guests;
#[cfg(test)]
mod heap_guests;
mod holdings;
mod interleaving;
mod name;
#[cfg(test)]
mod sdk_guests;

pub use holdings::{HeldBlocks, Holdings, held_blocks};
pub use interleaving::interleaving;

use super::bounds::end_list;
use crate::ledger::Stack;
use crate::model::{Frame, Resource, ResourceKind, ThreadRecord, units::format_duration};
use crate::sandbox::{StoppedThread, ThreadDeadlock, ThreadWait};
use crate::symbols::Symbols;
use cycle::{WaitsFor, cycle};
use name::name_of;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

/// Most threads that a message names; the rest are counted.
const NAMED: usize = 8;

/// What functions of Rust's library and of the C library wait for, by a part of their names. If several are on a stack, the
/// outermost one counts, which the user's own code called: a channel parks, and parking locks.
const WAITS: [(&str, &str); 16] = [
    ("JoinHandle", "joins a thread"),
    ("JoinInner", "joins a thread"),
    ("pthread_join", "joins a thread"),
    ("thread::scoped::", "waits for its scoped threads"),
    ("Condvar", "waits for a condition variable"),
    ("pthread_cond_", "waits for a condition variable"),
    ("Barrier", "waits at a barrier"),
    ("rwlock", "locks a reader-writer lock"),
    ("RwLock", "locks a reader-writer lock"),
    ("mutex", "locks a mutex"),
    ("Mutex", "locks a mutex"),
    ("::recv", "receives from a channel"),
    ("::send", "sends into a channel"),
    ("sync::once", "waits for what another thread initialises"),
    ("sync::lazy_lock", "waits for what another thread initialises"),
    ("::park", "is parked"),
];

/// What is said of a test in which no thread can ever go on.
pub fn deadlock(threads: &ThreadDeadlock, symbols: &Symbols) -> String {
    let mut all: Vec<String> = threads.threads.iter().take(NAMED).map(|thread| told(thread, symbols)).collect();
    if threads.threads.len() > NAMED {
        all.push(format!("and {} more", threads.threads.len() - NAMED));
    }
    all.extend(cycle(&threads.threads, symbols));
    format!("{threads}\n{}", all.join("\n"))
}

/// The entries for threads that had not ended when the test was over. Threads that were spawned at one place and do the
/// same share an entry; entries are in the order in which their first thread was spawned.
pub fn not_ended(threads: &[StoppedThread], holdings: &Holdings, scope: &str, symbols: &Symbols) -> Vec<Resource> {
    let mut entries: Vec<Resource> = Vec::new();
    let mut known: HashMap<(Vec<Frame>, ThreadRecord), usize> = HashMap::new();
    for thread in threads {
        let stack = thread.spawned.as_ref().map(|stack| symbols.frames(stack)).unwrap_or_default();
        let name = thread.name.as_deref().map(str::to_owned);
        let does = doing(thread, symbols);
        let (blocks, bytes) = holdings.blocks(thread.id);
        let record = ThreadRecord {
            number: thread.id,
            name,
            does,
            waited_ns: thread.waited,
            handles: holdings.handles(thread.id),
            blocks,
            bytes,
            stack: symbols.frames(&thread.stack),
        };
        let alike = ThreadRecord { number: 0, waited_ns: 0, handles: 0, blocks: 0, bytes: 0, ..record.clone() };
        match known.entry((stack, alike)) {
            Entry::Occupied(same) => {
                let same = &mut entries[*same.get()];
                same.count += 1;
                if let Some(known) = &mut same.thread {
                    known.handles += record.handles;
                    known.blocks += record.blocks;
                    known.bytes += record.bytes;
                }
            }
            Entry::Vacant(new) => {
                let stack = new.key().0.clone();
                entries.push(Resource { thread: Some(record), ..Resource::new(ResourceKind::Thread, scope, stack) });
                new.insert(entries.len() - 1);
            }
        }
    }
    end_list(entries)
}

/// A line about a thread: its name and what it does; in brackets where, how long it has waited, and where it was spawned.
fn told(thread: &StoppedThread, symbols: &Symbols) -> String {
    let name = thread.name.as_ref().map_or_else(String::new, |name| format!(" `{name}`"));
    let mut words = format!("{}{name} {}", name_of(thread.id), doing(thread, symbols));
    match WaitsFor::find(thread, symbols) {
        Some(WaitsFor::Holder(holder)) => words += &format!(" that {} holds", name_of(holder)),
        Some(WaitsFor::Joined(joined)) => words += &format!(" ({})", name_of(joined)),
        None => {}
    }
    let at = place(&symbols.frames(&thread.stack)).map(|place| format!("at {place}"));
    let waited =
        (thread.waited > 0).then(|| format!("waited {}", format_duration(Duration::from_nanos(thread.waited))));
    let spawned = thread.spawned.as_ref().map(|stack| symbols.frames(stack));
    let spawned = spawned.as_deref().and_then(place).map(|place| format!("spawned at {place}"));
    // In brackets, so that none of it seems to be said of the holder.
    let known: Vec<String> = [at, waited, spawned].into_iter().flatten().collect();
    if known.is_empty() { words } else { format!("{words} ({})", known.join(", ")) }
}

/// What a thread does: `locks a mutex`.
fn doing(thread: &StoppedThread, symbols: &Symbols) -> String {
    doing_at(thread.wait.as_ref(), &thread.stack, symbols)
}

/// What a thread does that waits like this, on this stack.
fn doing_at(wait: Option<&ThreadWait>, stack: &Stack, symbols: &Symbols) -> String {
    match wait {
        None => "runs".to_owned(),
        Some(ThreadWait::Time) => "sleeps".to_owned(),
        Some(ThreadWait::Descriptor(words)) => words.clone(),
        Some(ThreadWait::Address(address)) => {
            let calls = symbols.library_calls(stack);
            let known = calls.iter().rev().find_map(|call| WAITS.iter().find(|(part, _)| call.contains(part)));
            known.map_or_else(
                || format!("waits for a notification of address {address:#x}"),
                |(_, words)| (*words).to_owned(),
            )
        }
    }
}

/// The innermost place in the user's own code.
fn place(stack: &[Frame]) -> Option<String> {
    let frame = stack.iter().find(|frame| frame.is_own())?;
    Some(match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => format!("`{}`", frame.function),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;
    use crate::symbols::PathRoots;

    fn thread(id: u32, functions: std::ops::Range<u32>, wait: Option<ThreadWait>) -> StoppedThread {
        let stack: Vec<_> = functions.map(|function| RawFrame { function, offset: None }).collect();
        let spawned = (id > 0).then(|| [RawFrame { function: 4, offset: None }].into());
        let (holder, joined) = (None, None);
        let name = (id == 2).then(|| "reader".into());
        StoppedThread { id, name, spawned, stack: stack.into(), wait, holder, joined, waited: u64::from(id) * 1_500 }
    }

    #[test]
    fn each_thread_is_told_with_its_wait_and_its_place() {
        let functions = [
            "std::sys::sync::mutex::futex::Mutex::lock_contended",
            "std::sync::mpmc::list::Channel<T>::recv",
            "demo::f",
            "demo::main",
            "demo::spawns",
            "std::sys::sync::mutex::futex::Mutex::lock_contended_again",
            "demo::locks",
        ];
        let text: String = functions.iter().map(|name| format!("(func $\"{name}\")")).collect();
        let symbols = Symbols::of_bytes(&wat::parse_str(format!("(module {text})")).unwrap(), PathRoots::default());
        let address = Some(ThreadWait::Address(0x1000));
        let mut threads = vec![
            thread(0, 0..3, address.clone()),
            thread(1, 2..4, address),
            thread(2, 3..4, Some(ThreadWait::Descriptor("waits for bytes".into()))),
            thread(3, 3..4, None),
        ];
        insta::assert_snapshot!(deadlock(&ThreadDeadlock { threads: threads.clone() }, &symbols), @r"
        none of its 4 threads can ever go on: each waits for another
        the main thread receives from a channel (at `demo::f`)
        thread 1 waits for a notification of address 0x1000 (at `demo::f`, waited 1.5µs, spawned at `demo::spawns`)
        thread 2 `reader` waits for bytes (at `demo::main`, waited 3µs, spawned at `demo::spawns`)
        thread 3 runs (at `demo::main`, waited 4.5µs, spawned at `demo::spawns`)
        ");
        // The main thread receives, which is not a lock. Two others each wait for a lock that the other holds. A third
        // waits for one of them.
        let lock =
            |id, holder| StoppedThread { holder: Some(holder), ..thread(id, 5..7, Some(ThreadWait::Address(8))) };
        let mut circle = threads.clone();
        circle.extend([lock(4, 5), lock(5, 4), lock(6, 4)]);
        let text = deadlock(&ThreadDeadlock { threads: circle }, &symbols);
        assert!(text.contains("thread 6 locks a mutex that thread 4 holds (at `demo::locks`, "), "{text}");
        assert!(text.ends_with("each waits for the next: thread 4 -> thread 5 -> thread 4"), "{text}");
        threads.extend((4..20).map(|id| thread(id, 3..4, None)));
        assert!(deadlock(&ThreadDeadlock { threads }, &symbols).ends_with("and 12 more"));
    }
}
