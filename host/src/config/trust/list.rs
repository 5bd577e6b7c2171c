//! Workspaces that the user trusts: a file in the user's own configuration directory.
//!
//! An entry is the canonical path of a workspace and a checksum of the grants of its configuration; direnv does the same. If
//! the configuration later has other grants, it is not trusted until the user says so again.

use super::allowance::Allowance;
use crate::config::Config;
use crate::files::{self, Links, owner};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The file's name, in the folder `airtight` of the user's configuration directory.
const FILE: &str = "trusted.json";

/// Most bytes of the file.
const MOST_BYTES: u64 = 4 << 20;

/// The list of the workspaces that a user trusts.
///
/// ```
/// use airtight::config::{Config, TrustList};
///
/// # let dir = tempfile::tempdir()?;
/// let list = TrustList::at(dir.path().join("trusted.json"));
/// let config = Config::from_str("[profile.default]\nclock = \"real\"\n", "airtight.toml", "/work".as_ref())?;
/// assert!(!list.trusts(&config)?);
/// list.trust(&config)?;
/// assert!(list.trusts(&config)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustList {
    path: PathBuf,
}

/// A workspace that the user trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrustedWorkspace {
    /// Its canonical path.
    pub path: PathBuf,
    /// The checksum of the grants that its configuration may have.
    pub grants: String,
    /// These grants, in words.
    pub allows: Vec<String>,
}

/// The list cannot be read or written, or somebody else could have written it.
#[derive(Debug, thiserror::Error)]
#[error("the list of trusted workspaces, {}, {why}", path.display())]
pub struct TrustError {
    path: PathBuf,
    why: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    workspaces: Vec<TrustedWorkspace>,
}

impl TrustList {
    /// The user's list: `airtight/trusted.json` in `$XDG_CONFIG_HOME`, or else in `~/.config`. `None` if the user has no home.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        Some(Self::at(files::own::config_dir()?.join(FILE)))
    }

    /// A list in this file, which need not exist yet.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the user trusts the workspace of a configuration, with exactly the grants that it has now.
    ///
    /// # Errors
    /// The list cannot be read, or somebody else than the user could have written it: it is in the workspace or its repository,
    /// or others own its file or folder or may write there.
    pub fn trusts(&self, config: &Config) -> Result<bool, TrustError> {
        let sum = sum(&config.wanted());
        let entries = self.workspaces()?;
        let trusts = entries.iter().any(|entry| entry.path == config.root() && entry.grants == sum);
        if trusts {
            self.check_place(config.root())?;
        }
        Ok(trusts)
    }

    /// Trusts the workspace of a configuration, with exactly the grants that it has now.
    ///
    /// # Errors
    /// The list cannot be read or written, or is in a place where it would not be believed.
    pub fn trust(&self, config: &Config) -> Result<TrustedWorkspace, TrustError> {
        self.check_place(config.root())?;
        let wanted = config.wanted();
        let allows = wanted.iter().map(ToString::to_string).collect();
        let entry = TrustedWorkspace { path: config.root().to_owned(), grants: sum(&wanted), allows };
        let mut workspaces = self.workspaces()?;
        workspaces.retain(|other| other.path != entry.path);
        workspaces.push(entry.clone());
        workspaces.sort_by(|a, b| a.path.cmp(&b.path));
        self.write(workspaces)?;
        Ok(entry)
    }

    /// Stops trusting the workspace at this path. Returns whether it was trusted.
    ///
    /// # Errors
    /// The list cannot be read or written.
    pub fn revoke(&self, root: &Path) -> Result<bool, TrustError> {
        let all = self.workspaces()?;
        let kept: Vec<_> = all.iter().filter(|entry| entry.path != root).cloned().collect();
        let was_trusted = kept.len() < all.len();
        if was_trusted {
            self.write(kept)?;
        }
        Ok(was_trusted)
    }

    /// All trusted workspaces, by their paths.
    ///
    /// # Errors
    /// As for [`TrustList::trusts`].
    pub fn workspaces(&self) -> Result<Vec<TrustedWorkspace>, TrustError> {
        let file = match files::open(&self.path, Links::Follow) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.error(format!("cannot be read: {error}"))),
        };
        let is_ours = file.metadata().is_ok_and(|found| owner::belongs_to_us(&found));
        let open = self.real_path().parent().and_then(owner::open_to_strangers);
        match (is_ours, open) {
            (true, None) => {}
            (false, _) => return Err(self.error("is another user's, or others may write it: it is not believed")),
            (true, Some(folder)) => {
                let folder = folder.display();
                let why = format!(
                    "is in {folder}, where others may write: it is not believed; `chmod go-w {folder}` keeps them out"
                );
                return Err(self.error(why));
            }
        }
        let bytes =
            files::read_open(&file, MOST_BYTES).map_err(|error| self.error(format!("cannot be read: {error}")))?;
        let contents: Contents = serde_json::from_slice(&bytes)
            .map_err(|error| self.error(format!("is not what `airtight trust` wrote: {error}; remove it")))?;
        Ok(contents.workspaces)
    }

    /// Refuses a list within the repository: whoever wrote the repository could have put it there, and made a variable name it.
    fn check_place(&self, root: &Path) -> Result<(), TrustError> {
        if !self.real_path().starts_with(repository(root)) {
            return Ok(());
        }
        Err(self.error(
            "is in the workspace or its repository, which could have brought it along: it is not believed; \
             set XDG_CONFIG_HOME to a directory outside of it",
        ))
    }

    /// Writes the whole list to a new file beside the old one, and then replaces the old one.
    fn write(&self, workspaces: Vec<TrustedWorkspace>) -> Result<(), TrustError> {
        let path = self.real_path();
        let failed = |error: std::io::Error| self.error(format!("cannot be written: {error}"));
        let folder = path.parent().unwrap_or(Path::new("/"));
        let text = serde_json::to_string_pretty(&Contents { workspaces })
            .map_err(|error| self.error(format!("cannot be written: {error}")))?;
        // Nobody else may write there, whatever the umask is.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// The list's path with symbolic links resolved, as far as it exists.
    fn real_path(&self) -> PathBuf {
        let whole = self.path.canonicalize().ok();
        let in_folder = || Some(self.path.parent()?.canonicalize().ok()?.join(self.path.file_name()?));
        whole.or_else(in_folder).unwrap_or_else(|| self.path.clone())
    }

    fn error(&self, why: impl Into<String>) -> TrustError {
        TrustError { path: self.path.clone(), why: why.into() }
    }
}

/// The directory of the repository that a workspace is in: the nearest one, from the workspace upwards, with `.git` in it; or
/// else the workspace itself.
fn repository(root: &Path) -> &Path {
    root.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok()).unwrap_or(root)
}

/// The checksum of these allowances.
fn sum(wanted: &[Allowance]) -> String {
    let mut sum = Sha256::new();
    wanted.iter().for_each(|allowance| allowance.add_to(&mut sum));
    format!("sha256:{:x}", sum.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir_all, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    fn config(root: &Path, settings: &str) -> Config {
        Config::from_str(&format!("[profile.default]\n{settings}\n"), "airtight.toml", root).unwrap()
    }

    /// A workspace, and the list in a directory beside it.
    fn place() -> (tempfile::TempDir, PathBuf, TrustList) {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        create_dir_all(top.join("ws")).unwrap();
        let list = TrustList::at(top.join("user/airtight/trusted.json"));
        (dir, top.join("ws"), list)
    }

    #[test]
    fn a_workspace_is_trusted_until_it_grants_something_else() {
        let (_dir, root, list) = place();
        let real = config(&root, "clock = \"real\"");
        assert!(!list.trusts(&real).unwrap());
        let entry = list.trust(&real).unwrap();
        assert_eq!((entry.path.as_path(), &*entry.allows), (root.as_path(), &["clock:real".to_owned()][..]));
        assert!(list.trusts(&real).unwrap());
        assert!(list.trusts(&config(&root, "clock = \"real\"\nmemory = \"1MiB\"")).unwrap(), "limits are no grants");
        assert!(!list.trusts(&config(&root, "clock = \"real\"\noutbound = [\"127.0.0.1:1\"]")).unwrap());
        assert!(!list.trusts(&config(&root, "outbound = [\"127.0.0.1:1\"]")).unwrap());
        let clone = root.parent().unwrap().join("clone");
        create_dir_all(&clone).unwrap();
        assert!(!list.trusts(&config(&clone, "clock = \"real\"")).unwrap(), "another place is another workspace");
    }

    #[test]
    fn trust_is_renewed_and_taken_back() {
        let (_dir, root, list) = place();
        let (real, more) = (config(&root, "clock = \"real\""), config(&root, "outbound = [\"127.0.0.1:1\"]"));
        list.trust(&real).unwrap();
        list.trust(&more).unwrap();
        assert_eq!(list.workspaces().unwrap().len(), 1);
        assert!(list.trusts(&more).unwrap() && !list.trusts(&real).unwrap());
        assert!(list.revoke(&root).unwrap());
        assert!(!list.revoke(&root).unwrap());
        assert!(!list.trusts(&more).unwrap());
    }

    #[test]
    fn a_list_that_others_could_have_written_is_not_believed() {
        let (_dir, root, list) = place();
        let real = config(&root, "clock = \"real\"");
        let refused = |list: &TrustList| {
            let top = root.parent().unwrap().to_str().unwrap();
            list.trusts(&real).unwrap_err().to_string().replace(top, "TOP")
        };
        let inside = TrustList::at(root.join("config/airtight/trusted.json"));
        list.trust(&real).unwrap();
        create_dir_all(inside.path().parent().unwrap()).unwrap();
        std::fs::copy(list.path(), inside.path()).unwrap();
        let mut said = vec![refused(&inside)];
        let folder = list.path().parent().unwrap();
        set_permissions(list.path(), Permissions::from_mode(0o666)).unwrap();
        said.push(refused(&list));
        set_permissions(list.path(), Permissions::from_mode(0o600)).unwrap();
        set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
        said.push(refused(&list));
        set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        assert!(list.trusts(&real).unwrap());
        write(list.path(), "{").unwrap();
        said.push(refused(&list));
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_list_in_the_repository_is_not_believed() {
        let (_dir, root, _) = place();
        let top = root.parent().unwrap();
        create_dir_all(top.join(".git")).unwrap();
        let list = TrustList::at(top.join("cfg/airtight/trusted.json"));
        let real = config(&root, "clock = \"real\"");
        let refused = list.trust(&real).unwrap_err().to_string();
        assert!(refused.contains("is in the workspace or its repository"), "{refused}");
        // A list that came with the repository.
        let elsewhere = TrustList::at(std::env::temp_dir().join("airtight-never-written/trusted.json"));
        assert!(!elsewhere.trusts(&real).unwrap());
        create_dir_all(top.join("cfg/airtight")).unwrap();
        let entry = TrustedWorkspace { path: root.clone(), grants: sum(&real.wanted()), allows: Vec::new() };
        let text = serde_json::to_string(&Contents { workspaces: vec![entry] }).unwrap();
        write(top.join("cfg/airtight/trusted.json"), text).unwrap();
        set_permissions(top.join("cfg/airtight/trusted.json"), Permissions::from_mode(0o600)).unwrap();
        assert!(list.trusts(&real).is_err());
    }

    #[test]
    fn every_part_of_a_grant_is_in_the_sum() {
        let dir = |path: &str, write| Allowance::Dir { path: path.into(), write };
        let all = [
            vec![],
            vec![dir("/a", false)],
            vec![dir("/a", true)],
            vec![dir("/b", false)],
            vec![dir("/a", false), dir("/b", false)],
            vec![Allowance::RealClock],
            vec![Allowance::Outbound(([127, 0, 0, 1], 80).into())],
        ];
        let sums: std::collections::BTreeSet<_> = all.iter().map(|wanted| sum(wanted)).collect();
        assert_eq!(sums.len(), all.len());
    }
}
