//! Directories that no test is ever granted, whoever asks: those in which airtight, cargo and rustup keep their files between
//! runs. Whoever can write there decides what the host runs next, and whoever can read there may find credentials.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

/// The variable that overrides where airtight's cache is.
const CACHE_DIR_VARIABLE: &str = "AIRTIGHT_CACHE_DIR";

/// A directory that no test is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDir {
    /// What it is, in words: `cargo's home`.
    what: &'static str,
    /// Its path; without symbolic links if it exists.
    path: PathBuf,
}

impl OwnDir {
    /// Such a directory, whether it exists or not.
    pub fn new(what: &'static str, path: &Path) -> Self {
        Self { what, path: path.canonicalize().unwrap_or_else(|_| path.to_owned()) }
    }

    /// Whether it lies in `dir`, or `dir` lies in it.
    fn overlaps(&self, dir: &Path) -> bool {
        self.path.starts_with(dir) || dir.starts_with(&self.path)
    }
}

impl Display for OwnDir {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.path.display())
    }
}

/// Where airtight keeps the user's decisions, such as the list of trusted workspaces: `airtight` in `$XDG_CONFIG_HOME`, or else
/// in `~/.config`.
pub fn config_dir() -> Option<PathBuf> {
    Some(base("XDG_CONFIG_HOME", ".config")?.join("airtight"))
}

/// The first of these directories, or of those in `also`, that overlaps a directory of the host.
pub fn overlapped(host: &Path, also: impl IntoIterator<Item = OwnDir>) -> Option<OwnDir> {
    let host = host.canonicalize().unwrap_or_else(|_| host.to_owned());
    all().into_iter().chain(also).find(|own| own.overlaps(&host))
}

/// The directories of this user. A directory that a variable names is added to the usual one, and does not replace it: the
/// variable may have been set by a repository.
fn all() -> Vec<OwnDir> {
    let cache = "airtight's cache, with its sysroots";
    let home = |name: &str| Some(home()?.join(name));
    let usual_cache = |base: Option<PathBuf>| Some(base?.join("airtight"));
    let all = [
        (cache, variable(CACHE_DIR_VARIABLE)),
        (cache, usual_cache(base("XDG_CACHE_HOME", ".cache"))),
        (cache, usual_cache(home(".cache"))),
        ("airtight's list of trusted workspaces", config_dir()),
        ("airtight's list of trusted workspaces", home(".config/airtight")),
        ("cargo's home", variable("CARGO_HOME")),
        ("cargo's home", home(".cargo")),
        ("rustup's home", variable("RUSTUP_HOME")),
        ("rustup's home", home(".rustup")),
    ];
    all.into_iter().filter_map(|(what, path)| Some(OwnDir::new(what, &path?))).collect()
}

/// A base directory of the XDG specification: the one that the variable names, or else the usual one. As the specification
/// demands, a path that is not absolute is ignored.
fn base(name: &str, usual: &str) -> Option<PathBuf> {
    let named = std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(home()?.join(usual)))
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    std::path::absolute(value).ok()
}

fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_it_above_it_or_is_it_overlaps() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("home/cache/modules")).unwrap();
        std::fs::create_dir_all(top.join("home/other")).unwrap();
        std::os::unix::fs::symlink("home/cache", top.join("link")).unwrap();
        let own = || [OwnDir::new("the cache", &top.join("link"))];
        let overlaps = |path: &str| overlapped(&top.join(path), own()).map(|own| own.to_string());
        let said = Some(format!("the cache ({}/home/cache)", top.display()));
        for path in ["home/cache", "home/cache/modules", "home", "link", "home/other/.."] {
            assert_eq!(overlaps(path), said, "{path}");
        }
        for path in ["home/other", "home/cached"] {
            assert_eq!(overlaps(path), None, "{path}");
        }
    }

    #[test]
    fn those_of_the_user_are_known() {
        let cargo = home().expect("there is a home").join(".cargo");
        assert!(overlapped(&cargo.join("registry"), []).is_some());
        assert!(overlapped(Path::new("/"), []).is_some());
        assert_eq!(overlapped(&std::env::temp_dir().join("none/such"), []), None);
    }
}
