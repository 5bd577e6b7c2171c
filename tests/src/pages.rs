//! The README and the guide, and the fenced blocks in them.

use std::fs;
use std::path::{Path, PathBuf};

/// A page of the documentation.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it is.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// A fenced block of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// The word behind the fence; empty if there is none.
    pub language: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// Its first line in the page, from 1.
    pub line: usize,
}

impl Page {
    /// `trace.md`.
    ///
    /// # Panics
    /// Its path has no name.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).expect("a page has a name")
    }

    /// Its blocks, in order.
    ///
    /// # Panics
    /// A block is not closed, or does not begin at the start of a line.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let (mut blocks, mut from) = (Vec::new(), 0);
        while let Some(fence) = self.text[from..].find("```") {
            let fence = from + fence;
            assert!(fence == 0 || self.text[..fence].ends_with('\n'), "{}: a fence within a line", self.name());
            let rest = &self.text[fence + 3..];
            let (language, rest) = rest.split_once('\n').expect("a block is closed");
            let end =
                rest.find("\n```").map_or_else(|| panic!("{}: a block is not closed", self.name()), |end| end + 1);
            let line = self.text[..fence].lines().count() + 2;
            blocks.push(Block { language, text: &rest[..end], line });
            from = fence + 3 + language.len() + 1 + end + 3;
        }
        blocks
    }
}

/// The README and all pages of the guide, in the order of their paths.
///
/// # Panics
/// They cannot be read.
pub fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all = fs::read_dir(root.join("host/docs/guide")).expect("the guide is there");
    let mut paths: Vec<PathBuf> =
        all.map(|entry| entry.expect("it can be listed").path()).chain([root.join("README.md")]).collect();
    paths.sort();
    paths.into_iter().map(|path| Page { text: fs::read_to_string(&path).expect("a page is text"), path }).collect()
}
