//! What the stores of one test have in common.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A value of a store: the store's own, or one that the stores of all threads of a test have together.
pub enum Shared<T> {
    /// Of a test without threads.
    Own(T),
    /// Of a test with threads.
    Together(Together<T>),
}

/// A value that several stores have. See [`Together::new`].
pub struct Together<T>(Arc<Slot<T>>);

struct Slot<T>(UnsafeCell<T>);

// SAFETY: who makes a `Together` promises that its clones are only used on one thread at a time.
unsafe impl<T: Send> Send for Slot<T> {}
// SAFETY: the same.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Together<T> {
    /// Of a value that several stores are to have.
    ///
    /// # Safety
    /// All clones are used by the same thread of the host, and while a reference that one of them gave is alive none is asked for
    /// another. The threads of a guest keep to this: one runs at a time, and a host function that lets another run keeps no
    /// reference meanwhile.
    pub(super) unsafe fn new(value: T) -> Self {
        Self(Arc::new(Slot(UnsafeCell::new(value))))
    }

    /// Works on the value while no guest runs.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: by the promise of `new`, nobody else has a reference now.
        work(unsafe { &mut *self.0.0.get() })
    }
}

impl<T> Clone for Together<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    /// The value itself; `None` where another store still has it too.
    pub fn into_inner(self) -> Option<T> {
        match self {
            Self::Own(value) => Some(value),
            Self::Together(together) => Arc::into_inner(together.0).map(|slot| slot.0.into_inner()),
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Own(value) => value,
            // SAFETY: by the promise of `Together::new`, nobody else has a reference now.
            Self::Together(together) => unsafe { &*together.0.0.get() },
        }
    }
}

impl<T> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Own(value) => value,
            // SAFETY: by the promise of `Together::new`, nobody else has a reference now.
            Self::Together(together) => unsafe { &mut *together.0.0.get() },
        }
    }
}
