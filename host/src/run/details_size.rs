//! How many bytes the details of a test take in a report.

use crate::model::Details;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use std::cell::Cell;
use std::io::{Result, Write};

/// The bytes of details as a report has them, and of the output that is kept beside it. They are counted and not written: a guest
/// chooses how long its texts are, and that each character of them takes six bytes.
pub fn details_size(details: &Details) -> u64 {
    let count = Cell::new(0);
    let mut serializer = Serializer::with_formatter(Others(&count), Texts(&count));
    details.serialize(&mut serializer).expect("details are plain data with text keys");
    count.get() + (details.output.stdout.len() + details.output.stderr.len()) as u64
}

/// Counts what is in texts.
struct Texts<'a>(&'a Cell<u64>);

impl Formatter for Texts<'_> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, _: &mut W, fragment: &str) -> Result<()> {
        add(self.0, fragment.len());
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, _: &mut W, escape: CharEscape) -> Result<()> {
        let bytes = if matches!(escape, CharEscape::AsciiControl(_)) { 6 } else { 2 };
        add(self.0, bytes);
        Ok(())
    }
}

/// Counts everything else.
struct Others<'a>(&'a Cell<u64>);

impl Write for Others<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        add(self.0, bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fn add(count: &Cell<u64>, bytes: usize) {
    count.set(count.get() + bytes as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Resource, ResourceKind};

    #[test]
    fn it_is_as_long_as_what_is_written() {
        let texts = ["", "plain", "\u{1}\u{1f}", "a\nb\t\"c\"\\", "ä€😀", "\u{7f}"];
        for text in texts {
            let mut details = Details {
                message: Some(text.to_owned()),
                failures: texts.map(str::to_owned).to_vec(),
                leaks: vec![Resource::new(ResourceKind::Heap, text, Vec::new())],
                exit_status: Some(7),
                ..Details::default()
            };
            let written = serde_json::to_vec(&details).unwrap().len() as u64;
            assert_eq!(details_size(&details), written, "{text:?}");
            details.output.stdout = vec![0; 100];
            assert_eq!(details_size(&details), written + 100);
        }
    }
}
