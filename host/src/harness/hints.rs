//! Failures that come from the platform and not from the test: a row for each, with what the message says, where it fails,
//! and what to do.

use crate::ledger::RawFrame;
use crate::symbols::Symbols;

/// How an error says that the platform lacks an operation, as `Debug` and as `Display` print it: in Rust's own words, and
/// by WASI's error numbers.
const UNSUPPORTED: &[&str] = &[
    "operation not supported on this platform",
    "code: 58, kind: Unsupported",
    "Not supported (os error 58)",
    "code: 52, kind: Unsupported",
    "Function not implemented (os error 52)",
    "lock() not supported",
];

/// What Rust says about a path in no granted directory.
const NOT_GRANTED: &[&str] = &["failed to find a pre-opened file descriptor"];

const THREADS: &str = "wasm32-wasip1 has no threads: `std::thread::spawn` always fails, and so does what needs it (tokio's \
    `spawn_blocking` and runtime of several threads, rstest's `#[timeout]`, rayon); `airtight test --threads` builds the tests for wasm32-wasip1-threads, which has them";
const PROCESSES: &str = "wasm32-wasip1 has no processes: `std::process::Command` always fails, and so does what needs it \
    (trybuild, assert_cmd); test that part natively";

/// What is said instead of `THREADS` if the test has threads.
const NO_ROOM_FOR_THREADS: &str = "a thread was refused: each has its stack in the memory that all share, 2 MiB if the test does not say \
    otherwise (`std::thread::Builder::stack_size`), and the limits `memory` and `live-threads` in airtight.toml cap them";

const UNSUPPORTED_WITH_THREADS: &str = "wasm32-wasip1-threads does not have this operation: it has no processes, no locks or permissions \
    of files, and no connections by `std::net`; test that part natively, or connect in the network that airtight::test gives";

/// What is said of a panic in a thread that the test spawned.
const PANIC_OF_A_THREAD: &str = "a panic ends the program here, in whatever thread; natively it ends the thread alone, and whoever joins it \
    is told";

const WAITS: &str = "the test waits for another thread, and wasm32-wasip1 has none: nobody can wake it; `airtight test --threads` \
    builds the tests for wasm32-wasip1-threads, which has them";

/// The kind of a path at which a test found nothing and which does not belong to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingPath {
    /// The path was baked into the module when it was built.
    Baked,
    /// The path belongs to an operating system, as `/etc/passwd` does.
    OfSystem,
}

/// Directories of operating systems; no package has them at its root.
const OF_SYSTEM: &[&str] = &[
    "/bin/",
    "/boot/",
    "/dev/",
    "/etc/",
    "/home/",
    "/lib/",
    "/lib64/",
    "/mnt/",
    "/opt/",
    "/proc/",
    "/root/",
    "/run/",
    "/sbin/",
    "/srv/",
    "/sys/",
    "/usr/",
    "/var/",
    "/Users/",
    "/private/",
];

impl MissingPath {
    /// The kind of the last path that has one. `baked` are directories that were baked into the module.
    pub(crate) fn among<'b>(paths: &[String], baked: impl Iterator<Item = &'b str> + Clone) -> Option<Self> {
        let below =
            |path: &str, dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        paths.iter().rev().find_map(|path| {
            if baked.clone().any(|dir| below(path, dir)) {
                return Some(Self::Baked);
            }
            OF_SYSTEM.iter().any(|dir| path.starts_with(dir)).then_some(Self::OfSystem)
        })
    }
}

/// One way in which the platform fails an honest test.
struct PlatformFailure {
    /// The message contains one of these.
    says: &'static [&'static str],
    /// The message also contains one of these; empty if nothing more is needed.
    and_says: &'static [&'static str],
    /// The path of a function on the stack contains one of these; empty if any stack will do.
    within: &'static [&'static str],
    /// The test found nothing at a path of this kind; `None` if that does not matter.
    misses: Option<MissingPath>,
    hint: &'static str,
    /// The hint for a test that has threads, if it is another one; an empty text for no hint.
    with_threads: Option<&'static str>,
}

const ROW: PlatformFailure =
    PlatformFailure { says: &[], and_says: &[], within: &[], misses: None, hint: "", with_threads: None };

/// The first row that fits decides.
const FAILURES: &[PlatformFailure] = &[
    PlatformFailure {
        // What `temp_dir` says: the first up to Rust 1.95, the second from 1.96 on.
        says: &["no filesystem on wasm", "not supported by WASI yet"],
        hint: "`std::env::temp_dir()` has no answer on wasm32-wasip1, and none could be put into this module (its names are \
            stripped, or link-time optimisation has changed the function); the scratch directory is /tmp, and airtight::test \
            gives `t.temp_dir()`",
        ..ROW
    },
    PlatformFailure {
        says: &["failed to spawn thread", "OS can't spawn worker thread"],
        hint: THREADS,
        with_threads: Some(NO_ROOM_FOR_THREADS),
        ..ROW
    },
    PlatformFailure {
        says: UNSUPPORTED,
        within: &["rstest::timeout::", "std::thread::scoped::", "rayon_core::", "crossbeam_utils::thread::"],
        hint: THREADS,
        with_threads: Some(UNSUPPORTED_WITH_THREADS),
        ..ROW
    },
    PlatformFailure { says: UNSUPPORTED, within: &["trybuild::", "assert_cmd::"], hint: PROCESSES, ..ROW },
    PlatformFailure {
        says: UNSUPPORTED,
        hint: "wasm32-wasip1 does not have this operation: it has no threads, no processes, no locks or permissions of files, and \
            no connections by `std::net`; test that part natively, or connect in the network that airtight::test gives",
        with_threads: Some(UNSUPPORTED_WITH_THREADS),
        ..ROW
    },
    PlatformFailure {
        says: &[
            "condvar wait not supported",
            "cannot recursively acquire mutex",
            "rwlock locked for reading",
            "rwlock locked for writing",
            "can't sleep",
            "thread parking",
        ],
        hint: WAITS,
        with_threads: Some(""),
        ..ROW
    },
    PlatformFailure {
        // What `rand` says up to 0.6, which asks no function of WASI's.
        says: &["No entropy sources available"],
        within: &["rand::"],
        hint: "the crate `rand` knows no source of random numbers on wasm32-wasip1 before version 0.7: update it, or give it a seed \
            (`SeedableRng`)",
        ..ROW
    },
    PlatformFailure {
        // As `Debug` and as `Display` print it.
        says: &["ReadOnlyFilesystem", "Read-only file system"],
        hint: "the directory is granted read-only: write below /tmp, or grant it with `mode = \"overlay\"` in airtight.toml",
        ..ROW
    },
    PlatformFailure {
        says: &["StorageFull", "No space left on device"],
        hint: "the test's files in memory, /tmp and overlays, are at a limit: `scratch` (bytes) or `scratch-entries` in \
            airtight.toml",
        ..ROW
    },
    PlatformFailure {
        says: &["No file descriptors available"],
        hint: "the test is at its limit of open descriptors: `handles` in airtight.toml",
        ..ROW
    },
    PlatformFailure {
        says: NOT_GRANTED,
        and_says: &["/out/", "/out\\\"", "/out\""],
        hint: "this path was baked in when the test was built, and that directory is not granted: where it is OUT_DIR, have the \
            file compiled in with `include_bytes!` or `include_str!`, or grant the directory with `dir` in airtight.toml",
        ..ROW
    },
    PlatformFailure {
        says: NOT_GRANTED,
        and_says: &["/target/"],
        hint: "this path was baked in when the test was built, and that directory is not granted: write below /tmp instead of \
            CARGO_TARGET_TMPDIR, or grant the directory with `dir` in airtight.toml",
        ..ROW
    },
    PlatformFailure {
        says: NOT_GRANTED,
        hint: "no directory that holds this path is granted: of the host, a test sees its package's directory, and what `dir` in \
            airtight.toml names",
        ..ROW
    },
    PlatformFailure {
        says: &["kind: NotFound", "No such file or directory"],
        misses: Some(MissingPath::Baked),
        hint: "the test looked for a path that was baked in when it was built, and that directory is not granted: grant it with \
            `dir` in airtight.toml, have the file compiled in with `include_bytes!` (OUT_DIR), or write below /tmp instead \
            (CARGO_TARGET_TMPDIR)",
        ..ROW
    },
    PlatformFailure {
        says: &["kind: NotFound", "No such file or directory"],
        misses: Some(MissingPath::OfSystem),
        hint: "no directory that holds this path is granted: of the host, a test sees its package's directory, and what `dir` in \
            airtight.toml names",
        ..ROW
    },
    PlatformFailure {
        says: &["Capabilities insufficient", "os error 76"],
        hint: "the path leads out of the directory that is granted, or the grant does not allow this: see `dir` in airtight.toml",
        ..ROW
    },
];

/// What to do if something was to catch a panic. For each catcher: how its functions' paths begin, and the hint.
const CATCHERS: &[(&str, &str)] = &[
    (
        "proptest::",
        "wasm32-wasip1 does not unwind, so that proptest cannot go on after a panic: with `prop_assert!` it makes the failing \
            input smaller here too",
    ),
    (
        "libtest_mimic::",
        "wasm32-wasip1 does not unwind, so that the first test which panics ends all of this program: return `Err` from it",
    ),
    (
        "",
        "wasm32-wasip1 does not unwind: `std::panic::catch_unwind` catches nothing here; a test that only has to panic can be `#[should_panic]`",
    ),
];

/// The hint about the platform for a test that failed with this message, on this stack if one is known. `misses` is the
/// kind of path at which the test found nothing.
pub(crate) fn for_failure(
    message: &str,
    (stack, symbols): (&[RawFrame], &Symbols),
    misses: Option<MissingPath>,
    has_threads: bool,
) -> Option<&'static str> {
    let has = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    let fits = |failure: &&PlatformFailure| {
        has(failure.says)
            && (failure.and_says.is_empty() || has(failure.and_says))
            && (failure.misses.is_none() || failure.misses == misses)
            && (failure.within.is_empty() || symbols.mentions(stack, failure.within))
    };
    let found = FAILURES.iter().find(fits)?;
    Some(found.with_threads.filter(|_| has_threads).unwrap_or(found.hint)).filter(|hint| !hint.is_empty())
}

/// Functions of Rust's library in which a thread waits for another one. On this platform they wait for ever.
const ENDLESS: &[&str] =
    &["std::thread::park", "::thread_parking::", "std::sync::mpmc::", "std::sync::mpsc::", "Parker::park"];

/// The hint for a test that was stopped on this stack, if it waited for another thread.
pub(crate) fn for_endless_wait(stack: &[RawFrame], symbols: &Symbols) -> Option<&'static str> {
    symbols.mentions(stack, ENDLESS).then_some(WAITS)
}

/// The hint for a panic on this stack, if something was to catch it, or if a thread that the test spawned panicked.
pub(crate) fn for_panic((stack, symbols): (&[RawFrame], &Symbols), in_spawned: bool) -> Option<&'static str> {
    let catcher = |(path, _): &&(&str, &str)| path.is_empty() || symbols.mentions(stack, &[path]);
    let caught = symbols.catches_panics(stack).then(|| CATCHERS.iter().find(catcher).map(|(_, hint)| *hint));
    caught.flatten().or_else(|| in_spawned.then_some(PANIC_OF_A_THREAD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::PathRoots;

    /// A module that has these functions, and a stack on which they are.
    fn stack(functions: &[&str]) -> (Symbols, Vec<RawFrame>) {
        let text: String = functions.iter().map(|name| format!("(func $\"{name}\")")).collect();
        let module = wat::parse_str(format!("(module {text})")).unwrap();
        let frames = (0..functions.len() as u32).map(|function| RawFrame { function, offset: None });
        (Symbols::of_bytes(&module, PathRoots::default()), frames.collect())
    }

    fn hint(message: &str, functions: &[&str]) -> &'static str {
        let (symbols, stack) = stack(functions);
        for_failure(message, (&stack, &symbols), Some(MissingPath::Baked), false).unwrap_or("nothing")
    }

    #[test]
    fn each_cause_has_a_hint_of_its_own() {
        let debug = "called `Result::unwrap()` on an `Err` value: Os { code: 58, kind: Unsupported, message: \"Not supported\" }";
        let preopen = |path: &str| {
            format!(
                "Custom {{ kind: Uncategorized, error: \"failed to find a pre-opened file descriptor through which \\\"{path}\\\" \
                 could be opened\" }}"
            )
        };
        for (message, within, expected) in [
            ("no filesystem on wasm", "demo::f", "the scratch directory is /tmp"),
            ("not supported by WASI yet", "demo::f", "the scratch directory is /tmp"),
            (
                "failed to spawn thread: Os { code: 58, kind: Unsupported }",
                "demo::f",
                "no threads: `std::thread::spawn`",
            ),
            ("OS can't spawn worker thread: Not supported (os error 58)", "demo::f", "tokio's `spawn_blocking`"),
            (debug, "rstest::timeout::execute_with_timeout_sync", "rstest's `#[timeout]`"),
            (debug, "std::thread::scoped::scope", "no threads: `std::thread::spawn`"),
            (debug, "trybuild::cargo::build", "no processes"),
            (debug, "demo::f", "does not have this operation"),
            ("operation not supported on this platform", "demo::f", "does not have this operation"),
            ("condvar wait not supported", "tokio::runtime::park::Inner::park", "waits for another thread"),
            ("cannot recursively acquire mutex", "demo::f", "waits for another thread"),
            ("could not initialize thread_rng: No entropy sources available", "rand::thread_rng", "version 0.7"),
            ("No entropy sources available", "demo::f", "nothing"),
            ("Os { code: 69, kind: ReadOnlyFilesystem, message: \"Read-only file system\" }", "demo::f", "read-only"),
            ("No space left on device (os error 51)", "demo::f", "`scratch` (bytes)"),
            ("No file descriptors available (os error 41)", "demo::f", "`handles`"),
            (&preopen("/h/target/debug/build/demo-0123/out/t.bin"), "demo::f", "`include_bytes!`"),
            (&preopen("/h/target/debug/build/demo-0123/out"), "demo::f", "`include_bytes!`"),
            (&preopen("/h/target/tmp/x"), "demo::f", "CARGO_TARGET_TMPDIR"),
            (&preopen("/etc/passwd"), "demo::f", "sees its package's directory"),
            (
                "Os { code: 44, kind: NotFound, message: \"No such file or directory\" }",
                "demo::f",
                "baked in when it was built",
            ),
            ("Capabilities insufficient (os error 76)", "demo::f", "leads out of the directory"),
            ("assertion failed: a == b", "std::thread::scoped::scope", "nothing"),
        ] {
            let found = hint(message, &["core::panicking::panic", within]);
            assert!(found.contains(expected), "{message} in {within}: {found}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_has_a_hint_only_where_its_path_is_the_hosts() {
        let (symbols, stack) = stack(&["demo::f"]);
        for message in ["Os { code: 44, kind: NotFound }", "No such file or directory (os error 44)"] {
            let hint = |missing: &[&str]| {
                let missing: Vec<_> = missing.iter().map(|path| (*path).to_owned()).collect();
                let misses = MissingPath::among(&missing, ["/h/ws/target", "/h/ws/app"].into_iter());
                for_failure(message, (&stack, &symbols), misses, false).unwrap_or("nothing")
            };
            assert_eq!(hint(&[]), "nothing", "{message}");
            assert_eq!(hint(&["/fixtures/a.txt", "/h/ws/targets/x", "/etc"]), "nothing", "{message}");
            assert!(hint(&["/h/ws/target/tmp/x", "/a"]).contains("baked in when it was built"), "{message}");
            assert!(hint(&["/etc/passwd"]).contains("sees its package's directory"), "{message}");
        }
    }

    #[test]
    fn every_row_is_reachable_and_tells_what_to_do() {
        for (nth, failure) in FAILURES.iter().enumerate() {
            let message = [failure.says[0], failure.and_says.first().copied().unwrap_or_default()].concat();
            let within: Vec<_> = failure.within.iter().take(1).map(|path| format!("{path}f")).collect();
            let (symbols, stack) = stack(&within.iter().map(String::as_str).collect::<Vec<_>>());
            let found = for_failure(&message, (&stack, &symbols), failure.misses, false).unwrap();
            assert_eq!(found, failure.hint, "row {nth}");
            assert!(!failure.hint.ends_with('.') && failure.hint.contains([';', ':', ',']), "{}", failure.hint);
        }
    }

    #[test]
    fn a_wait_for_a_thread_is_told_from_an_endless_loop() {
        let found = |functions: &[&str]| {
            let (symbols, stack) = stack(functions);
            for_endless_wait(&stack, &symbols)
        };
        assert!(
            found(&["std::sync::mpmc::context::Context::wait_until", "demo::f"]).unwrap().contains("another thread")
        );
        assert_eq!(found(&["demo::f", "demo::main"]), None);
    }

    #[test]
    fn who_was_to_catch_a_panic_decides_the_hint() {
        let window = "test::__rust_begin_short_backtrace";
        let found = |functions: &[&str]| {
            let (symbols, stack) = stack(functions);
            let harness = crate::harness::harness(crate::model::Harness::Libtest).frames();
            for_panic((&stack, &symbols.with_harnesses(vec![harness])), false)
        };
        let catch = "std::panicking::catch_unwind";
        assert!(found(&["demo::f", catch, "proptest::run", window]).unwrap().contains("prop_assert"));
        assert!(found(&["demo::f", catch, "demo::g", window]).unwrap().contains("should_panic"));
        assert_eq!(found(&["demo::f", window, catch]), None, "only the harness catches");
        // A scope of threads passes on the panic that it catches.
        assert_eq!(found(&["demo::f", catch, "std::panic::catch_unwind", "std::thread::scoped::scope", window]), None);
    }

    #[test]
    fn a_test_that_has_threads_is_not_told_that_there_are_none() {
        let (symbols, stack) = stack(&["demo::f"]);
        let hint = |message: &str| for_failure(message, (&stack, &symbols), None, true);
        assert!(hint("failed to spawn thread: Os { code: 6, kind: WouldBlock }").unwrap().contains("`memory`"));
        let unsupported = hint("operation not supported on this platform").unwrap();
        assert!(unsupported.contains("processes") && !unsupported.contains("no threads"), "{unsupported}");
        assert_eq!(hint("condvar wait not supported"), None);
        assert!(hint("No space left on device").is_some(), "other hints are the same");
        assert!(for_panic((&stack, &symbols), true).unwrap().contains("whoever joins it"));
    }
}
