//! A small database in a directory: a connection, and a transaction whose changes are a journal until they are committed.

use std::fs;
use std::path::{Path, PathBuf};

/// A connection, which a file stands for.
pub struct Connection(PathBuf);

impl Connection {
    /// Connects.
    pub fn open(dir: &Path) -> Self {
        let file = dir.join("connection");
        fs::write(&file, "").expect("the directory is there");
        Self(file)
    }

    /// Disconnects.
    ///
    /// # Panics
    /// If a transaction is under way: its changes would be lost without a word.
    pub fn close(&self) {
        assert!(!self.journal().exists(), "a transaction is under way");
        fs::remove_file(&self.0).expect("it is connected");
    }

    /// Begins a transaction.
    pub fn begin(&self) {
        fs::write(self.journal(), "").expect("it is connected");
    }

    /// Changes something.
    ///
    /// # Panics
    /// If the statement is not one.
    pub fn execute(&self, statement: &str) {
        assert!(statement.ends_with(';'), "syntax error in {statement:?}");
        fs::write(self.journal(), statement).expect("it is connected");
    }

    /// Takes the changes of the transaction back.
    pub fn roll_back(&self) {
        fs::remove_file(self.journal()).expect("a transaction is under way");
    }

    fn journal(&self) -> PathBuf {
        self.0.with_file_name("journal")
    }
}
