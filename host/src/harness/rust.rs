//! What Rust guests have in common, whatever harness holds their tests: how a panic is printed, and which failures are the
//! platform's.

/// How a failed allocation ends a Rust guest.
pub const OUT_OF_MEMORY: &str = "out of memory: an allocation failed";

/// The hint for a panic in a closure that was given to `catch_unwind`.
pub const CATCH_UNWIND: &str =
    "wasm32-wasip1 does not unwind: `std::panic::catch_unwind` catches nothing here; airtight::test has `should_panic`";

/// A hint for the message of a panic that WASI causes, such as a thread that cannot be started.
pub fn hint_for_panic(message: &str) -> Option<&'static str> {
    const TEMP_DIR: &str = "`std::env::temp_dir()` has no answer on wasm32-wasip1; the scratch directory is /tmp, and \
        airtight::test gives `t.temp_dir()`";
    const THREADS: &str =
        "wasm32-wasip1 has no threads: `std::thread::spawn` always fails here; test the threaded part natively";
    const READ_ONLY: &str = "the directory is granted read-only: write below /tmp, or grant it with \
        `mode = \"overlay\"` in airtight.toml";
    const FULL: &str = "the test's files in memory, /tmp and overlays, are at a limit: `scratch` (bytes) or \
        `scratch-entries` in airtight.toml";
    const HINTS: [(&str, &str); 10] = [
        // What `temp_dir` says in Rust up to 1.95, and from 1.96 on.
        ("no filesystem on wasm", TEMP_DIR),
        ("not supported by WASI yet", TEMP_DIR),
        ("failed to spawn thread", THREADS),
        // As `Debug` and as `Display` have it.
        ("ReadOnlyFilesystem", READ_ONLY),
        ("Read-only file system", READ_ONLY),
        ("StorageFull", FULL),
        ("No space left on device", FULL),
        (
            "operation not supported on this platform",
            "wasm32-wasip1 does not have this operation (processes, threads, most of networking)",
        ),
        ("No file descriptors available", "the test is at its limit of open descriptors: `handles` in airtight.toml"),
        (
            "failed to find a pre-opened file descriptor",
            "no directory that holds this path is granted; see `dir` in airtight.toml",
        ),
    ];
    HINTS.iter().find(|(needle, _)| message.contains(needle)).map(|(_, hint)| *hint)
}

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
