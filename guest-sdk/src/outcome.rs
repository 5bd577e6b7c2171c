//! What a test's function may return.

use std::fmt::Debug;

/// What a test's function may return: nothing, or a `Result` whose error fails the test.
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
