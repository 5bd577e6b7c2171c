//! Which frames are a harness's own.

/// Which frames of a stack belong to a harness, and so neither to the user nor to the code under test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HarnessFrames {
    /// The paths of the functions in which it calls a test. Frames outside of such a function are not the test's.
    pub windows: &'static [&'static str],
    /// Its crates that come with Rust's library, as `test` does.
    pub library_crates: &'static [&'static str],
    /// Its other crates. They are its own wherever their sources are.
    pub crates: &'static [&'static str],
    /// How the names of its other functions begin.
    pub prefixes: &'static [&'static str],
    /// Whether it calls a test through a closure in a function of the test's name.
    pub calls_closures: bool,
}
