//! Which word of a command line names a package or workspace, and which select tests.

use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// The place to test and the filters, from the words of `airtight test` and from `--manifest-path`.
///
/// The first word is a place if it reads as a path (it holds a `/`, or is `.` or `..`), or if a package is there. `cargo test
/// WORD` takes every word for a filter; a package in a folder below is more often meant than tests named like it.
///
/// # Errors
/// Two places are named.
pub fn of_words(words: &[String], manifest: Option<&Path>) -> Result<(PathBuf, Vec<String>), Failure> {
    let (place, filters) = match words.split_first() {
        Some((first, filters)) if is_place(first) => (Some(first), filters),
        _ => (None, words),
    };
    let path = match (place, manifest) {
        (Some(place), Some(manifest)) => {
            let manifest = manifest.display();
            return Err(Failure::usage(format!(
                "both `{place}` and --manifest-path {manifest} name a package; leave one out (a filter goes last: `-- {place}`)"
            )));
        }
        (Some(place), None) => PathBuf::from(place),
        (None, Some(manifest)) => manifest.to_owned(),
        (None, None) => PathBuf::from("."),
    };
    Ok((path, filters.to_vec()))
}

fn is_place(word: &str) -> bool {
    let path = Path::new(word);
    word.contains('/') || matches!(word, "." | ".." | "Cargo.toml") || path.join("Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(words: &[&str], manifest: Option<&str>) -> Option<(String, Vec<String>)> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (path, filters) = of_words(&words, manifest.map(Path::new)).ok()?;
        Some((path.display().to_string(), filters))
    }

    fn found(path: &str, filters: &[&str]) -> Option<(String, Vec<String>)> {
        Some((path.to_owned(), filters.iter().map(|filter| (*filter).to_owned()).collect()))
    }

    #[test]
    fn paths_are_places_and_other_words_are_filters() {
        // These tests run in the package's folder: `toolchain` in it is a package, `src` is none.
        assert_eq!(place(&[], None), found(".", &[]));
        assert_eq!(place(&[".", "a"], None), found(".", &["a"]));
        assert_eq!(place(&["toolchain", "a", "b"], None), found("toolchain", &["a", "b"]));
        assert_eq!(place(&["src"], None), found(".", &["src"]));
        assert_eq!(place(&["a/b"], None), found("a/b", &[]));
        assert_eq!(place(&["module::test"], None), found(".", &["module::test"]));
        assert_eq!(place(&["a"], Some("x/Cargo.toml")), found("x/Cargo.toml", &["a"]));
        assert_eq!(place(&["toolchain"], Some("x/Cargo.toml")), None);
    }
}
