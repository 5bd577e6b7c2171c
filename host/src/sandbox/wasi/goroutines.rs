//! What Go's test binaries tell of their goroutines.

/// The goroutines of a Go test, as its runtime printed their stacks: when it began, where there were more than the harness's own;
/// when it and its clean-ups had ended; and when the program left, in both cases where there were any left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoroutineDumps {
    pub before: Option<String>,
    pub after: Option<String>,
    pub exit: Option<String>,
}
