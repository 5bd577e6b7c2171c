//! What a function that guests import returns.

use crate::sandbox::wasi::fault::Halt;
use wasi_common::snapshots::preview_1::types::Errno;
use wiggle::GuestError;

/// Runs a function of preview 1. Its future is never pending: a function that has to wait does so in the call.
pub(super) fn ready<T: Answer>(call: impl Future<Output = wiggle::error::Result<T>>) -> wasmtime::Result<T> {
    let done = wiggle::run_in_dummy_executor(call).flatten();
    let answer = done.or_else(|error| T::to(&error).ok_or(error));
    Ok(answer.map_err(Halt::from_wiggle)?)
}

/// The value that a function of preview 1 returns.
pub(super) trait Answer: Sized {
    /// The value that stands for this errno; `None` for a function that returns nothing.
    fn of_errno(errno: Errno) -> Option<Self>;

    /// Whether the value tells the guest that the call succeeded.
    fn is_success(&self) -> bool;

    /// The errno that the value stands for: 0 for success.
    fn errno(&self) -> u16;

    /// The value for an invalid argument: a flag or a number that the interface does not define. `None` for an error that
    /// ends the test, and for a function that returns nothing.
    fn to(error: &wiggle::error::Error) -> Option<Self>;
}

impl Answer for i32 {
    fn of_errno(errno: Errno) -> Option<Self> {
        Some(errno as Self)
    }

    fn is_success(&self) -> bool {
        *self == 0
    }

    fn errno(&self) -> u16 {
        *self as u16
    }

    fn to(error: &wiggle::error::Error) -> Option<Self> {
        let mut error = error.downcast_ref::<GuestError>()?;
        while let GuestError::InFunc { err, .. } = error {
            error = err;
        }
        let invalid = matches!(error, GuestError::InvalidFlagValue(_) | GuestError::InvalidEnumValue(_));
        invalid.then_some(Errno::Inval as Self)
    }
}

impl Answer for () {
    fn of_errno(_: Errno) -> Option<Self> {
        None
    }

    fn is_success(&self) -> bool {
        true
    }

    fn errno(&self) -> u16 {
        0
    }

    fn to(_: &wiggle::error::Error) -> Option<Self> {
        None
    }
}
