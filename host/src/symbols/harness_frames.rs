//! Which frames of a stack belong to a harness.

/// Which frames of a stack belong to a harness, and so neither to the user nor to the code under test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HarnessFrames {
    /// The paths of the functions in which the harness calls a test. Frames outside of such a function are not the test's.
    pub windows: &'static [&'static str],
    /// The harness's crates that come with Rust's library, such as `test`.
    pub library_crates: &'static [&'static str],
    /// The harness's other crates. Their functions are its own, wherever their sources are.
    pub crates: &'static [&'static str],
    /// The beginnings of the names of the harness's other functions.
    pub prefixes: &'static [&'static str],
    /// Whether the harness calls a test by a closure within a function of the test's name.
    pub calls_closures: bool,
}
