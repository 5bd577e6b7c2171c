//! The absolute paths at which a guest found nothing: one of them may have been baked into it when it was built.

use std::collections::VecDeque;

/// Paths that are remembered: the last of them are nearest to why a test failed.
const REMEMBERED: usize = 16;

/// The last paths at which there was nothing.
#[derive(Debug, Clone, Default)]
pub struct MissingPaths(VecDeque<String>);

impl MissingPaths {
    /// There is nothing at this path below a directory of the guest's.
    pub fn note(&mut self, dir: &str, path: &str) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(format!("{}/{}", dir.trim_end_matches('/'), path.trim_start_matches('/')));
    }

    /// The paths, the last one last.
    pub fn into_paths(self) -> Vec<String> {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_as_absolute_paths() {
        let mut missing = MissingPaths::default();
        for nth in 0..=REMEMBERED {
            missing.note("/", &format!("a/{nth}"));
        }
        missing.note("/tmp", "b");
        let paths = missing.into_paths();
        assert_eq!((paths.len(), paths[0].as_str(), paths[REMEMBERED - 1].as_str()), (REMEMBERED, "/a/2", "/tmp/b"));
    }
}
