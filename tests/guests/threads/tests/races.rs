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
