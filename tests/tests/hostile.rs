//! The corpus of hostile modules. Each gets its verdict within its limits. An observer that is independent of airtight
//! finds that nothing outside of the grants was touched.

use airtight::LoadOptions;
use airtight::config::Config;
use airtight::report::{Report, TestRecord};
use airtight::{Runner, Selection, Subject};
use airtight_tests::hostile::{Expect, Hostile, PUBLIC, SECRET, Site, corpus, lay_out};
use airtight_tests::{command, scratch_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
[profile.default]
memory = "32MiB"
fuel = "300M"
timeout = "60s"
output = "64KiB"
handles = 256
scratch = "16MiB"
io = "100MiB"
host-memory = "32MiB"

[[profile.default.overrides]]
module = "memory_filled_for_ever"
timeout = "1s"

[[profile.default.overrides]]
module = "threads_ten_thousand"
live-threads = 10000

[[profile.default.overrides]]
# A call is cheap, and there are many.
module = "tasks_waiting_without_end"
fuel = "30M"

[[profile.default.overrides]]
# What it asks of the host takes it longer than the fuel that it costs says.
module = "threads_grow_at_once"
fuel = "10M"

[[profile.default.dir]]
guest = "/read-only"
host = "outside/read-only"

[[profile.default.dir]]
guest = "/read-write"
host = "outside/read-write"
mode = "read-write"

[[profile.default.dir]]
name = "overlay"
guest = "/overlay"
host = "outside/overlay"
mode = "overlay"

[[profile.default.dir]]
name = "overlay-of-what-changes"
guest = "/changing"
host = "outside/read-write"
mode = "overlay"

[[profile.default.overrides]]
module = "overlay_"
grants = ["overlay", "overlay-of-what-changes"]
"#;

/// What these make the host do is not to depend on what they may do themselves.
const CONFIG_OF_COSTLY: &str = r#"
[profile.default]
memory = "256MiB"
handles = 100000
scratch-entries = 100000
timeout = "600s"

[[profile.default.overrides]]
module = "costly_live_blocks"
host-memory = "96MiB"

[[profile.default.overrides]]
module = "costly_picture"
host-memory = "96MiB"

[[profile.default.overrides]]
module = "costly_report_over_host_memory"
host-memory = "1MiB"
"#;

/// Descriptors and memory are the process's, so that tests which look at them may not run at once.
static ALONE: Mutex<()> = Mutex::new(());

/// Most time for one module, compiling included: far more than any needs, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(120);

/// What each module with which the host itself would have much to do may take: seconds of processor time, compiling and the report as
/// JSON included, and MiB that this process takes beyond what it has taken before. Several times what it takes, and less than it took
/// before it was bounded.
const BOUNDS: &[(&str, u64, u64)] = &[
    ("costly_probe_of_its_allocator", 10, 256),
    ("costly_places_of_lost_blocks", 100, 256),
    ("costly_open_files", 15, 256),
    ("costly_paths_of_deep_directories", 10, 128),
    ("costly_cleanup_that_is_refused_memory", 10, 128),
    ("costly_nested_additions", 8, 256),
    ("costly_live_blocks", 15, 320),
    ("costly_picture_of_a_large_block", 10, 192),
    ("costly_input_probe_bomb", 7, 512),
    ("costly_input_report_bomb", 100, 256),
    ("costly_input_state_at_the_border", 10, 128),
    ("costly_input_two_tests_and_one_probe", 10, 256),
    ("costly_report_over_host_memory", 10, 128),
    ("costly_long_file_names", 100, 384),
    ("costly_failures_with_full_journals", 150, 384),
];

/// Most memory of this process at once.
const MOST_MEMORY_KIB: u64 = 1 << 20;

/// Most bytes of a report, without the figures of its tests.
const LONGEST_REPORT: usize = 132 << 20;

#[test]
fn the_corpus_is_large_and_of_every_kind() {
    let corpus = corpus();
    let names: BTreeSet<&str> = corpus.iter().map(|hostile| hostile.name.as_str()).collect();
    assert_eq!(names.len(), corpus.len(), "two have the same name");
    assert!(corpus.len() >= 60, "{}", corpus.len());
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for hostile in &corpus {
        *classes.entry(hostile.class).or_default() += 1;
    }
    assert!(classes.values().all(|modules| *modules >= 5), "{classes:?}");
    assert!(classes.len() >= 17, "{classes:?}");
}

#[test]
fn every_module_gets_its_verdict_and_nothing_outside_is_touched() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = scratch_dir();
    let site = lay_out(dir.path());
    prepare_swaps(&site);
    let corpus = corpus();
    let descriptors = open_descriptors();
    let watched = watch(&site);
    let swapper = Swapper::start(&site);
    let config = Config::from_str(CONFIG, "airtight.toml", dir.path()).unwrap();
    let runner = Runner::builder(&config, "default").unwrap().keep_output(true).build().unwrap();
    let mut wrong = Vec::new();
    for hostile in corpus.iter().filter(|hostile| !is_costly(hostile)) {
        let began = Instant::now();
        let found = run_one(&runner, hostile);
        let took = began.elapsed();
        if let Err(found) = found {
            wrong.push(format!("{}: expected {:?}, found {found}", hostile.name, hostile.expect));
        }
        assert!(took < LONGEST, "{} took {took:?}", hostile.name);
    }
    drop((runner, swapper));
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(watch(&site), watched, "something outside was touched");
    assert_eq!(open_descriptors(), descriptors, "the process has other files open than before");
    let peak = peak_memory_kib();
    assert!(peak < MOST_MEMORY_KIB, "this process took {peak} KiB");
}

/// Whether the host itself would have much to do with it, that neither fuel nor time of the test pays for.
fn is_costly(hostile: &Hostile) -> bool {
    hostile.name.starts_with("costly_")
}

#[test]
fn what_the_host_does_for_a_module_has_an_end_in_time_and_memory() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = scratch_dir();
    let config = Config::from_str(CONFIG_OF_COSTLY, "airtight.toml", dir.path()).unwrap();
    let mut wrong = Vec::new();
    let costly: Vec<Hostile> = corpus().into_iter().filter(is_costly).collect();
    let names: BTreeSet<&str> = costly.iter().map(|hostile| &*hostile.name).collect();
    assert_eq!(names, BOUNDS.iter().map(|(name, ..)| *name).collect(), "each has its own bounds");
    for hostile in &costly {
        let (_, seconds, mib) = BOUNDS.iter().find(|(name, ..)| *name == hostile.name).expect("it has bounds");
        let (before, began) = (forget_peak(), processor_time());
        let runner = Runner::builder(&config, "default").unwrap().keep_output(true).build().unwrap();
        let found = run_one(&runner, hostile);
        let (took, more) = (processor_time() - began, peak_memory_kib().saturating_sub(before));
        println!("{}: {took:.1?} of {seconds} s, {} of {mib} MiB", hostile.name, more >> 10);
        let told = found.as_ref().err();
        if told.is_some() || took > Duration::from_secs(*seconds) || more >> 10 > *mib {
            let told: Option<String> = told.map(|told| told.chars().take(2000).collect());
            wrong.push(format!("{}: {took:?}, {more} KiB, {told:?}", hostile.name));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What is found out of a module's allocator does not depend on which of its tests is first, and two do not disturb each other.
#[test]
fn two_workers_find_what_one_finds() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let two = corpus().into_iter().find(|hostile| hostile.name == "costly_input_two_tests_and_one_probe").unwrap();
    let dir = scratch_dir();
    let config = Config::from_str(CONFIG_OF_COSTLY, "airtight.toml", dir.path()).unwrap();
    let report = |jobs| {
        let runner = Runner::builder(&config, "default").unwrap().jobs(jobs).build().unwrap();
        let module = runner.load(two.bytes.clone(), LoadOptions::named("two")).unwrap();
        let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        runner.run(&plan, &mut ()).unwrap()
    };
    let one = report(1);
    assert_eq!(one.canonical.modules[0].tests.len(), 2);
    for _ in 0..5 {
        assert_eq!(report(2).digest, one.digest);
    }
}

fn run_one(runner: &Runner, hostile: &Hostile) -> Result<(), String> {
    let options = LoadOptions::named(hostile.name.clone());
    let module = match (runner.load(hostile.bytes.clone(), options), hostile.expect) {
        (Ok(module), Expect::Verdict(_) | Expect::Limit(_) | Expect::WallClock) => module,
        (Err(error), Expect::Refused(why)) if error.to_string().contains(why) => return Ok(()),
        (Err(error), _) => return Err(format!("not loaded: {error}")),
        (Ok(_), Expect::Refused(_)) => return Err("it was loaded".to_owned()),
    };
    let subject = Subject::new(module);
    let planned = runner.plan(vec![subject], &Selection::default()).map_err(|error| error.to_string())?;
    if let Some(refused) = planned.refused().first() {
        return Err(refused.to_string());
    }
    let report: Report = runner.run(&planned, &mut ()).map_err(|error| error.to_string())?;
    let text = serde_json::to_string(&report).expect("a report is JSON");
    if text.len() > LONGEST_REPORT {
        return Err(format!("its report has {} bytes", text.len()));
    }
    if text.contains(SECRET) {
        return Err("it was told a secret".to_owned());
    }
    let tests = &report.canonical.modules[0].tests;
    let other = tests.iter().map(verdict).find(|(verdict, limit)| match hostile.expect {
        Expect::Verdict(expected) => verdict != expected || *limit == "timeout",
        Expect::Limit(expected) => *limit != expected,
        Expect::WallClock => *limit != "timeout",
        Expect::Refused(_) => true,
    });
    match other {
        Some((verdict, _)) => Err(format!("{verdict}: {text}")),
        None if tests.is_empty() => Err("no test".to_owned()),
        None => Ok(()),
    }
}

/// The verdict as the report spells it, and the limit that ended the test, if one did.
fn verdict(test: &TestRecord) -> (String, &str) {
    let limit = test.details.as_ref().and_then(|details| details.limit.as_ref());
    let verdict = serde_json::to_value(test.verdict).expect("a verdict is JSON");
    (verdict.as_str().unwrap_or_default().to_owned(), limit.map_or("", |limit| limit.name.as_str()))
}

/// Every file outside of what may be written: its kind, mode, size, times and contents.
fn watch(site: &Site) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![site.outside.clone()];
    while let Some(folder) = folders.pop() {
        let about = std::fs::symlink_metadata(&folder).unwrap();
        // Of the grant's own folder the entries are the guest's; what is around it is not.
        found.insert(folder.clone(), format!("{:o} {} {}", about.mode(), about.mtime(), about.mtime_nsec()));
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let about = std::fs::symlink_metadata(&path).unwrap();
            if path == site.read_write {
                continue;
            }
            if about.is_dir() {
                folders.push(path);
                continue;
            }
            let contents = match (about.is_file(), about.is_symlink()) {
                (true, _) => format!("{:?}", std::fs::read(&path).unwrap()),
                (_, true) => format!("{:?}", std::fs::read_link(&path).unwrap()),
                _ => String::new(),
            };
            let (seconds, nanoseconds) = (about.mtime(), about.mtime_nsec());
            found.insert(path, format!("{:o} {seconds} {nanoseconds} {} {contents}", about.mode(), about.ino()));
        }
    }
    found
}

/// What the process has open, by target.
fn open_descriptors() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let targets = entries.filter_map(|path| std::fs::read_link(path).ok()?.to_str().map(str::to_owned));
    let mut targets: Vec<String> = targets.filter(|target| !target.ends_with("/fd")).collect();
    targets.sort();
    targets
}

/// The processor time that all threads of this process have had, which does not depend on what else the machine does.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name, which may have anything in it, ends at the last parenthesis; hundredths of a second are the 12th and 13th after it.
    let (_, figures) = stat.rsplit_once(')').expect("Linux tells it");
    let ticks = figures.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// The most memory that this process has taken since [`forget_peak`].
fn peak_memory_kib() -> u64 {
    memory_kib("VmHWM:")
}

/// Begins to look for a peak anew; what this process takes now.
fn forget_peak() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").expect("it is this process's own");
    memory_kib("VmRSS:")
}

fn memory_kib(figure: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A directory in the grant, and a link to secrets that takes its place.
fn prepare_swaps(site: &Site) {
    std::fs::create_dir(site.read_write.join("swapped")).unwrap();
    std::fs::write(site.read_write.join("swapped/secret.txt"), PUBLIC).unwrap();
    std::os::unix::fs::symlink("../secrets", site.read_write.join("bait")).unwrap();
}

/// Somebody on the host who puts the link in the place of the directory and back, all the time.
struct Swapper {
    stop: std::sync::Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Swapper {
    fn start(site: &Site) -> Self {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let (stopped, dir) = (std::sync::Arc::clone(&stop), site.read_write.clone());
        let thread = std::thread::spawn(move || {
            let [swapped, bait, aside] = ["swapped", "bait", "aside"].map(|name| dir.join(name));
            while !stopped.load(Ordering::Relaxed) {
                for (from, to) in [(&swapped, &aside), (&bait, &swapped), (&swapped, &bait), (&aside, &swapped)] {
                    std::fs::rename(from, to).unwrap();
                    std::thread::sleep(Duration::from_micros(50));
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("nobody else moves these names");
        }
    }
}

/// What the kernel saw: every file that the program opened while it ran the corpus is one that it has to open.
#[test]
#[ignore = "needs strace, which continuous integration has: run it with `--ignored`"]
fn the_kernel_saw_no_file_opened_outside_of_the_grants() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = scratch_dir();
    let site = lay_out(dir.path());
    prepare_swaps(&site);
    std::fs::write(dir.path().join("airtight.toml"), CONFIG).unwrap();
    let mut modules = Vec::new();
    for hostile in
        corpus().into_iter().filter(|hostile| !matches!(hostile.expect, Expect::Refused(_)) && !is_costly(hostile))
    {
        let name = format!("{}.wasm", hostile.name);
        std::fs::write(dir.path().join(&name), hostile.bytes).unwrap();
        modules.push(name);
    }
    let trace = dir.path().join("trace.txt");
    let program = command();
    let status = std::process::Command::new("strace")
        .args(["-f", "-y", "-qq", "-e", "trace=%file,%network", "-o"])
        .arg(&trace)
        .arg(program.get_program())
        .args(["run", "--no-cache", "--status-level", "none", "--final-status-level", "none"])
        .args(&modules)
        .current_dir(dir.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("strace is installed: this test is run where it is");
    assert_eq!(status.code(), Some(100));
    let lines = std::fs::read_to_string(&trace).unwrap();
    let opened: Vec<&str> = lines.lines().filter_map(opened_path).collect();
    assert!(opened.iter().any(|path| path.ends_with("read-write/inside.txt")), "the observer is asleep");
    let strange: BTreeSet<&&str> = opened.iter().filter(|path| !may_be_opened(path, dir.path(), &site)).collect();
    assert_eq!(strange, BTreeSet::new());
    let network: Vec<&str> =
        lines.lines().filter(|line| line.contains(" connect(") || line.contains(" bind(")).collect();
    assert_eq!(network, Vec::<&str>::new());
}

/// What a call of `strace -y` opened, where it opened something.
fn opened_path(line: &str) -> Option<&str> {
    if !line.contains(" open") {
        return None;
    }
    let (_, result) = line.rsplit_once(" = ")?;
    result.split_once('<')?.1.strip_suffix('>')
}

fn may_be_opened(path: &str, dir: &Path, site: &Site) -> bool {
    let path = Path::new(path);
    if path.starts_with(&site.outside) {
        return [&site.read_only, &site.read_write, &site.overlay].iter().any(|grant| path.starts_with(grant));
    }
    // The program itself: its modules and configuration, the C library, and what Rust asks the kernel about the machine.
    let of_the_program = ["/lib", "/lib64", "/usr/lib", "/etc/ld.so.cache", "/proc", "/sys", "/dev/null"];
    path.starts_with(dir) || of_the_program.iter().any(|allowed| path.starts_with(allowed))
}

/// A fixture of 64 MiB is there once, however many tests begin from it.
#[test]
fn a_large_fixture_is_held_once_for_a_thousand_tests() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let config = Config::default();
    let peak = |tests: usize| {
        let runner = Runner::builder(&config, "default").unwrap().jobs(2).build().unwrap();
        let module = runner.load(with_a_large_fixture(tests), LoadOptions::named("fixture")).unwrap();
        let plan = runner.plan(vec![Subject::new(module)], &Selection::default()).unwrap();
        forget_peak();
        let report = runner.run(&plan, &mut ()).unwrap();
        assert_eq!(report.counts().pass, tests + 1);
        peak_memory_kib()
    };
    let (few, many) = (peak(10), peak(1_000));
    assert!(many < few + (32 << 10), "{many} KiB for a thousand tests, {few} KiB for ten");
}

/// A set-up that fills 64 MiB, and so many tests that write one word of it.
fn with_a_large_fixture(tests: usize) -> Vec<u8> {
    let (mut exports, mut records) = (String::new(), String::new());
    let names = (0..tests).map(|nth| (format!("t{nth:04}"), "$test", ""));
    for (name, function, role) in names.chain([("setup".to_owned(), "$setup", "role\0setup\0")]) {
        let export = format!("airtight:test/m::{name}");
        exports += &format!("(export \"{export}\" (func {function}))");
        let body = format!("name\0m::{name}\0export\0{export}\0file\0src/lib.rs\0line\x001\0{role}");
        let len = u32::try_from(body.len()).unwrap().to_le_bytes();
        let record = b"ATR1".iter().copied().chain(len).chain(body.into_bytes());
        records.extend(record.map(|byte| format!("\\{byte:02x}")));
    }
    let text = format!(
        r#"(module
            (memory (export "memory") 1041)
            (global $__stack_pointer (mut i32) (i32.const 1048576))
            (func (export "airtight:state") (export "airtight:cleanup") (export "airtight:flush") (result i32) (i32.const 0))
            (func $setup (result i32) (memory.fill (i32.const 1114112) (i32.const 7) (i32.const 67108864)) (i32.const 0))
            (func $test (result i32) (i32.store (i32.const 1114112) (i32.const 1)) (i32.const 0))
            {exports}
            (@custom "airtight.tests" "{records}"))"#
    );
    wat::parse_str(text).unwrap()
}
