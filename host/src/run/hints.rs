//! What to know about the platform, where a failure is one of the platform's and not of the test's.

/// A hint for a panic message, if it is one that WASI causes.
pub fn for_panic(message: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 4] = [
        (
            "no filesystem on this platform",
            "`std::env::temp_dir()` has no answer on wasm32-wasip1; the scratch directory is /tmp, and airtight::test \
             gives `t.temp_dir()`",
        ),
        (
            "failed to spawn thread",
            "wasm32-wasip1 has no threads: `std::thread::spawn` always fails here; test the threaded part natively",
        ),
        (
            "operation not supported on this platform",
            "wasm32-wasip1 does not have this operation (processes, threads, most of networking)",
        ),
        ("failed to find a pre-opened file descriptor", "no directory that holds this path is granted; see `dir` in airtight.toml"),
    ];
    HINTS.iter().find(|(needle, _)| message.contains(needle)).map(|(_, hint)| *hint)
}
