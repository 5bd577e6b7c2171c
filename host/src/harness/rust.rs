//! What to know about the platform, where a failure is one of the platform's and not of the test's.

/// For a panic in a closure given to `catch_unwind`.
pub const CATCH_UNWIND: &str =
    "wasm32-wasip1 does not unwind: `std::panic::catch_unwind` catches nothing here; airtight::test has `should_panic`";

/// A hint for a panic message, if it is one that WASI causes.
pub fn for_panic(message: &str) -> Option<&'static str> {
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
