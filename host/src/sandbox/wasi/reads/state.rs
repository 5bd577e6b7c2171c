//! What is at a path below a granted directory, as far as a test can see it.

use super::super::host::special::refuse as refuse_special;
use crate::files::{self, Links};
use sha2::{Digest, Sha256};
use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The largest file whose contents are read for a state, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// The most names that a directory may have for a state.
const MAX_NAMES: usize = 100_000;

/// How far behind the clock the times of a file system can be.
const COARSE: Duration = Duration::from_millis(50);

/// Why the state of a path is not known, in words that complete "it reads …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownState {
    #[error("through a symbolic link")]
    Link,
    #[error("what is not a regular file")]
    Special,
    #[error("a file of several names")]
    Names,
    #[error("a file or a directory that is too large")]
    TooLarge,
    #[error("what cannot be read")]
    Unreadable,
    #[error("what was changed while it ran, or shortly before")]
    Changed,
}

/// The state of a path below a granted directory. It is a text, the same exactly where a test sees the same. If `unchanged`
/// is given, the path and its directories must not have changed since that time.
///
/// # Errors
/// The state is not known.
pub fn state_of(host: &Path, path: &str, unchanged: Option<SystemTime>) -> Result<String, UnknownState> {
    let mut at = host.to_owned();
    let root = fs::metadata(&at).map_err(|_| UnknownState::Unreadable)?;
    if !root.is_dir() {
        return Err(UnknownState::Unreadable);
    }
    // The granted directory itself is checked, too: a directory moved there in place of another one keeps the times of its
    // files.
    check_settled(&root, unchanged)?;
    let (mut parts, mut depth) = (path.split('/').filter(|part| !part.is_empty()).peekable(), 0);
    if parts.peek().is_none() {
        return directory(&at, unchanged);
    }
    while let Some(part) = parts.next() {
        let above = at.clone();
        at.push(part);
        depth += 1;
        let found = match fs::symlink_metadata(&at) {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                settled(&above, unchanged)?;
                return Ok(format!("nothing at {depth}"));
            }
            Err(_) => return Err(UnknownState::Unreadable),
        };
        let kind = found.file_type();
        if kind.is_symlink() {
            return Err(UnknownState::Link);
        }
        match (parts.peek().is_some(), kind.is_dir(), kind.is_file()) {
            (true, true, _) => check_settled(&found, unchanged)?,
            (false, true, _) => return directory(&at, unchanged),
            (true, _, true) => {
                check_settled(&found, unchanged)?;
                return Ok(format!("a file at {depth}"));
            }
            (false, _, true) => return file(&at, unchanged),
            _ => return Err(UnknownState::Special),
        }
    }
    Err(UnknownState::Unreadable)
}

fn file(at: &Path, unchanged: Option<SystemTime>) -> Result<String, UnknownState> {
    let mut file = files::open(at, Links::Refuse).map_err(|_| UnknownState::Unreadable)?;
    refuse_special(&file).map_err(|_| UnknownState::Special)?;
    let found = file.metadata().map_err(|_| UnknownState::Unreadable)?;
    if found.nlink() != 1 {
        return Err(UnknownState::Names);
    }
    if found.len() > MAX_FILE {
        return Err(UnknownState::TooLarge);
    }
    let (mut sum, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                sum.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(UnknownState::Unreadable),
        }
        if size > MAX_FILE {
            return Err(UnknownState::TooLarge);
        }
    }
    check_settled(&file.metadata().map_err(|_| UnknownState::Unreadable)?, unchanged)?;
    Ok(format!("a file of {size} bytes, {:x}", sum.finalize()))
}

fn directory(at: &Path, unchanged: Option<SystemTime>) -> Result<String, UnknownState> {
    let mut names = Vec::new();
    for entry in fs::read_dir(at).map_err(|_| UnknownState::Unreadable)? {
        let entry = entry.map_err(|_| UnknownState::Unreadable)?;
        let kind = entry.file_type().map_err(|_| UnknownState::Unreadable)?;
        let kind = match (kind.is_dir(), kind.is_file(), kind.is_symlink()) {
            (true, ..) => "d",
            (_, true, _) => "f",
            (.., true) => "l",
            _ => "o",
        };
        names.push((entry.file_name(), kind));
        if names.len() > MAX_NAMES {
            return Err(UnknownState::TooLarge);
        }
    }
    names.sort();
    let mut sum = Sha256::new();
    for (name, kind) in &names {
        let name = name.as_encoded_bytes();
        sum.update((name.len() as u64).to_le_bytes());
        sum.update(name);
        sum.update(kind);
    }
    settled(at, unchanged)?;
    Ok(format!("a directory of {} names, {:x}", names.len(), sum.finalize()))
}

/// Checks that a directory has not changed since a time.
fn settled(at: &Path, unchanged: Option<SystemTime>) -> Result<(), UnknownState> {
    check_settled(&fs::symlink_metadata(at).map_err(|_| UnknownState::Unreadable)?, unchanged)
}

/// As [`settled`], for metadata. The kernel sets the time of the last change, and no program can set it back.
fn check_settled(found: &Metadata, unchanged: Option<SystemTime>) -> Result<(), UnknownState> {
    let Some(since) = unchanged else { return Ok(()) };
    let nanos = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(COARSE);
    let since = i128::try_from(since.as_nanos()).unwrap_or(i128::MAX);
    if nanos < since { Ok(()) } else { Err(UnknownState::Changed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_state_is_all_that_a_test_sees() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let state = |path: &str| state_of(root, path, None);
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("a/x"), "one").unwrap();
        let before = ["a", "a/x", "a/y", "b/c", "a/x/z", ""].map(|path| state(path).unwrap());
        assert_eq!((&*before[2], &*before[3], &*before[4]), ("nothing at 2", "nothing at 1", "a file at 2"));
        // Changed contents, a new name and a new kind are each seen, and only at the paths that they concern.
        fs::write(root.join("a/x"), "two").unwrap();
        assert!(state("a/x").unwrap() != before[1] && state("a").unwrap() == before[0]);
        fs::write(root.join("a/y"), "").unwrap();
        assert!(state("a").unwrap() != before[0] && state("a/y").unwrap() != before[2]);
        assert_eq!(state("").unwrap(), before[5]);
        fs::remove_file(root.join("a/y")).unwrap();
        fs::create_dir(root.join("a/y")).unwrap();
        assert!(state("a").unwrap() != before[0]);
    }

    #[test]
    fn what_cannot_be_told_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("x"), "one").unwrap();
        symlink("x", root.join("link")).unwrap();
        assert_eq!(state_of(root, "link", None), Err(UnknownState::Link));
        assert_eq!(state_of(root, "link/y", None), Err(UnknownState::Link));
        fs::hard_link(root.join("x"), root.join("other")).unwrap();
        assert_eq!(state_of(root, "x", None), Err(UnknownState::Names));
        let (at, mode) = (rustix::fs::CWD, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(at, root.join("fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(state_of(root, "fifo", None), Err(UnknownState::Special));
        assert_eq!(state_of(&root.join("gone"), "", None), Err(UnknownState::Unreadable));
    }

    #[test]
    fn what_changed_meanwhile_is_not_what_was_seen() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("x"), "one").unwrap();
        let now = SystemTime::now();
        for path in ["x", "", "none"] {
            assert_eq!(state_of(root, path, Some(now)), Err(UnknownState::Changed), "{path}");
            assert!(state_of(root, path, Some(now + Duration::from_secs(1))).is_ok(), "{path}");
        }
    }

    #[test]
    fn a_directory_that_was_put_into_the_place_of_another_was_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (granted, other) = (dir.path().join("granted"), dir.path().join("other"));
        for root in [&granted, &other] {
            fs::create_dir_all(root.join("a/b")).unwrap();
            fs::write(root.join("a/b/x"), root.as_os_str().as_encoded_bytes()).unwrap();
        }
        std::thread::sleep(4 * COARSE);
        let began = SystemTime::now();
        let state = || state_of(&granted, "a/b/x", Some(began));
        let before = state().unwrap();
        // What is in the other one was there before, too: only the move is new.
        fs::rename(granted.join("a"), dir.path().join("gone")).unwrap();
        fs::rename(other.join("a"), granted.join("a")).unwrap();
        assert_eq!(state(), Err(UnknownState::Changed));
        assert_ne!(state_of(&granted, "a/b/x", None).unwrap(), before);
        fs::rename(&granted, dir.path().join("gone too")).unwrap();
        fs::rename(&other, &granted).unwrap();
        assert_eq!(state_of(&granted, "a", Some(began)), Err(UnknownState::Changed));
    }
}
