//! Who owns a file, and who else could put another file in its place.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Whether a path belongs to this user, is not a symbolic link, and nobody else may write to it.
pub fn is_ours(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_symlink() && belongs_to_us(&found))
}

/// Whether a file belongs to this user, and nobody else may write to it.
pub fn belongs_to_us(found: &std::fs::Metadata) -> bool {
    let user = rustix::process::geteuid().as_raw();
    found.uid() == user && found.mode() & 0o022 == 0
}

/// The nearest folder, from `dir` upwards, in which a stranger could replace an entry. That is a folder of another user (other
/// than root), or one that others may write to. A folder that others may write to is safe if only owners may remove names in
/// it, as in `/tmp`.
pub fn open_to_strangers(dir: &Path) -> Option<PathBuf> {
    let real = dir.ancestors().find_map(|folder| std::fs::canonicalize(folder).ok())?;
    let user = rustix::process::geteuid().as_raw();
    let is_open = |folder: &&Path| {
        std::fs::symlink_metadata(folder).is_ok_and(|found| {
            let (owner, mode) = (found.uid(), found.mode());
            (owner != user && owner != 0) || (mode & 0o022 != 0 && mode & 0o1000 == 0)
        })
    };
    real.ancestors().find(is_open).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir_all, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_above_that_others_may_write_is_open_to_strangers() {
        let dir = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(dir.path()).unwrap();
        let (above, cache) = (top.join("above"), top.join("above/user/cache"));
        create_dir_all(&cache).unwrap();
        let with = |mode| {
            set_permissions(&above, Permissions::from_mode(mode)).unwrap();
            [&cache, &cache.join("not/yet"), &above].map(|folder| open_to_strangers(folder))
        };
        assert_eq!(with(0o755), [None, None, None]);
        assert_eq!(with(0o1777), [None, None, None], "names in it are safe");
        for mode in [0o777, 0o775, 0o757] {
            assert_eq!(with(mode), [Some(above.clone()), Some(above.clone()), Some(above.clone())], "{mode:o}");
        }
        let link = top.join("link");
        std::os::unix::fs::symlink(&cache, &link).unwrap();
        assert_eq!(open_to_strangers(&link), Some(above), "where it leads counts");
    }

    #[test]
    fn what_belongs_to_another_user_is_not_ours() {
        const ANOTHER: u32 = 12_345;
        if !rustix::process::geteuid().is_root() {
            eprintln!("not checked: only root can give a file away");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(dir.path()).unwrap();
        let (above, entry) = (top.join("above"), top.join("above/cache/entry"));
        create_dir_all(entry.parent().unwrap()).unwrap();
        std::fs::write(&entry, "").unwrap();
        assert!(is_ours(&entry) && open_to_strangers(&top.join("above/cache")).is_none());
        std::os::unix::fs::chown(&entry, Some(ANOTHER), None).unwrap();
        assert!(!is_ours(&entry));
        std::os::unix::fs::chown(&above, Some(ANOTHER), None).unwrap();
        assert_eq!(open_to_strangers(&top.join("above/cache")), Some(above));
    }
}
