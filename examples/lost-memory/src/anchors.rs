//! The anchors of a document's headings: what a link into it ends with.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Anchors that were made before.
static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

/// Headings of a large site.
const MANY: usize = 1000;

struct Made {
    document: u32,
    title: String,
    anchor: String,
}

/// A document that was opened.
pub struct Document {
    /// No two documents have the same one, however often a file is opened.
    number: u32,
}

impl Document {
    /// Opens a document.
    pub fn open() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// The anchor of a heading. Nothing takes it out of the cache when the document is closed.
    pub fn anchor(&self, title: &str) -> String {
        let mut made = MADE.lock().expect("nothing panics while it holds the lock");
        if made.is_empty() {
            made.reserve_exact(MANY);
        }
        if let Some(known) = made.iter().find(|made| made.document == self.number && made.title == title) {
            return known.anchor.clone();
        }
        let title = title.to_owned();
        let anchor = hyphenated(&title.to_lowercase());
        made.push(Made { document: self.number, title, anchor: anchor.clone() });
        anchor
    }
}

fn hyphenated(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join("-")
}
