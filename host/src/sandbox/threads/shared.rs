//! What the stores of one test share.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A value of a store: the store's own, or one that the stores of all threads of a test share.
pub enum Shared<T> {
    /// The store's own, for a test without threads.
    Own(T),
    /// Shared, for a test with threads.
    Together(SharedValue<T>),
}

/// A value that several stores share. See [`SharedValue::new`].
pub struct SharedValue<T>(Arc<Slot<T>>);

struct Slot<T>(UnsafeCell<T>);

// SAFETY: whoever makes a `SharedValue` promises that its clones are only used on one thread at a time.
unsafe impl<T: Send> Send for Slot<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> SharedValue<T> {
    /// Makes a value that several stores can share.
    ///
    /// The same thread of the host must use all clones. While a reference that one clone gave is alive, no clone may be
    /// asked for another. The threads of a guest keep to this: one runs at a time, and a host function that lets another
    /// one run keeps no reference meanwhile.
    pub(super) unsafe fn new(value: T) -> Self {
        Self(Arc::new(Slot(UnsafeCell::new(value))))
    }

    /// Gives access to the value while no guest runs.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: by the promise of `new`, nobody else has a reference now.
        work(unsafe { &mut *self.0.0.get() })
    }
}

impl<T> Clone for SharedValue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    /// The value itself; `None` if another store still shares it.
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
            // SAFETY: by the promise of `SharedValue::new`, nobody else has a reference now.
            Self::Together(together) => unsafe { &*together.0.0.get() },
        }
    }
}

impl<T> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Own(value) => value,
            // SAFETY: by the promise of `SharedValue::new`, nobody else has a reference now.
            Self::Together(together) => unsafe { &mut *together.0.0.get() },
        }
    }
}
