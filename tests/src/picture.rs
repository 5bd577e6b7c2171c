//! The contents of a directory, to check that nothing has changed there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Every path below a directory, with the contents or the link's target, and the time of the last change.
pub type DirPicture = Vec<(PathBuf, Vec<u8>, SystemTime)>;

/// Takes the picture of a directory, which is not followed out of by links.
///
/// # Panics
/// If something there cannot be read.
pub fn picture(dir: &Path) -> DirPicture {
    let mut taken = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory to watch") {
            let path = entry.expect("a directory can be listed").path();
            let found = fs::symlink_metadata(&path).expect("nobody removes what is watched");
            let bytes = if found.is_symlink() {
                fs::read_link(&path).expect("a link has a target").into_os_string().into_encoded_bytes()
            } else if found.is_file() {
                fs::read(&path).expect("sources can be read")
            } else {
                dirs.push(path.clone());
                Vec::new()
            };
            taken.push((path, bytes, found.modified().expect("files have times")));
        }
    }
    taken.sort();
    taken
}
