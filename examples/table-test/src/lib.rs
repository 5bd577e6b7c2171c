//! A reader of settings files, to be tested with a table of them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// A settings file: `key = value` in each line.
pub struct Settings(File);

impl Settings {
    /// Writes a file and opens it.
    pub fn create(path: &Path, text: &str) -> io::Result<Self> {
        let mut file = File::create_new(path)?;
        file.write_all(text.as_bytes())?;
        File::open(path).map(Self)
    }

    /// The value of a key.
    ///
    /// # Panics
    /// If a line has no `=`.
    pub fn get(&self, key: &str) -> Option<String> {
        BufReader::new(&self.0).lines().map_while(Result::ok).find_map(|line| {
            let (name, value) = line.split_once('=').expect("a line is `key = value`");
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    }
}
