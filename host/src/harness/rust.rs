//! What Rust guests have in common, whatever harness holds their tests: how a panic is printed.

/// The message if a failed allocation ended a Rust guest.
pub const OUT_OF_MEMORY: &str = "out of memory: an allocation failed";

/// A panic as Rust's default hook prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// The message.
    pub message: String,
    /// `file:line:column`, as the compiler wrote it.
    pub place: String,
}

/// The last panic on standard error.
pub fn last_panic(stderr: &[u8]) -> Option<Panic> {
    let text = String::from_utf8_lossy(stderr);
    let start = text.rmatch_indices("panicked at ").find(|(at, _)| {
        let line = text[..*at].rfind('\n').map_or(0, |newline| newline + 1);
        text[line..*at].starts_with("thread ")
    })?;
    let rest = &text[start.0 + start.1.len()..];
    let (place, rest) = rest.split_once(":\n")?;
    let end = ["\nnote: run with `RUST_BACKTRACE", "\nstack backtrace:"].iter().filter_map(|end| rest.find(end)).min();
    let message = rest[..end.unwrap_or(rest.len())].trim_end().to_owned();
    Some(Panic { message, place: place.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_found_with_and_without_thread_ids() {
        let old =
            b"noise\nthread 'a::b' panicked at src/lib.rs:5:9:\nleft: 1\nright: 2\nnote: run with `RUST_BACKTRACE=1`\n";
        let found = last_panic(old).unwrap();
        assert_eq!((found.place.as_str(), found.message.as_str()), ("src/lib.rs:5:9", "left: 1\nright: 2"));
        let new = b"\nthread 'a' (1) panicked at src/lib.rs:1:2:\nboo\n";
        assert_eq!(last_panic(new).unwrap().message, "boo");
        assert_eq!(last_panic(b"someone panicked at the disco:\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_output_breaks_the_reader(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            last_panic(&bytes);
        }
    }
}
