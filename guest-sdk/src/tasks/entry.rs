//! A task in the host's books, and the waker that tells where it waits.
//!
//! What a future is to be woken by asks for a waker of its own: it clones the one that it is polled with, in the middle of whatever it is
//! awaited in. The host is called from there, and looks at the stack.

use super::platform;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// A task in the host's books, until it is done. One that is dropped without being done stays there: it is a leak.
pub(crate) struct TaskEntry(u32);

impl TaskEntry {
    #[track_caller]
    pub(crate) fn new(name: &str) -> Self {
        Self(platform::spawn(name))
    }

    pub(crate) fn name(&self, name: &str) {
        platform::name(self.0, name);
    }

    pub(crate) fn done(self) {
        platform::done(self.0);
    }

    /// A waker that does this, and tells where the task waits.
    pub(crate) fn waker(&self, wake: impl Fn() + Send + Sync + 'static) -> Waker {
        let waking = Arc::new(Waking { number: self.0, wake: Box::new(wake) });
        let raw = RawWaker::new(Arc::into_raw(waking).cast(), &VTABLE);
        // SAFETY: the functions of the table keep to the contract of `RawWaker`: each is given a pointer that `Arc::into_raw` gave, and
        // each pointer stands for one count of it.
        unsafe { Waker::from_raw(raw) }
    }
}

struct Waking {
    number: u32,
    wake: Box<dyn Fn() + Send + Sync>,
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the pointer is that of an `Arc` which is alive while one of its wakers is.
    unsafe {
        Arc::increment_strong_count(data.cast::<Waking>());
        platform::waits((*data.cast::<Waking>()).number);
    }
    RawWaker::new(data, &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: this takes the waker's own count.
    let waking = unsafe { Arc::from_raw(data.cast::<Waking>()) };
    (waking.wake)();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker is alive.
    let waking = unsafe { &*data.cast::<Waking>() };
    (waking.wake)();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: this takes the waker's own count.
    drop(unsafe { Arc::from_raw(data.cast::<Waking>()) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_waker_wakes_and_is_dropped_once() {
        let woken = Arc::new(AtomicU32::new(0));
        let own = Arc::clone(&woken);
        let waker = TaskEntry::new("task").waker(move || {
            own.fetch_add(1, Ordering::Relaxed);
        });
        let other = waker.clone();
        assert!(waker.will_wake(&other));
        waker.wake_by_ref();
        other.wake();
        waker.wake();
        assert_eq!((woken.load(Ordering::Relaxed), Arc::strong_count(&woken)), (2 + 1, 1));
    }
}
