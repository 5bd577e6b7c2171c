//! A corpus of races: each `racy_` test fails under some schedules, and its `mended_` twin under none.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::thread;

/// Runs all of these at once.
fn at_once(jobs: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = jobs.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn job(job: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce() + Send> {
    Box::new(job)
}

#[test]
fn racy_lost_update() {
    let n = Arc::new(AtomicU32::new(0));
    let add = |n: Arc<AtomicU32>| job(move || n.store(n.load(SeqCst) + 1, SeqCst));
    at_once(vec![add(n.clone()), add(n.clone())]);
    assert_eq!(n.load(SeqCst), 2);
}

#[test]
fn mended_lost_update() {
    let n = Arc::new(AtomicU32::new(0));
    let add = |n: Arc<AtomicU32>| job(move || drop(n.fetch_add(1, SeqCst)));
    at_once(vec![add(n.clone()), add(n.clone())]);
    assert_eq!(n.load(SeqCst), 2);
}

#[test]
fn racy_check_then_act() {
    let (taken, owners) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let take = |taken: Arc<AtomicBool>, owners: Arc<AtomicU32>| {
        job(move || {
            if !taken.load(SeqCst) {
                taken.store(true, SeqCst);
                owners.fetch_add(1, SeqCst);
            }
        })
    };
    at_once(vec![take(taken.clone(), owners.clone()), take(taken, owners.clone())]);
    assert_eq!(owners.load(SeqCst), 1);
}

#[test]
fn mended_check_then_act() {
    let (taken, owners) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let take = |taken: Arc<AtomicBool>, owners: Arc<AtomicU32>| {
        job(move || {
            if !taken.swap(true, SeqCst) {
                owners.fetch_add(1, SeqCst);
            }
        })
    };
    at_once(vec![take(taken.clone(), owners.clone()), take(taken, owners.clone())]);
    assert_eq!(owners.load(SeqCst), 1);
}

fn both_locks(first: Arc<Mutex<u32>>, second: Arc<Mutex<u32>>) -> Box<dyn FnOnce() + Send> {
    job(move || {
        let mut first = first.lock().unwrap();
        *second.lock().unwrap() += 1;
        *first += 1;
    })
}

#[test]
fn racy_lock_order() {
    let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    at_once(vec![both_locks(a.clone(), b.clone()), both_locks(b, a)]);
}

#[test]
fn mended_lock_order() {
    let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    at_once(vec![both_locks(a.clone(), b.clone()), both_locks(a, b)]);
}

#[test]
fn racy_lost_wake_up() {
    let (ready, lock) = (Arc::new(AtomicBool::new(false)), Arc::new((Mutex::new(()), Condvar::new())));
    let (ready2, lock2) = (ready.clone(), lock.clone());
    at_once(vec![
        job(move || {
            if !ready.load(SeqCst) {
                drop(lock.1.wait(lock.0.lock().unwrap()).unwrap());
            }
        }),
        job(move || {
            ready2.store(true, SeqCst);
            lock2.1.notify_one();
        }),
    ]);
}

#[test]
fn mended_lost_wake_up() {
    let lock = Arc::new((Mutex::new(false), Condvar::new()));
    let lock2 = lock.clone();
    at_once(vec![
        job(move || drop(lock.1.wait_while(lock.0.lock().unwrap(), |ready| !*ready).unwrap())),
        job(move || {
            *lock2.0.lock().unwrap() = true;
            lock2.1.notify_one();
        }),
    ]);
}

fn initialise(flag_first: bool) {
    let (is_made, value) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (is_made2, value2) = (is_made.clone(), value.clone());
    at_once(vec![
        job(move || {
            if flag_first {
                is_made.store(true, SeqCst);
                value.store(42, SeqCst);
            } else {
                value.store(42, SeqCst);
                is_made.store(true, SeqCst);
            }
        }),
        job(move || {
            if is_made2.load(SeqCst) {
                assert_eq!(value2.load(SeqCst), 42);
            }
        }),
    ]);
}

#[test]
fn racy_double_checked_initialisation() {
    initialise(true);
}

#[test]
fn mended_double_checked_initialisation() {
    initialise(false);
}

/// A stack of the numbers 1 to 3 in an array of links; `tag` counts in the upper bits where it is to be safe.
struct Stack {
    head: AtomicUsize,
    next: [AtomicUsize; 4],
    tagged: bool,
}

impl Stack {
    fn new(tagged: bool) -> Self {
        Self { head: AtomicUsize::new(1), next: [0, 2, 3, 0].map(AtomicUsize::new), tagged }
    }

    fn tag(&self, head: usize) -> usize {
        if self.tagged { (head & !0xff) + 0x100 } else { 0 }
    }

    fn pop(&self) -> usize {
        loop {
            let head = self.head.load(SeqCst);
            let own = head & 0xff;
            if own == 0 {
                return 0;
            }
            let next = self.next[own].load(SeqCst);
            if self.head.compare_exchange(head, next | self.tag(head), SeqCst, SeqCst).is_ok() {
                return own;
            }
        }
    }

    fn push(&self, own: usize) {
        loop {
            let head = self.head.load(SeqCst);
            self.next[own].store(head & 0xff, SeqCst);
            if self.head.compare_exchange(head, own | self.tag(head), SeqCst, SeqCst).is_ok() {
                return;
            }
        }
    }
}

fn stack(tagged: bool) {
    let stack = Arc::new(Stack::new(tagged));
    let other = stack.clone();
    let popped = Arc::new(Mutex::new(Vec::new()));
    let (popped1, popped2) = (popped.clone(), popped.clone());
    at_once(vec![
        job(move || {
            let own = stack.pop();
            popped1.lock().unwrap().push(own);
        }),
        job(move || {
            let (first, second) = (other.pop(), other.pop());
            other.push(first);
            let third = other.pop();
            popped2.lock().unwrap().extend([second, third]);
        }),
    ]);
    let mut all = popped.lock().unwrap().clone();
    all.retain(|own| *own != 0);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "one was popped twice");
}

#[test]
fn racy_aba() {
    stack(false);
}

#[test]
fn mended_aba() {
    stack(true);
}

fn shut_down(checks_before: bool) {
    let (items, is_closed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let done = Arc::new(AtomicU32::new(0));
    let (items2, is_closed2, done2) = (items.clone(), is_closed.clone(), done.clone());
    at_once(vec![
        job(move || {
            items.lock().unwrap().push(1);
            is_closed.store(true, SeqCst);
        }),
        job(move || loop {
            let closed_before = is_closed2.load(SeqCst);
            let item = items2.lock().unwrap().pop();
            match item {
                Some(_) => drop(done2.fetch_add(1, SeqCst)),
                None if checks_before && closed_before => break,
                // What came between the look at the items and this one is lost.
                None if !checks_before && is_closed2.load(SeqCst) => break,
                None => thread::yield_now(),
            }
        }),
    ]);
    assert_eq!(done.load(SeqCst), 1);
}

#[test]
fn racy_shutdown() {
    shut_down(false);
}

#[test]
fn mended_shutdown() {
    shut_down(true);
}

#[test]
fn racy_withdrawal() {
    let balance = Arc::new(Mutex::new(100));
    let withdraw = |balance: Arc<Mutex<i32>>| {
        job(move || {
            let enough = *balance.lock().unwrap() >= 80;
            if enough {
                *balance.lock().unwrap() -= 80;
            }
        })
    };
    at_once(vec![withdraw(balance.clone()), withdraw(balance.clone())]);
    assert!(*balance.lock().unwrap() >= 0);
}

#[test]
fn mended_withdrawal() {
    let balance = Arc::new(Mutex::new(100));
    let withdraw = |balance: Arc<Mutex<i32>>| {
        job(move || {
            let mut balance = balance.lock().unwrap();
            if *balance >= 80 {
                *balance -= 80;
            }
        })
    };
    at_once(vec![withdraw(balance.clone()), withdraw(balance.clone())]);
    assert!(*balance.lock().unwrap() >= 0);
}

fn last_one_cleans(at_once_counted: bool) {
    let (users, cleaned) = (Arc::new(AtomicI32::new(2)), Arc::new(AtomicU32::new(0)));
    let leave = |users: Arc<AtomicI32>, cleaned: Arc<AtomicU32>| {
        job(move || {
            let is_last = if at_once_counted {
                users.fetch_sub(1, SeqCst) == 1
            } else {
                let is_last = users.load(SeqCst) == 1;
                users.fetch_sub(1, SeqCst);
                is_last
            };
            cleaned.fetch_add(u32::from(is_last), SeqCst);
        })
    };
    at_once(vec![leave(users.clone(), cleaned.clone()), leave(users, cleaned.clone())]);
    assert_eq!(cleaned.load(SeqCst), 1);
}

#[test]
fn racy_last_one_cleans() {
    last_one_cleans(false);
}

#[test]
fn mended_last_one_cleans() {
    last_one_cleans(true);
}

#[test]
fn racy_torn_read() {
    let pair = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let other = pair.clone();
    at_once(vec![
        job(move || {
            pair.0.store(1, SeqCst);
            pair.1.store(1, SeqCst);
        }),
        job(move || assert_eq!(other.0.load(SeqCst), other.1.load(SeqCst))),
    ]);
}

#[test]
fn mended_torn_read() {
    let pair = Arc::new(Mutex::new((0, 0)));
    let other = pair.clone();
    at_once(vec![
        job(move || *pair.lock().unwrap() = (1, 1)),
        job(move || {
            let pair = other.lock().unwrap();
            assert_eq!(pair.0, pair.1);
        }),
    ]);
}

#[test]
fn racy_upgraded_lock() {
    let n = Arc::new(RwLock::new(0));
    let add = |n: Arc<RwLock<u32>>| {
        job(move || {
            let seen = *n.read().unwrap();
            *n.write().unwrap() = seen + 1;
        })
    };
    at_once(vec![add(n.clone()), add(n.clone())]);
    assert_eq!(*n.read().unwrap(), 2);
}

#[test]
fn mended_upgraded_lock() {
    let n = Arc::new(RwLock::new(0));
    let add = |n: Arc<RwLock<u32>>| job(move || *n.write().unwrap() += 1);
    at_once(vec![add(n.clone()), add(n.clone())]);
    assert_eq!(*n.read().unwrap(), 2);
}

fn one_told_of_two(tell_all: bool) {
    // Two wait for different things behind one condition.
    let state = Arc::new((Mutex::new((false, false)), Condvar::new()));
    let (state2, state3) = (state.clone(), state.clone());
    let tell = move |state: &(Mutex<(bool, bool)>, Condvar)| if tell_all { state.1.notify_all() } else { state.1.notify_one() };
    at_once(vec![
        job(move || drop(state.1.wait_while(state.0.lock().unwrap(), |told| !told.0).unwrap())),
        job(move || drop(state2.1.wait_while(state2.0.lock().unwrap(), |told| !told.1).unwrap())),
        job(move || {
            state3.0.lock().unwrap().0 = true;
            tell(&state3);
            state3.0.lock().unwrap().1 = true;
            tell(&state3);
        }),
    ]);
}

#[test]
fn racy_notify_one_of_two() {
    one_told_of_two(false);
}

#[test]
fn mended_notify_one_of_two() {
    one_told_of_two(true);
}

fn tell_who_waits(counts_under_lock: bool) {
    // Who tells looks first whether anybody waits.
    let (state, waiters) = (Arc::new((Mutex::new(false), Condvar::new())), Arc::new(AtomicU32::new(0)));
    let (state2, waiters2) = (state.clone(), waiters.clone());
    at_once(vec![
        job(move || {
            let mut told = state.0.lock().unwrap();
            while !*told {
                if counts_under_lock {
                    waiters.fetch_add(1, SeqCst);
                    told = state.1.wait(told).unwrap();
                } else {
                    drop(told);
                    waiters.fetch_add(1, SeqCst);
                    told = state.1.wait(state.0.lock().unwrap()).unwrap();
                }
            }
        }),
        job(move || {
            *state2.0.lock().unwrap() = true;
            if waiters2.load(SeqCst) > 0 {
                state2.1.notify_all();
            }
        }),
    ]);
}

#[test]
fn racy_missing_notify() {
    tell_who_waits(false);
}

#[test]
fn mended_missing_notify() {
    tell_who_waits(true);
}

fn spin_lock(at_once_taken: bool) {
    let (is_locked, inside) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let enter = |is_locked: Arc<AtomicBool>, inside: Arc<AtomicU32>| {
        job(move || {
            if at_once_taken {
                while is_locked.swap(true, SeqCst) {
                    thread::yield_now();
                }
            } else {
                while is_locked.load(SeqCst) {
                    thread::yield_now();
                }
                is_locked.store(true, SeqCst);
            }
            assert_eq!(inside.fetch_add(1, SeqCst), 0, "both are inside");
            inside.fetch_sub(1, SeqCst);
            is_locked.store(false, SeqCst);
        })
    };
    at_once(vec![enter(is_locked.clone(), inside.clone()), enter(is_locked, inside)]);
}

#[test]
fn racy_spin_lock() {
    spin_lock(false);
}

#[test]
fn mended_spin_lock() {
    spin_lock(true);
}

fn ring(slot_first: bool) {
    let (slots, written) = (Arc::new([const { AtomicU32::new(0) }; 4]), Arc::new(AtomicUsize::new(0)));
    let (slots2, written2) = (slots.clone(), written.clone());
    at_once(vec![
        job(move || {
            for at in 0..4 {
                if slot_first {
                    slots[at].store(at as u32 + 1, SeqCst);
                    written.store(at + 1, SeqCst);
                } else {
                    written.store(at + 1, SeqCst);
                    slots[at].store(at as u32 + 1, SeqCst);
                }
            }
        }),
        job(move || {
            let written = written2.load(SeqCst);
            (0..written).for_each(|at| assert_eq!(slots2[at].load(SeqCst), at as u32 + 1));
        }),
    ]);
}

#[test]
fn racy_ring() {
    ring(false);
}

#[test]
fn mended_ring() {
    ring(true);
}

fn lazy(looks_again: bool) {
    let (made, times) = (Arc::new(RwLock::new(None)), Arc::new(AtomicU32::new(0)));
    let get = |made: Arc<RwLock<Option<u32>>>, times: Arc<AtomicU32>| {
        job(move || {
            if made.read().unwrap().is_some() {
                return;
            }
            let mut made = made.write().unwrap();
            if !looks_again || made.is_none() {
                *made = Some(times.fetch_add(1, SeqCst));
            }
        })
    };
    at_once(vec![get(made.clone(), times.clone()), get(made, times.clone())]);
    assert_eq!(times.load(SeqCst), 1);
}

#[test]
fn racy_lazy_value() {
    lazy(false);
}

#[test]
fn mended_lazy_value() {
    lazy(true);
}

fn philosophers(all_alike: bool) {
    let forks: Vec<_> = (0..3).map(|_| Arc::new(Mutex::new(0))).collect();
    let dine = |left: usize, right: usize| both_locks(forks[left].clone(), forks[right].clone());
    at_once(vec![dine(0, 1), dine(1, 2), if all_alike { dine(2, 0) } else { dine(0, 2) }]);
}

#[test]
fn racy_philosophers() {
    philosophers(true);
}

#[test]
fn mended_philosophers() {
    philosophers(false);
}

fn bounded(one_lock: bool) {
    let queue = Arc::new(Mutex::new(vec![0; 3]));
    let push = |queue: Arc<Mutex<Vec<u32>>>| {
        job(move || {
            if one_lock {
                let mut queue = queue.lock().unwrap();
                if queue.len() < 4 {
                    queue.push(1);
                }
            } else {
                let has_room = queue.lock().unwrap().len() < 4;
                if has_room {
                    queue.lock().unwrap().push(1);
                }
            }
        })
    };
    at_once(vec![push(queue.clone()), push(queue.clone())]);
    assert!(queue.lock().unwrap().len() <= 4);
}

#[test]
fn racy_bounded_queue() {
    bounded(false);
}

#[test]
fn mended_bounded_queue() {
    bounded(true);
}

/// Mutual exclusion by a flag each, which one has to raise before it looks at the other's.
fn flags(raises_first: bool) {
    let (flags, inside) = (Arc::new([const { AtomicBool::new(false) }; 2]), Arc::new(AtomicU32::new(0)));
    let enter = |own: usize, flags: Arc<[AtomicBool; 2]>, inside: Arc<AtomicU32>| {
        job(move || {
            if raises_first {
                flags[own].store(true, SeqCst);
            }
            if !flags[1 - own].load(SeqCst) {
                flags[own].store(true, SeqCst);
                assert_eq!(inside.fetch_add(1, SeqCst), 0, "both are inside");
                inside.fetch_sub(1, SeqCst);
            }
            flags[own].store(false, SeqCst);
        })
    };
    at_once(vec![enter(0, flags.clone(), inside.clone()), enter(1, flags, inside)]);
}

#[test]
fn racy_flags() {
    flags(false);
}

#[test]
fn mended_flags() {
    flags(true);
}

/// A shared object that is freed by the last of its owners. Who takes part must not revive it.
fn references(compares: bool) {
    let (count, is_freed) = (Arc::new(AtomicU32::new(1)), Arc::new(AtomicBool::new(false)));
    let (count2, is_freed2) = (count.clone(), is_freed.clone());
    at_once(vec![
        job(move || {
            if count.fetch_sub(1, SeqCst) == 1 {
                is_freed.store(true, SeqCst);
            }
        }),
        job(move || {
            let takes_part = if compares {
                count2.fetch_update(SeqCst, SeqCst, |count| (count > 0).then_some(count + 1)).is_ok()
            } else {
                count2.load(SeqCst) > 0 && {
                    count2.fetch_add(1, SeqCst);
                    true
                }
            };
            assert!(!takes_part || !is_freed2.load(SeqCst), "it was revived");
        }),
    ]);
}

#[test]
fn racy_references() {
    references(false);
}

#[test]
fn mended_references() {
    references(true);
}

fn sequence_lock(looks_behind: bool) {
    let (sequence, pair) = (Arc::new(AtomicU32::new(0)), Arc::new((AtomicU32::new(0), AtomicU32::new(0))));
    let (sequence2, pair2) = (sequence.clone(), pair.clone());
    at_once(vec![
        job(move || {
            sequence.fetch_add(1, SeqCst);
            pair.0.store(1, SeqCst);
            pair.1.store(1, SeqCst);
            sequence.fetch_add(1, SeqCst);
        }),
        job(move || {
            for _ in 0..20 {
                let before = sequence2.load(SeqCst);
                let read = (pair2.0.load(SeqCst), pair2.1.load(SeqCst));
                if before % 2 == 0 && (!looks_behind || sequence2.load(SeqCst) == before) {
                    assert_eq!(read.0, read.1);
                    break;
                }
                thread::yield_now();
            }
        }),
    ]);
}

#[test]
fn racy_sequence_lock() {
    sequence_lock(false);
}

#[test]
fn mended_sequence_lock() {
    sequence_lock(true);
}

/// One of two does the work, and the other one goes on when it is done.
fn once(waits_until_done: bool) {
    let (state, value) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let get = |state: Arc<AtomicU32>, value: Arc<AtomicU32>| {
        job(move || {
            if state.compare_exchange(0, 1, SeqCst, SeqCst).is_ok() {
                value.store(7, SeqCst);
                state.store(2, SeqCst);
            }
            while waits_until_done && state.load(SeqCst) != 2 {
                thread::yield_now();
            }
            assert_eq!(value.load(SeqCst), 7);
        })
    };
    at_once(vec![get(state.clone(), value.clone()), get(state, value)]);
}

#[test]
fn racy_once() {
    once(false);
}

#[test]
fn mended_once() {
    once(true);
}

/// A job says itself that it runs; a stop that comes before that is lost.
fn stop(says_before: bool) {
    let runs = Arc::new(AtomicBool::new(says_before));
    let runs2 = runs.clone();
    at_once(vec![
        job(move || {
            if !says_before {
                runs.store(true, SeqCst);
            }
            for _ in 0..200 {
                if !runs.load(SeqCst) {
                    return;
                }
                thread::yield_now();
            }
            panic!("nobody stops it");
        }),
        job(move || runs2.store(false, SeqCst)),
    ]);
}

#[test]
fn racy_stop() {
    stop(false);
}

#[test]
fn mended_stop() {
    stop(true);
}
