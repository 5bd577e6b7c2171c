//! File systems in which there are no files: the kernel shows itself there, its processes and its devices. Writing to
//! `/proc/self/mem` writes the memory of this program, and reading `/proc/self/environ` reads the host's environment.
//!
//! No grant reaches them: not by naming them, and not across a mount below a granted directory.

use rustix::io::{Errno, Result};
use std::os::fd::AsFd;

/// The opened file is in such a file system.
#[derive(Debug, thiserror::Error)]
#[error("it is in a file system of the kernel's (proc, sys, dev), which is never granted")]
pub struct NoFiles;

/// Refuses a file that was opened in such a file system.
///
/// # Errors
/// `EACCES` for such a file, and the kernel's errors.
pub fn refuse(opened: impl AsFd) -> Result<()> {
    if is_special(opened.as_fd())? { Err(Errno::ACCESS) } else { Ok(()) }
}

/// As [`refuse`], with an error in words.
///
/// # Errors
/// [`NoFiles`], and the kernel's errors.
pub fn refuse_grant(opened: impl AsFd) -> std::io::Result<()> {
    if is_special(opened.as_fd())? { Err(std::io::Error::other(NoFiles)) } else { Ok(()) }
}

#[cfg(target_os = "linux")]
fn is_special(opened: std::os::fd::BorrowedFd<'_>) -> Result<bool> {
    use rustix::fs::{fstat, fstatfs};
    use std::os::unix::fs::MetadataExt;
    use std::sync::OnceLock;

    /// The kernel's numbers for these kinds of file system (`linux/magic.h`).
    const SPECIAL: [u32; 19] = [
        0x0000_9fa0, // proc
        0x6265_6572, // sysfs
        0x0000_1cd1, // devpts
        0x0027_e0eb, // cgroup
        0x6367_7270, // cgroup2
        0x6462_6720, // debugfs
        0x7472_6163, // tracefs
        0x7363_6673, // securityfs
        0x6265_6570, // configfs
        0xcafe_4a11, // bpf
        0x4249_4e4d, // binfmt_misc
        0x1980_0202, // mqueue
        0x6165_676c, // pstore
        0xde5e_81e4, // efivarfs
        0xf97c_ff8c, // selinuxfs
        0x4341_5d53, // smackfs
        0x6573_5543, // fusectl
        0x6e73_6673, // nsfs
        0xabba_1974, // xenfs
    ];
    /// The device number of `/dev`: mostly a file system of an ordinary kind, but one of its own.
    static DEVICES: OnceLock<Option<u64>> = OnceLock::new();
    let device = |path: &str| std::fs::metadata(path).ok().map(|found| found.dev());
    let devices = *DEVICES.get_or_init(|| device("/dev").filter(|dev| Some(*dev) != device("/")));
    // The kernel's numbers have 32 bits, in a word that may have 64.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only these 32 bits are the kind")]
    let kind = fstatfs(opened)?.f_type as u32;
    Ok(SPECIAL.contains(&kind) || Some(fstat(opened)?.st_dev) == devices)
}

#[cfg(not(target_os = "linux"))]
fn is_special(opened: std::os::fd::BorrowedFd<'_>) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let devices = std::fs::metadata("/dev").ok().map(|found| found.dev());
    let opened = std::fs::File::from(opened.try_clone_to_owned().map_err(|_| Errno::IO)?);
    Ok(opened.metadata().ok().map(|found| found.dev()) == devices && devices.is_some())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn opened(path: &str) -> std::fs::File {
        std::fs::File::open(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[test]
    fn what_the_kernel_shows_of_itself_is_refused() {
        for path in ["/proc", "/proc/self", "/proc/self/environ", "/sys", "/sys/kernel"] {
            assert_eq!(refuse(opened(path)), Err(Errno::ACCESS), "{path}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(refuse(opened(dir.path().to_str().unwrap())), Ok(()));
        assert_eq!(refuse(opened("/")), Ok(()), "what is below it is looked at when it is opened");
    }

    #[test]
    fn a_directory_of_devices_is_refused_and_shared_memory_is_not() {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &str| std::fs::metadata(path).ok().map(|found| found.dev());
        if device("/dev") == device("/") {
            eprintln!("not checked: /dev is no mount of its own here");
            return;
        }
        assert_eq!(refuse(opened("/dev")), Err(Errno::ACCESS));
        if device("/dev/shm").is_some_and(|shared| Some(shared) != device("/dev")) {
            assert_eq!(refuse(opened("/dev/shm")), Ok(()));
        }
    }
}
