//! The directory for what airtight can rebuild.

use etcetera::BaseStrategy;
use std::ffi::OsString;
use std::path::PathBuf;

/// Overrides the directory that [`cache_dir`] returns.
pub const CACHE_DIR_VARIABLE: &str = "AIRTIGHT_CACHE_DIR";

/// The root of airtight's cache: `$AIRTIGHT_CACHE_DIR`, else `airtight` in the user's cache directory. It need not exist.
/// `None` if neither the variable nor a home directory is known.
pub fn cache_dir() -> Option<PathBuf> {
    resolve(std::env::var_os(CACHE_DIR_VARIABLE), || {
        etcetera::choose_base_strategy().ok().map(|strategy| strategy.cache_dir())
    })
}

fn resolve(variable: Option<OsString>, base: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
    match variable.filter(|value| !value.is_empty()) {
        // Made absolute, since children run in other directories.
        Some(value) => std::path::absolute(value).ok(),
        None => Some(base()?.join("airtight")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_and_an_empty_one_does_not_count() {
        let base = || Some(PathBuf::from("/home/u/.cache"));
        assert_eq!(resolve(Some("/x".into()), base), Some("/x".into()));
        assert_eq!(resolve(Some("".into()), base), Some("/home/u/.cache/airtight".into()));
        assert_eq!(resolve(None, base), Some("/home/u/.cache/airtight".into()));
        assert_eq!(resolve(None, || None), None);
    }

    #[test]
    fn a_relative_value_becomes_absolute() {
        assert!(resolve(Some("cache".into()), || None).unwrap().is_absolute());
    }
}
