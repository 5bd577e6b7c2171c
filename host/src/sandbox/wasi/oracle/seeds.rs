//! Random directories of the host, which are granted.

use super::ops;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One entry of a directory.
#[derive(Debug, Clone)]
pub struct Seed {
    path: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Dir,
    File(Vec<u8>),
    Symlink(String),
}

/// Random entries of a directory. [`plant`] leaves out those that do not fit together.
pub fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let what = prop_oneof![
        3 => Just(What::Dir),
        4 => prop::collection::vec(any::<u8>(), 0..80).prop_map(What::File),
        2 => ops::path().prop_map(What::Symlink),
        1 => ops::path().prop_map(|path| What::Symlink(format!("/{path}"))),
    ];
    let seed = ("[abc](/[abc]){0,2}", what).prop_map(|(path, what)| Seed { path, what });
    prop::collection::vec(seed, 0..12)
}

/// Makes the directory's contents.
pub fn plant(seeds: &[Seed], dir: &Path) {
    for Seed { path, what } in seeds {
        let path = dir.join(path);
        // One of the directories on the way may be a link by now. Then this entry is left out, as in every other copy.
        let parent = path.parent().unwrap();
        if fs::symlink_metadata(&path).is_ok() || !is_inside(dir, parent) {
            continue;
        }
        fs::create_dir_all(parent).unwrap();
        match what {
            What::Dir => fs::create_dir(&path).unwrap(),
            What::File(bytes) => fs::write(&path, bytes).unwrap(),
            What::Symlink(target) => symlink(target, &path).unwrap(),
        }
    }
}

/// Whether all names on the way to `dir` are directories, as far as they exist.
fn is_inside(top: &Path, dir: &Path) -> bool {
    let mut way = dir.ancestors().take_while(|way| *way != top);
    way.all(|way| fs::symlink_metadata(way).map_or(true, |found| found.is_dir()))
}

/// Everything in a directory: paths, contents or link targets, sizes and times of modification.
pub fn picture(dir: &Path) -> Vec<(PathBuf, Vec<u8>, u64, SystemTime)> {
    let mut taken = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let found = fs::symlink_metadata(&path).unwrap();
            let bytes = if found.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if found.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            if found.is_dir() {
                dirs.push(path.clone());
            }
            taken.push((path, bytes, found.len(), found.modified().unwrap()));
        }
    }
    taken.sort();
    taken
}
