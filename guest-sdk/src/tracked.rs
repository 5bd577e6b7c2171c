//! Resources of the user's own kinds. See [`airtight_abi::tracked`].

use std::fmt::{self, Display};
use std::ops::{Deref, DerefMut};

/// A resource of a kind of the user's own, which airtight counts from here until it is dropped: a pool's connection, a mock, a
/// transaction, a container's bean. Left at the end of a test it is a leak, with the place where it was acquired; it belongs to
/// the subtest that acquired it; and `tracked = { MockOrderService = 5 }` in a profile fails a test in which more are there at once.
///
/// Under airtight alone: elsewhere nothing is counted.
/// ```
/// # use airtight_sdk as airtight;
/// struct MockOrderService;
///
/// fn mock(t: &airtight::T) -> airtight::Tracked<MockOrderService> {
///     t.track("MockOrderService", "for the checkout").with(MockOrderService)
/// }
/// ```
#[must_use = "it is released when it is dropped"]
pub struct Tracked<V = ()> {
    // Dropped before the token: what is still to be seen in the value's own destructor is still tracked.
    value: V,
    token: Token,
}

/// An entry in the host's books.
struct Token(u32);

/// Tracks a resource, for code that has no [`T`](crate::T) at hand; see [`T::track`](crate::T::track).
#[track_caller]
pub fn track(kind: &str, label: impl Display) -> Tracked {
    Tracked { value: (), token: Token(platform::track(kind, &label.to_string())) }
}

impl Tracked {
    /// Puts the resource itself into what tracks it.
    pub fn with<V>(self, value: V) -> Tracked<V> {
        Tracked { value, token: self.token }
    }
}

impl<V> Tracked<V> {
    /// Gives the resource back, which is no longer tracked.
    pub fn into_inner(self) -> V {
        self.value
    }
}

impl<V> Deref for Tracked<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<V> DerefMut for Tracked<V> {
    fn deref_mut(&mut self) -> &mut V {
        &mut self.value
    }
}

impl<V: fmt::Debug> fmt::Debug for Tracked<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracked").field(&self.value).finish()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        platform::untrack(self.0);
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
mod platform {
    /// The host's functions.
    mod host {
        #[link(wasm_import_module = "airtight")]
        unsafe extern "C" {
            pub(super) fn track(kind: *const u8, kind_len: usize, label: *const u8, label_len: usize) -> u32;
            pub(super) safe fn untrack(number: u32) -> i32;
        }
    }

    pub(super) fn track(kind: &str, label: &str) -> u32 {
        // SAFETY: both are read before the call returns.
        unsafe { host::track(kind.as_ptr(), kind.len(), label.as_ptr(), label.len()) }
    }

    pub(super) fn untrack(number: u32) {
        // The number is the host's own, and is given back once.
        let _ = host::untrack(number);
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1")))]
mod platform {
    pub(super) fn track(_: &str, _: &str) -> u32 {
        0
    }

    pub(super) fn untrack(_: u32) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_is_tracked_is_used_as_itself_and_dropped_once() {
        struct Dropped<'c>(&'c Cell<u32>);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let drops = Cell::new(0);
        let mut tracked = track("pool", 7).with(vec![Dropped(&drops)]);
        tracked.push(Dropped(&drops));
        assert_eq!(tracked.len(), 2);
        drop(tracked);
        assert_eq!(drops.get(), 2);
        let inner = track("pool", "").with(Dropped(&drops)).into_inner();
        assert_eq!(drops.get(), 2);
        drop(inner);
        assert_eq!(drops.get(), 3);
    }
}
