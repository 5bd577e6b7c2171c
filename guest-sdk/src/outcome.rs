//! What the function of a test or a subtest may return.

use std::fmt::Debug;

/// What the function of a test or a subtest may return: nothing, or a `Result` whose error fails the test.
#[diagnostic::on_unimplemented(
    message = "a test cannot return `{Self}`",
    label = "a test returns nothing, or `Result<(), E>` where `E: Debug`"
)]
pub trait Outcome {
    /// The failure, in words.
    #[doc(hidden)]
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Debug> Outcome for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| format!("Error: {error:?}"))
    }
}

/// The type of an expression that does not come to an end, such as `t.fatal("…")`. It cannot be named otherwise yet.
type Never = <fn() -> ! as Function>::Output;

/// A function, of which the output is wanted.
#[doc(hidden)]
pub trait Function {
    /// What it returns.
    type Output;
}

impl<R> Function for fn() -> R {
    type Output = R;
}

impl Outcome for Never {
    fn failure(self) -> Option<String> {
        self
    }
}
