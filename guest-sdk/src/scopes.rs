//! The names that a test has given its subtests, and what the host does with subtests. See [`airtight_abi::scopes`].

use airtight_abi::scopes::SubtestNames;
use std::cell::RefCell;
use std::rc::Rc;

/// The names of all subtests of a test so far.
#[derive(Default)]
pub(crate) struct GivenNames {
    own: RefCell<SubtestNames>,
    /// Those that were given when it was forked, of a fork.
    before: Option<Rc<Self>>,
}

impl GivenNames {
    /// Of a fork: what it names itself is its own, and gone with it. What was named before is looked up where it is, so that a fork costs
    /// the same however many there were.
    #[cfg(any(test, all(target_arch = "wasm32", target_os = "wasi", target_env = "p1")))]
    pub(crate) fn of_fork(before: &Rc<Self>) -> Self {
        Self { own: RefCell::default(), before: Some(Rc::clone(before)) }
    }

    /// The path of the next subtest of this name within the subtest of the path `parent`.
    pub(crate) fn unique(&self, parent: &str, name: &str) -> String {
        let before = |name: &str| self.before.as_ref()?.used(name);
        self.own.borrow_mut().unique_after(&before, parent, name)
    }

    fn used(&self, name: &str) -> Option<u32> {
        self.own.borrow().used(name).or_else(|| self.before.as_ref()?.used(name))
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
pub(crate) mod host {
    use std::ffi::c_void;

    /// What a subtest is entered by, with its data: it tells whether the subtest has failed.
    pub(crate) type Enter = extern "C" fn(*mut c_void) -> u32;

    #[link(wasm_import_module = "airtight")]
    unsafe extern "C" {
        pub(crate) fn scope_run(state: u32, name: *const u8, len: usize, enter: Enter, data: *mut c_void) -> i32;

        pub(crate) fn scope_fork(state: u32, name: *const u8, len: usize, enter: Enter, data: *mut c_void) -> i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_has_names_of_its_own_after_those_that_were_given() {
        let test = Rc::new(GivenNames::default());
        assert_eq!(["a", "a", "b"].map(|name| test.unique("", name)), ["a", "a#01", "b"]);
        let fork = Rc::new(GivenNames::of_fork(&test));
        assert_eq!(["a", "c"].map(|name| fork.unique("", name)), ["a#02", "c"]);
        let inner = GivenNames::of_fork(&fork);
        assert_eq!(["a", "b", "c"].map(|name| inner.unique("", name)), ["a#03", "b#01", "c#01"]);
        assert_eq!(["a", "c"].map(|name| test.unique("", name)), ["a#02", "c"], "the test sees nothing of it");
    }
}
