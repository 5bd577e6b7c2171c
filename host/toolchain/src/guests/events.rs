//! The events of a build while it goes on.

/// What happens during a build, for display only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildEvent<'a> {
    /// A line of cargo's own: `   Compiling …`
    Cargo(&'a str),
    /// A diagnostic of the compiler; each is given once.
    Diagnostic {
        /// Whether it is an error.
        is_error: bool,
        /// The diagnostic as the compiler prints it, with a newline at its end.
        rendered: &'a str,
    },
}
