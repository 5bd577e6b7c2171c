//! The folders of the host that hostile modules are granted, and the bait outside of them.

use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What no guest may ever see: in files beside the grants.
pub const SECRET: &str = "SECRET-3f7a9c";

/// What files in the grants hold.
pub const PUBLIC: &str = "public";

/// Where everything is.
pub struct Site {
    /// The folder with all of it.
    pub outside: PathBuf,
    /// Granted for reading.
    pub read_only: PathBuf,
    /// Granted for writing.
    pub read_write: PathBuf,
    /// Granted as an overlay, as the one for writing also is.
    pub overlay: PathBuf,
}

/// Makes grants full of bait below `root`: links that lead out of them in every way, and special files.
///
/// # Panics
/// If anything cannot be made.
pub fn lay_out(root: &Path) -> Site {
    let outside = root.join("outside");
    let [read_only, read_write, overlay] = ["read-only", "read-write", "overlay"].map(|name| outside.join(name));
    let site = Site { read_only, read_write, overlay, outside: outside.clone() };
    std::fs::create_dir_all(outside.join("secrets")).expect("the folder is writable");
    for secret in ["secret.txt", "secrets/secret.txt"] {
        std::fs::write(outside.join(secret), SECRET).expect("the folder is writable");
    }
    grant(&site.read_only, &outside);
    grant(&site.read_write, &outside);
    grant(&site.overlay, &outside);
    site
}

fn grant(dir: &Path, outside: &Path) {
    std::fs::create_dir_all(dir.join("dir/inner")).expect("the folder is writable");
    for file in ["inside.txt", "dir/inside.txt", "dir/inner/inside.txt"] {
        std::fs::write(dir.join(file), PUBLIC).expect("the folder is writable");
    }
    let secret = outside.join("secret.txt");
    let links: &[(&str, &Path)] = &[
        ("link_up", Path::new("../secret.txt")),
        ("link_absolute", &secret),
        ("link_dir", Path::new("..")),
        ("link_dir_absolute", outside),
        ("link_dir_slash", Path::new("../")),
        ("link_root", Path::new("/")),
        ("chain_1", Path::new("chain_2")),
        ("chain_2", Path::new("dir/chain_3")),
        ("dir/chain_3", Path::new("../../secret.txt")),
        ("loop_1", Path::new("loop_2")),
        ("loop_2", Path::new("loop_1")),
        ("loop_self", Path::new("loop_self/x")),
        ("link_proc", Path::new("/proc/self/fd/0")),
        ("link_device", Path::new("/dev/zero")),
        ("link_fifo", Path::new("fifo")),
    ];
    for (name, target) in links {
        symlink(target, dir.join(name)).expect("links can be made");
    }
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, dir.join("fifo"), FileType::Fifo, mode, 0).expect("a FIFO can be made");
    drop(std::os::unix::net::UnixListener::bind(dir.join("socket")).expect("a socket can be made"));
    // A device can be made by the superuser alone; the link to one is there for everybody.
    let _ = mknodat(CWD, dir.join("device"), FileType::CharacterDevice, mode, rustix::fs::makedev(1, 5));
    let not_unicode: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"not_\xff_unicode");
    std::fs::write(dir.join(not_unicode), PUBLIC).expect("file names are bytes");
}
