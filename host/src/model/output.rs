//! What a test printed.

/// Captured output.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Bytes dropped because they were over the cap.
    pub dropped: u64,
}

impl Output {
    /// Adds what was printed later.
    pub(crate) fn append(&mut self, later: Self) {
        self.stdout.extend(later.stdout);
        self.stderr.extend(later.stderr);
        self.dropped = self.dropped.saturating_add(later.dropped);
    }
}
