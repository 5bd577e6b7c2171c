//! Names for the modules that are given on the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Gives each file a name: its stem, preceded by as many folders as it takes to distinguish files of the same stem. For
/// example, `a/x.wasm` and `b/x.wasm` are `a/x` and `b/x`. Where on the machine these folders are does not show.
pub fn named(files: &[PathBuf]) -> Vec<(String, &PathBuf)> {
    let mut words: Vec<Vec<String>> = files.iter().map(|file| words(file)).collect();
    leave_out_shared(&mut words);
    let mut depths = vec![1; files.len()];
    loop {
        let names: Vec<String> = words.iter().zip(&depths).map(|(words, depth)| name(words, *depth)).collect();
        let mut files_of: BTreeMap<&str, BTreeSet<&PathBuf>> = BTreeMap::new();
        for (name, file) in names.iter().zip(files) {
            files_of.entry(name).or_default().insert(file);
        }
        let is_shared = |name: &String| files_of.get(&**name).is_some_and(|files| files.len() > 1);
        let deeper = (0..files.len()).filter(|nth| is_shared(&names[*nth]) && depths[*nth] < words[*nth].len());
        let deeper: Vec<usize> = deeper.collect();
        if deeper.is_empty() {
            return names.into_iter().zip(files).collect();
        }
        deeper.into_iter().for_each(|nth| depths[nth] += 1);
    }
}

/// Drops the leading folders that all files of the same stem share.
fn leave_out_shared(paths: &mut [Vec<String>]) {
    let mut of_stems: BTreeMap<Option<String>, Vec<&mut Vec<String>>> = BTreeMap::new();
    paths.iter_mut().for_each(|path| of_stems.entry(path.last().cloned()).or_default().push(path));
    for mut alike in of_stems.into_values() {
        let shared = |alike: &[&mut Vec<String>]| {
            let first = alike.first().filter(|first| first.len() > 1).map(|first| first[0].clone());
            first.filter(|first| alike.iter().all(|path| path.len() > 1 && path[0] == *first)).is_some()
        };
        while shared(&alike) {
            alike.iter_mut().for_each(|path| drop(path.remove(0)));
        }
    }
}

/// The last `depth` words of a path, joined.
fn name(words: &[String], depth: usize) -> String {
    words[words.len().saturating_sub(depth)..].join("/")
}

/// The folders of a path, and the stem of its file.
fn words(file: &Path) -> Vec<String> {
    let stem = file.with_extension("");
    let words = stem.components().filter_map(|word| match word {
        Component::Normal(word) => Some(word.to_string_lossy().into_owned()),
        _ => None,
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_stem_are_told_apart_by_their_folders() {
        let names = |files: &[&str]| {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            named(&files).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["x.wasm", "/tmp/a/y.test.wasm"]), ["x", "y.test"]);
        assert_eq!(names(&["/w/a/x.wasm", "b/x.wasm", "z.wasm"]), ["a/x", "b/x", "z"]);
        assert_eq!(names(&["a/d/x.wasm", "b/d/x.wasm", "c/x.wasm"]), ["a/d/x", "b/d/x", "c/x"]);
        assert_eq!(names(&["x.wasm", "b/x.wasm"]), ["x", "b/x"]);
        assert_eq!(names(&["/home/me/x.wasm", "/home/me/b/x.wasm"]), ["x", "b/x"]);
        assert_eq!(names(&["x.wasm", "x.wasm"]), ["x", "x"], "one file is one module, however often it is named");
        assert_eq!(names(&["x.wasm", "./x.wasm", ".."]), ["x", "x", ""]);
    }
}
