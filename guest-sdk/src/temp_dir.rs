//! Directories of a test's own.

use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Longest part of a test's name in a directory's name: file systems have limits.
const NAME: usize = 64;

/// Where the directories are made.
pub(crate) fn base() -> PathBuf {
    // std's own answer on wasm is a panic.
    if cfg!(target_family = "wasm") { PathBuf::from("/tmp") } else { std::env::temp_dir() }
}

/// Makes a new directory that tells the test it is for.
pub(crate) fn create(test: &str) -> io::Result<PathBuf> {
    let base = base();
    let prefix = prefix(test);
    let mut number = 0_u64;
    loop {
        let path = base.join(format!("{prefix}-{number}"));
        match builder().create(&path) {
            Ok(()) => return Ok(path),
            // Of this test, or left by another run.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Removes a directory with all that is in it, if it is still there.
pub(crate) fn remove(path: &Path) {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("cannot remove {}: {error}", path.display()),
        _ => {}
    }
}

fn prefix(test: &str) -> String {
    let name = test.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' });
    let name: String = name.take(NAME).collect();
    if cfg!(target_family = "wasm") {
        // There are no processes, and the same test has the same paths in every run.
        format!("airtight-{name}")
    } else {
        format!("airtight-{}-{name}", std::process::id())
    }
}

fn builder() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are of Unix"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_directory_is_new_and_can_be_removed_twice() {
        let (a, b) = (create("m::each").unwrap(), create("m::each").unwrap());
        assert!(a != b && a.is_dir() && b.is_dir());
        std::fs::write(a.join("file"), "text").unwrap();
        for path in [&a, &b, &a] {
            remove(path);
            assert!(!path.exists());
        }
    }

    #[test]
    fn any_name_makes_a_prefix() {
        let prefix = prefix(&"r#fn::ä/..\0".repeat(100));
        assert!(prefix.len() < 100 && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    }
}
