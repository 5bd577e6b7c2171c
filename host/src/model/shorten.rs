//! Texts of a guest that are longer than anybody reads: beginning and end are kept, and the length of the part between them.

/// Most bytes of a message, or of another text that comes from a test.
pub const MAX_TEXT: usize = 64 << 10;

/// Most bytes of a function's or a file's name in a stack.
pub const MAX_NAME: usize = 2 << 10;

/// Shortens a text that is longer than `most` bytes to about so many. The length of the part that is left out stands in its
/// place.
///
/// ```text
/// aaaaaaaa… (59,984 bytes left out) …aaaaaaaa
/// ```
pub fn shorten(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let head = start_before(text, most - most / 4);
    let tail = start_from(text, text.len() - most / 4);
    let between = format!("… ({} bytes left out) …", tail - head);
    text.replace_range(head..tail, &between);
    text.shrink_to_fit();
}

/// The last offset up to `at` at which a character begins or the text ends.
fn start_before(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first offset from `at` on at which a character begins or the text ends.
pub fn start_from(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The same text, shortened.
#[must_use]
pub fn shortened(mut text: String, most: usize) -> String {
    shorten(&mut text, most);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_ends_are_kept_and_the_length_of_the_rest() {
        let text = |len: usize| "abcdefgh".repeat(len / 8);
        assert_eq!(shortened(text(64), 64), text(64));
        assert_eq!(shortened(text(72), 16), "abcdefghabcd… (56 bytes left out) …efgh");
        assert_eq!(shortened("ä".repeat(20), 15), format!("{}… (26 bytes left out) …ä", "ä".repeat(6)));
    }

    proptest! {
        #[test]
        fn it_is_never_much_longer_than_it_may_be(text: String, most in 0usize..200) {
            let short = shortened(text.clone(), most);
            prop_assert!(short.len() <= text.len().min(most) + 64 && (text.len() > most || short == text));
        }
    }
}
