//! Guests written by hand, in `guests/wat/`.

use std::path::{Path, PathBuf};

/// Every file of the folder, by name.
///
/// # Panics
/// If the folder cannot be read.
pub fn wat_guests() -> Vec<PathBuf> {
    let dir = crate::guests_dir().join("wat");
    let entries = dir.read_dir().expect("the folder is there").map(|entry| entry.expect("its entries too").path());
    let mut guests: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "wat")).collect();
    guests.sort();
    guests
}

/// Compiles a file of `guests/wat` into a folder; the module's path.
///
/// # Panics
/// If it does not compile.
pub fn compile(name: &str, into: &Path) -> PathBuf {
    let source = crate::guests_dir().join("wat").join(name).with_extension("wat");
    let bytes = wat::parse_file(&source).unwrap_or_else(|error| panic!("{error}"));
    let module = into.join(name).with_extension("wasm");
    std::fs::write(&module, bytes).expect("the folder is writable");
    module
}
