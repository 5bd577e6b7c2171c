//! Every test passes, everywhere: no disk is full, and no write fails.

use failing_save::{save, save_carefully};
use std::fs;
use std::io;
use std::path::Path;

const SETTINGS: [(&str, &str); 2] = [("colour", "green"), ("size", "12")];

#[test]
fn what_is_saved_can_be_read() -> io::Result<()> {
    let store = Path::new("/tmp/settings");
    fs::write(store, "colour=red\n")?;
    save(store, &SETTINGS)?;
    assert_eq!(fs::read_to_string(store)?, "colour=green\nsize=12\n");
    Ok(())
}

#[test]
fn what_is_saved_carefully_can_be_read() -> io::Result<()> {
    let store = Path::new("/tmp/settings");
    fs::write(store, "colour=red\n")?;
    save_carefully(store, &SETTINGS)?;
    assert_eq!(fs::read_to_string(store)?, "colour=green\nsize=12\n");
    Ok(())
}
