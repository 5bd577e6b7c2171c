//! The absolute paths at which a guest found nothing. One of them may have been compiled into the guest.

use std::collections::VecDeque;

/// How many paths are remembered. The last ones are nearest to the failure of a test.
const REMEMBERED: usize = 16;

/// The last paths at which the guest found nothing.
#[derive(Debug, Clone, Default)]
pub struct MissingPaths(VecDeque<String>);

impl MissingPaths {
    /// Notes that nothing exists at this path below a directory of the guest's.
    pub fn note(&mut self, dir: &str, path: &str) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(format!("{}/{}", dir.trim_end_matches('/'), path.trim_start_matches('/')));
    }

    /// The paths, in order.
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
