//! Reports for the tests of the writers.

use super::change::{Change, ChangeKind};
use super::growth::{Growth, Round, Span};
use super::resource::{BlocksRecord, HeldBy, LastPointerRecord, PlacedBlocks, PointerWent, RingRecord, VariableRecord};
use super::*;
use proptest::prelude::*;
use serde_json::json;

pub(crate) fn report(modules: Vec<ModuleRecord>) -> Report {
    let policy = json!({ "limits": { "memory": 268_435_456, "fuel": 10_000_000_000_u64, "timeout-ms": 300_000 } });
    let volatile = Volatile {
        started: "2026-01-02T03:04:05Z".to_owned(),
        wall_ms: 211,
        host: "linux-x86_64".to_owned(),
        jobs: 2,
        version: "0.1.0".to_owned(),
        interrupted: false,
        baked: Vec::new(),
        grants: Vec::new(),
        times: Vec::new(),
        codes: Default::default(),
        partition: None,
        places: None,
        worlds: None,
        baseline: None,
    };
    Report::new(Canonical::new(policy, modules), volatile)
}

/// The use of a baseline with an entry of each kind that is told of, which accepts this.
pub(crate) fn baseline_use(what: &str) -> BaselineUse {
    let entry = BaselineEntry {
        module: Some("m".to_owned()),
        test: Some("t".to_owned()),
        what: what.to_owned(),
        expires: Date::new(2026, 1, 2),
        reason: Some("before 2.0".to_owned()),
    };
    BaselineUse {
        file: "airtight-baseline.toml".to_owned(),
        date: Date::new(2026, 1, 3),
        entries: 1,
        judged: 1,
        gone: vec![entry.clone()],
        expired: vec![entry],
        unused: vec!["pool".to_owned()],
    }
}

/// A gate on threads that a run did not keep.
pub(crate) fn missed_gate() -> GateRecord {
    GateRecord { seen: 2, ..GateRecord::new(GateKind::Threads, "1".to_owned()) }
}

pub(crate) fn module(name: &str, tests: Vec<TestRecord>) -> ModuleRecord {
    let code = format!("sha256:{}", "0".repeat(64));
    ModuleRecord { name: name.to_owned(), harness: Harness::Libtest, code, tests }
}

pub(crate) fn passed(name: &str) -> TestRecord {
    let heap = Heap { why: Some("not part of this version".into()), ..Heap::default() };
    let usage = Usage { fuel: Some(1000), linear_peak: Some(17 << 16), handles_peak: Some(2), heap };
    TestRecord {
        name: name.into(),
        harness: None,
        role: None,
        verdict: Verdict::Pass,
        usage: Some(usage),
        details: None,
    }
}

pub(crate) fn with(name: &str, verdict: Verdict, details: Details) -> TestRecord {
    TestRecord { verdict, details: Some(Box::new(details)), ..passed(name) }
}

pub(crate) fn frame(function: &str, file: &str, line: u32) -> Frame {
    Frame::new(function).at(file, line)
}

pub(crate) fn file(path: &str, count: u64) -> Resource {
    Resource {
        tracked: None,
        kind: ResourceKind::File,
        count,
        path: Some(path.to_owned()),
        fd: Some(5),
        bytes: None,
        mode: Some("read-write".to_owned()),
        bytes_read: 0,
        bytes_written: 262_144,
        socket: None,
        thread: None,
        blocks: None,
        scope: "tests::reads_all".to_owned(),
        stack: vec![frame("semver::io::open_all", "src/io.rs", 41), frame("io::tests::reads_all", "tests/io.rs", 12)],
        omitted_places: 0,
        accepted: None,
    }
}

pub(crate) fn socket() -> Resource {
    let stack = vec![Frame::new("wasm function 71")];
    let (kind, path, fd, mode) = (ResourceKind::Socket, None, Some(9), None);
    Resource { kind, path, fd, mode, bytes_written: 1, stack, ..file("", 1) }
}

pub(crate) fn blocks(count: u64, bytes: u64) -> Resource {
    let stack = vec![frame("mine::Cache::new", "src/lib.rs", 15), frame("cache::fills", "tests/cache.rs", 23)];
    let (kind, path, fd, mode) = (ResourceKind::Heap, None, None, None);
    Resource { kind, path, fd, mode, bytes: Some(bytes), bytes_written: 0, stack, ..file("", count) }
}

/// A cycle of three blocks, and two texts that only it reaches.
pub(crate) fn cycle() -> Resource {
    let test = frame("outline::owns", "tests/outline.rs", 7);
    let stack = |line| vec![frame("mine::Section::add", "src/shared.rs", line), test.clone()];
    let placed = |count, bytes, line| PlacedBlocks {
        count,
        bytes,
        scope: "tests::reads_all".to_owned(),
        stack: stack(line),
        ..PlacedBlocks::default()
    };
    let step = |line, name: Option<&str>| RingRecord {
        count: 1,
        type_name: name.map(str::to_owned),
        at: stack(line).into_iter().next(),
    };
    let counted = |placed| PlacedBlocks { type_name: Some("Rc".to_owned()), ..placed };
    let record = BlocksRecord {
        held_by: Some(HeldBy::EachOther),
        type_name: Some("Rc".to_owned()),
        cycles: 1,
        ring: vec![step(17, Some("Rc")), step(25, None), step(24, Some("Rc"))],
        mended_by_weak: true,
        places: vec![counted(placed(1, 40, 17)), placed(1, 16, 25), counted(placed(1, 40, 24))],
        reaches: vec![placed(1, 6, 16), placed(1, 5, 22)],
        ..BlocksRecord::default()
    };
    Resource { blocks: Some(Box::new(record)), stack: stack(17), ..blocks(3, 96) }
}

/// A table that a static keeps, and two texts in it.
pub(crate) fn kept() -> Resource {
    let Resource { blocks: cycle, .. } = cycle();
    let (name, file, line) = ("mine::CACHE".to_owned(), Some("src/cache.rs".to_owned()), Some(4));
    let kept_by = Some(VariableRecord { name, file, line, library: None });
    let reaches = cycle.map(|cycle| cycle.reaches).unwrap_or_default();
    Resource { blocks: Some(Box::new(BlocksRecord { kept_by, reaches, ..BlocksRecord::default() })), ..blocks(1, 48) }
}

/// Figures of a test that finished and left these blocks.
pub(crate) fn heap(lost: &[Resource], retained: &[Resource]) -> Heap {
    let blocks = |all: &[Resource]| Some(all.iter().map(Resource::whole_count).sum());
    let bytes = |all: &[Resource]| Some(all.iter().map(Resource::whole_bytes).sum());
    Heap {
        tracked: true,
        peak: Some(8192),
        total: Some(65_536),
        allocations: Some(40),
        frees: Some(30),
        reallocations: Some(2),
        lost: bytes(lost),
        lost_blocks: blocks(lost),
        retained: bytes(retained),
        retained_blocks: blocks(retained),
        ..Heap::default()
    }
}

/// A test with these leaks (open handles and lost blocks) and these retained blocks.
pub(crate) fn left(verdict: Verdict, leaks: Vec<Resource>, retained: Vec<Resource>) -> TestRecord {
    let lost: Vec<_> = leaks.iter().filter(|leak| leak.kind == ResourceKind::Heap).cloned().collect();
    let heap = heap(&lost, &retained);
    let mut test = with("tests::reads_all", verdict, Details { leaks, retained, ..Details::default() });
    test.usage = test.usage.map(|usage| Usage { heap, ..usage });
    test
}

pub(crate) fn leaked() -> TestRecord {
    let leaks = vec![file("fixtures/a.txt", 2), socket()];
    with("tests::reads_all", Verdict::Leak, Details { leaks, ..Details::default() })
}

pub(crate) fn failed() -> TestRecord {
    let details = Details {
        message: Some("assertion `left == right` failed\n  left: 3\n right: 4".to_owned()),
        hint: Some("std::env::temp_dir panics on this platform: use /tmp, or t.temp_dir()".to_owned()),
        stack: vec![frame("parser::add", "src/parser.rs", 41), frame("parser::tests::overflow", "src/parser.rs", 90)],
        reclaimed: vec![file("/tmp/journal", 1)],
        cleanups: vec![CleanupRecord {
            stack: vec![frame("parser::remove", "src/parser.rs", 7)],
            ..CleanupRecord::new(2, "the directory is not empty")
        }],
        failures: vec!["the second count is off".to_owned()],
        output: Output {
            stdout: b"parsing\n".to_vec(),
            stderr: b"thread 'main' panicked at src/parser.rs:41:5:\n\tleft: 3".to_vec(),
            dropped: 1 << 30,
        },
        ..Details::default()
    };
    with("tests::overflow", Verdict::Fail, details)
}

pub(crate) fn memory() -> TestRecord {
    let details = Details {
        message: Some(
            "memory allocation of 300000000 bytes failed\nwasm trap: wasm `unreachable` instruction executed".into(),
        ),
        limit: Some(LimitRecord::new(Limit::Memory, 256 << 20, None)),
        refused: Some(RefusedGrowth { current: 1 << 20, desired: 301_072_384, limit: 256 << 20, times: 2 }),
        stack: vec![frame("parser::tests::big", "src/parser.rs", 120)],
        ..Details::default()
    };
    with("tests::big", Verdict::Memory, details)
}

pub(crate) fn timed_out(name: &str, limit: Limit, value: u64) -> TestRecord {
    let details = Details {
        limit: Some(LimitRecord::new(limit, value, None)),
        stack: vec![frame("parser::spin", "src/parser.rs", 3)],
        ..Details::default()
    };
    with(name, Verdict::Timeout, details)
}

pub(crate) fn exited() -> TestRecord {
    let stack = vec![frame("parser::bail", "src/parser.rs", 66)];
    let details = Details { exit_status: Some(3), stack, ..Details::default() };
    with("tests::bails", Verdict::Exit, details)
}

pub(crate) fn skipped(name: &str, reason: &str) -> TestRecord {
    let details = Details { reason: Some(reason.to_owned()), ..Details::default() };
    TestRecord { usage: None, ..with(name, Verdict::Skip, details) }
}

pub(crate) fn one_of_each() -> Vec<TestRecord> {
    let out_of_fuel = timed_out("tests::spins", Limit::Fuel, 10_000_000_000);
    let mut tests = vec![passed("tests::works"), leaked(), failed(), memory(), out_of_fuel, exited()];
    tests.push(skipped("tests::later", "ignored"));
    // Captured output is not part of a report's file, so that a report that was read has none.
    tests.iter_mut().filter_map(|test| test.details.as_mut()).for_each(|details| details.output = Output::default());
    tests
}

/// Text with control characters and forged lines in it, which `any::<String>()` does not have.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let forged = prop::sample::select(vec![
        "\n        PASS [   0.001s] m forged\n",
        "\u{1b}[2J",
        "\r\n",
        "\t",
        "\u{202e}",
        "\u{9b}1A",
        "]]>",
        "\n::error file=x::y",
        "</script><img src=x onerror=alert(1)>",
        "\"'\\ {a=\"b\"} 1\n# EOF",
        "\u{fffe}\u{ffff}",
    ]);
    let piece = prop_oneof![any::<char>().prop_map(String::from), forged.prop_map(str::to_owned), ".{0,5}"];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn some_text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(hostile())
}

prop_compose! {
    fn any_frame()(
        function in hostile(), file in some_text(), line: Option<u32>, library in some_text(), folded: bool,
    ) -> Frame {
        Frame { function, file, line, library, folded }
    }
}

fn any_stack() -> impl Strategy<Value = Vec<Frame>> {
    prop::collection::vec(any_frame(), 0..3)
}

prop_compose! {
    fn any_socket()(
        (local, peer) in (some_text(), some_text()),
        (unread, unaccepted) in any::<(Option<u64>, Option<u64>)>(),
    ) -> SocketRecord {
        SocketRecord { local, peer, unread, unaccepted }
    }
}

prop_compose! {
    fn any_thread()(
        (number, waited_ns) in any::<(u32, u64)>(),
        (name, does) in (some_text(), hostile()),
        (handles, blocks, bytes) in any::<(u64, u64, u64)>(),
        stack in any_stack(),
    ) -> ThreadRecord {
        ThreadRecord { number, name, does, waited_ns, handles, blocks, bytes, stack }
    }
}

/// How a last pointer may have gone.
const WENT: [PointerWent; 5] = [
    PointerWent::Overwritten,
    PointerWent::OutOfScope,
    PointerWent::Freed,
    PointerWent::NeverInMemory,
    PointerWent::NotKnown,
];

prop_compose! {
    fn any_placed_blocks()(
        (count, bytes, depths) in any::<(u64, u64, u64)>(),
        (type_name, scope) in (some_text(), hostile()),
        stack in any_stack(),
    ) -> PlacedBlocks {
        PlacedBlocks { count, bytes, depths, type_name, scope, stack, omitted_places: 0 }
    }
}

prop_compose! {
    fn any_blocks()(
        held_by in prop::sample::select(vec![None, Some(HeldBy::Nobody), Some(HeldBy::EachOther), Some(HeldBy::Several)]),
        kept_by in prop::option::of((hostile(), some_text(), any::<Option<u32>>(), some_text())),
        type_name in some_text(),
        (depths, cycles, ring_omitted, mended_by_weak) in any::<(u64, u64, u64, bool)>(),
        ring in prop::collection::vec((any::<u64>(), some_text(), prop::option::of(any_frame())), 0..3),
        places in prop::collection::vec(any_placed_blocks(), 0..2),
        reaches in prop::collection::vec(any_placed_blocks(), 0..2),
        last in prop::option::of((prop::sample::select(WENT.to_vec()), prop::option::of(any_frame()), some_text())),
    ) -> BlocksRecord {
        let ring = ring.into_iter().map(|(count, type_name, at)| RingRecord { count, type_name, at }).collect();
        let kept_by = kept_by.map(|(name, file, line, library)| VariableRecord { name, file, line, library });
        let last_pointer = last.map(|(went, at, why)| {
            let mut last = LastPointerRecord::new(went, at);
            last.why = why;
            last
        });
        BlocksRecord {
            held_by, kept_by, type_name, depths, cycles, ring, ring_omitted, mended_by_weak, last_pointer, places, reaches,
        }
    }
}

prop_compose! {
    fn any_resource()(
        kind in prop::sample::select(ResourceKind::ALL.to_vec()),
        (count, fd, bytes, bytes_read, bytes_written) in any::<(u64, Option<u32>, Option<u64>, u64, u64)>(),
        (path, mode, scope) in (some_text(), some_text(), hostile()),
        socket in prop::option::of(any_socket()),
        thread in prop::option::of(any_thread()),
        blocks in prop::option::of(any_blocks()),
        stack in any_stack(),
    ) -> Resource {
        let blocks = blocks.map(Box::new);
        let tracked = path.clone().filter(|_| kind == ResourceKind::Tracked);
        Resource { kind, tracked, count, path, fd, bytes, mode, bytes_read, bytes_written, socket, thread, blocks, scope, stack, omitted_places: 0, accepted: None }
    }
}

prop_compose! {
    fn any_span()(before: u64, after: u64) -> Span {
        Span { before, after }
    }
}

prop_compose! {
    fn any_round()(
        (heap_blocks, heap_bytes) in (prop::option::weighted(0.9, any_span()), prop::option::weighted(0.9, any_span())),
        (linear, handles) in (any_span(), any_span()),
    ) -> Round {
        Round { heap_blocks, heap_bytes, linear, handles }
    }
}

prop_compose! {
    /// Rounds of any figures, some of them repeated, and judged.
    pub(crate) fn any_growth()(
        rounds in prop::collection::vec((any_round(), 1..5_usize), 0..4),
        sites in prop::collection::vec(any_resource(), 0..2),
    ) -> Growth {
        let rounds = rounds.into_iter().flat_map(|(round, times)| vec![round; times]).collect();
        Growth { sites, ..Growth::judge(rounds) }
    }
}

prop_compose! {
    fn any_heap()(
        tracked: bool,
        (why, doubt) in (some_text(), some_text()),
        (peak, total, allocations) in any::<(Option<u64>, Option<u64>, Option<u64>)>(),
        (frees, reallocations) in any::<(Option<u64>, Option<u64>)>(),
        (why_code, doubt_code) in (some_text(), some_text()),
        (lost, lost_blocks, retained, retained_blocks) in any::<(Option<u64>, Option<u64>, Option<u64>, Option<u64>)>(),
    ) -> Heap {
        let [why, why_code, doubt_code] = [why, why_code, doubt_code].map(|text| text.map(Into::into));
        Heap {
            tracked, why, why_code, doubt_code, peak, total, allocations, frees, reallocations,
            lost, lost_blocks, retained, retained_blocks, doubt,
        }
    }
}

prop_compose! {
    fn any_details()(
        (message, hint, reason) in (some_text(), some_text(), some_text()),
        exit_status: Option<u32>,
        limit in prop::option::of((hostile(), any::<u64>(), any::<Option<u64>>())),
        refused: Option<(u64, u64, u64, u64)>,
        failures in prop::collection::vec(hostile(), 0..3),
        stack in any_stack(),
        leaks in prop::collection::vec(any_resource(), 0..3),
        retained in prop::collection::vec(any_resource(), 0..2),
        reclaimed in prop::collection::vec(any_resource(), 0..3),
        growth in prop::option::of(any_growth()),
        changed in prop::collection::vec(any_change(), 0..2),
        cleanups in prop::collection::vec((any::<u32>(), hostile(), any_stack()), 0..2),
        (outlived, subtests) in (prop::collection::vec(any_outlived(), 0..2), prop::collection::vec(any_subtest(), 0..3)),
        suppressed in prop::collection::vec((hostile(), any::<Option<u32>>()), 0..2),
        tracked in prop::collection::vec((hostile(), any::<(u64, u64, u64)>()), 0..2),
    ) -> Details {
        let counts = |(name, (total, peak, left))| TrackedRecord { name, total, peak, left };
        let tracked = tracked.into_iter().map(counts).collect();
        let suppressed = suppressed.into_iter().map(|(text, cleanup)| SuppressedRecord::new(text, cleanup)).collect();
        let limit = limit.map(|(name, value, seen)| LimitRecord { name: name.into(), value, seen });
        let refused = refused.map(|(current, desired, limit, times)| RefusedGrowth { current, desired, limit, times });
        let cleanup = |(ordinal, message, stack): (u32, String, _)| CleanupRecord {
            ordinal,
            name: Some(message.clone()),
            subtest: None,
            registered: Some(message.clone()),
            message,
            stack,
        };
        let cleanups = cleanups.into_iter().map(cleanup).collect();
        Details {
            message, hint, reason, exit_status, limit, refused, refused_threads: 0, fuel_by_function: None, stack, leaks, retained, accepted: Vec::new(), attempts: None, growth, changed, reclaimed, cleanups,
            failures, changed_omitted: 0, output: Output::default(), unwound: false, outlived, outlived_omitted: 0, subtests, tracked,
            suppressed, omitted: Omitted::default(), injected: Vec::new(), go: None,
        }
    }
}

prop_compose! {
    fn any_outlived()(
        left in any_resource(),
        peak: u64,
        released in any_stack(),
    ) -> OutlivedRecord {
        let Resource { kind, tracked, count, path, scope, stack, .. } = left;
        OutlivedRecord { kind, tracked, count, peak, path, scope, stack, released }
    }
}

prop_compose! {
    fn any_subtest()(
        name in hostile(),
        verdict in prop::sample::select(one_of_each()).prop_map(|test| test.verdict),
        usage: Option<(Option<u64>, Option<u64>, Option<u32>)>,
        heap in any_heap(),
        (message, reason) in (some_text(), some_text()),
        stack in any_stack(),
        suppressed in prop::collection::vec((hostile(), any::<Option<u32>>()), 0..2),
        (leaks, forked) in any::<(u32, bool)>(),
        tracked in prop::collection::vec((hostile(), any::<(u64, u64, u64)>()), 0..2),
    ) -> SubtestRecord {
        let counts = |(name, (total, peak, left))| TrackedRecord { name, total, peak, left };
        let tracked = tracked.into_iter().map(counts).collect();
        let usage = usage.map(|(fuel, linear_peak, handles_peak)| Usage { fuel, linear_peak, handles_peak, heap });
        let suppressed = suppressed.into_iter().map(|(text, cleanup)| SuppressedRecord::new(text, cleanup)).collect();
        SubtestRecord { name, forked, verdict, usage, tracked, message, reason, stack, suppressed, leaks: leaks.into() }
    }
}

prop_compose! {
    fn any_change()(
        path in hostile(),
        what in prop::sample::select(vec![
            ChangeKind::Written, ChangeKind::Directory, ChangeKind::Link, ChangeKind::Removed,
        ]),
        bytes: Option<u64>,
    ) -> Change {
        Change { path, what, bytes }
    }
}

prop_compose! {
    fn any_test()(
        name in hostile(),
        verdict in prop::sample::select(one_of_each()).prop_map(|test| test.verdict),
        details in prop::option::of(any_details()),
        usage: Option<(Option<u64>, Option<u64>, Option<u32>)>,
        heap in any_heap(),
        role in prop::sample::select(vec![None, None, Some(EntryRole::Setup), Some(EntryRole::Teardown)]),
    ) -> TestRecord {
        let usage = usage.map(|(fuel, linear_peak, handles_peak)| Usage { fuel, linear_peak, handles_peak, heap });
        let details = details.filter(|details| *details != Details::default()).map(Box::new);
        TestRecord { name: name.into(), harness: None, role, verdict, usage, details }
    }
}

prop_compose! {
    /// A report whose every text may be hostile.
    pub(crate) fn any_report()(
        modules in prop::collection::vec((hostile(), prop::collection::vec(any_test(), 0..4)), 0..3),
        refused in prop::collection::vec((hostile(), hostile()), 0..3),
    ) -> Report {
        let Report { mut canonical, volatile, .. } =
            report(modules.into_iter().map(|(name, tests)| module(&name, tests)).collect());
        canonical.refused = refused.into_iter().map(|(name, why)| RefusedModule::new(name, why)).collect();
        Report::new(canonical, volatile)
    }
}
