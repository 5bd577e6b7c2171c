#![doc = include_str!("../README.md")]

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

/// A directory of notes that one program at a time may use: its file `lock` is held open, and removed at the end.
pub struct Notes {
    dir: PathBuf,
    lock: RefCell<Option<File>>,
}

impl Notes {
    /// Opens the directory, unless another program has it.
    pub fn open(dir: &Path) -> Result<Self> {
        let lock = File::create_new(dir.join("lock"))?;
        Ok(Self { dir: dir.to_owned(), lock: RefCell::new(Some(lock)) })
    }

    /// Writes a note.
    pub fn add(&self, name: &str, text: &str) -> Result<()> {
        if let Some(lock) = &mut *self.lock.borrow_mut() {
            writeln!(lock, "writing {name}")?;
        }
        fs::write(self.dir.join(name), text)
    }

    /// Gives the directory back. Doing it twice does no harm.
    pub fn close(&self) {
        if self.lock.take().is_some() {
            // It may be gone already, and there is nobody to tell.
            let _ = fs::remove_file(self.dir.join("lock"));
        }
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        self.close();
    }
}

/// The program: adds a note; asked for help, it ends the process.
///
/// # Panics
/// Called with anything else.
pub fn program(notes: &Notes, args: &[&str]) {
    match args {
        ["add", name, text] => notes.add(name, text).expect("the note can be written"),
        ["--help"] => {
            println!("usage: notes add NAME TEXT");
            std::process::exit(0)
        }
        _ => panic!("wrong arguments: {args:?}"),
    }
}
