//! A small store of settings in one file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The file that says somebody is saving.
const LOCK: &str = "/tmp/settings.lock";

/// What is written before it takes the place of the store.
const NEW: &str = "/tmp/settings.new";

/// Saves the settings. Right where nothing fails, and wrong on three ways out: a write that fails leaves half a file, anything that
/// fails leaves the lock, and a backup that cannot be made is passed over in silence, or is half one.
pub fn save(store: &Path, settings: &[(&str, &str)]) -> io::Result<()> {
    File::create_new(LOCK)?;
    let _ = fs::copy(store, store.with_extension("backup"));
    let mut file = File::create(NEW)?;
    for (name, value) in settings {
        writeln!(file, "{name}={value}")?;
    }
    fs::rename(NEW, store)?;
    fs::remove_file(LOCK)
}

/// Removes a file when the function is left, on whichever way.
struct Removed(&'static str);

impl Drop for Removed {
    fn drop(&mut self) {
        // There is nothing to be done if that fails, too.
        let _ = fs::remove_file(self.0);
    }
}

/// The same, mended.
pub fn save_carefully(store: &Path, settings: &[(&str, &str)]) -> io::Result<()> {
    File::create_new(LOCK)?;
    let _lock = Removed(LOCK);
    let backup = store.with_extension("backup");
    match fs::copy(store, &backup) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            // Half of one is worse than none.
            let _ = fs::remove_file(&backup);
            return Err(error);
        }
        _ => {}
    }
    let mut file = File::create(NEW)?;
    let new = Removed(NEW);
    for (name, value) in settings {
        writeln!(file, "{name}={value}")?;
    }
    fs::rename(NEW, store)?;
    // It has another name now.
    std::mem::forget(new);
    Ok(())
}
