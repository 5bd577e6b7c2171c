//! Calls that a test lets fail. See [`airtight_abi::faults`].

use airtight_abi::faults::{Call, Failure};

/// Lets the next call of a kind fail.
///
/// # Panics
/// Such a call cannot fail so.
#[track_caller]
pub(crate) fn fail_next(call: Call, failure: Failure) {
    assert!(
        call.failures().contains(&failure),
        "airtight: `{}` is not how `{}` can fail; these are: {}",
        failure.word(),
        call.word(),
        call.failures().iter().map(|one| one.word()).collect::<Vec<_>>().join(", ")
    );
    platform::fail_next(call, failure);
}

#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
mod platform {
    use super::{Call, Failure};

    /// The host's function.
    mod host {
        #[link(wasm_import_module = "airtight")]
        unsafe extern "C" {
            pub(super) safe fn fail_next(call: u32, failure: u32) -> i32;
        }
    }

    pub(super) fn fail_next(call: Call, failure: Failure) {
        // A host that knows fewer of them than this crate says so.
        let done = host::fail_next(call as u32, failure as u32);
        assert_eq!(done, 0, "this version of airtight cannot let `{}` fail with `{}`", call.word(), failure.word());
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1")))]
mod platform {
    use super::{Call, Failure};

    pub(super) fn fail_next(_: Call, _: Failure) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "`ENOENT` is not how `write` can fail; these are: ENOSPC, EIO, short, EINTR")]
    fn a_failure_that_cannot_be_is_refused() {
        fail_next(Call::Write, Failure::NotFound);
    }

    #[test]
    fn elsewhere_nothing_fails() {
        fail_next(Call::Stat, Failure::Io);
        assert!(std::fs::metadata("/").is_ok());
    }
}
