//! Which tests are running, and for how long, so that a slow test is reported before it ends.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often the host looks whether a test is slow.
const LOOK: Duration = Duration::from_millis(500);

/// What each worker is running.
pub struct RunningTests {
    began: Instant,
    /// The longest time between two looks.
    interval: Duration,
    workers: Vec<Worker>,
}

#[derive(Default)]
struct Worker {
    /// The index of the worker's test in the plan, plus one; 0 between two tests.
    test: AtomicUsize,
    /// When that test becomes slow, in nanoseconds after the run began.
    slow_from: AtomicU64,
    /// When that test began, in nanoseconds after the run did.
    since: AtomicU64,
    /// The last test of which it was told that it is slow: its index plus one.
    told: AtomicUsize,
}

impl RunningTests {
    /// For `workers` workers. `least` is the shortest time after which any of the tests is slow.
    pub fn new(workers: usize, least: Duration) -> Self {
        let workers = (0..workers).map(|_| Worker::default()).collect();
        Self { began: Instant::now(), interval: LOOK.min(least), workers }
    }

    /// The longest time between two looks.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Notes that the calling worker runs the test at this index of the plan, until the guard is dropped. The test is slow
    /// after the time `slow`.
    pub fn start(&self, index: usize, slow: Duration) -> RunningTest<'_> {
        let worker = rayon::current_thread_index().and_then(|worker| self.workers.get(worker));
        if let Some(worker) = worker {
            let since = self.began.elapsed();
            worker.since.store(nanos(since), Ordering::Relaxed);
            worker.slow_from.store(nanos(since.saturating_add(slow)), Ordering::Relaxed);
            worker.test.store(index + 1, Ordering::Release);
        }
        RunningTest(worker)
    }

    /// The tests that are running, by their indices in the plan.
    pub fn tests(&self) -> impl Iterator<Item = usize> + '_ {
        self.workers.iter().filter_map(|worker| worker.test.load(Ordering::Acquire).checked_sub(1))
    }

    /// The tests that have become slow: their indices in the plan, and how long each has run. Each test is returned once.
    pub fn slow(&self) -> Vec<(usize, Duration)> {
        let now = nanos(self.began.elapsed());
        let slow = |worker: &Worker| {
            let test = worker.test.load(Ordering::Acquire);
            let elapsed = Duration::from_nanos(now.saturating_sub(worker.since.load(Ordering::Relaxed)));
            let slow = now >= worker.slow_from.load(Ordering::Relaxed);
            // No test runs twice. So if the worker still runs the same test, the times belong to that test.
            let same = test != 0 && test == worker.test.load(Ordering::Acquire);
            let news = same && slow && worker.told.swap(test, Ordering::Relaxed) != test;
            news.then(|| (test - 1, elapsed))
        };
        self.workers.iter().filter_map(slow).collect()
    }
}

/// A test that is running.
pub struct RunningTest<'a>(Option<&'a Worker>);

impl Drop for RunningTest<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.0 {
            worker.test.store(0, Ordering::Release);
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Trust};
    use crate::model::events::{Event, Listener};
    use crate::run::{Runner, Selection, Subject};
    use crate::sandbox::LoadOptions;
    use std::path::Path;

    #[test]
    fn a_slow_test_is_told_of_once_and_only_while_it_runs() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let running = RunningTests::new(1, Duration::ZERO);
        assert_eq!(running.slow(), []);
        pool.install(|| {
            let started = running.start(4, Duration::ZERO);
            assert_eq!(running.slow().iter().map(|(index, _)| *index).collect::<Vec<_>>(), [4]);
            assert_eq!(running.slow(), []);
            drop(started);
            let _next = running.start(5, Duration::ZERO);
            assert_eq!(running.slow().len(), 1);
        });
        assert_eq!(running.slow(), [], "it is over");
        let patient = RunningTests::new(1, Duration::from_secs(3600));
        pool.install(|| {
            let _started = patient.start(0, Duration::from_secs(3600));
            assert_eq!(patient.slow(), []);
        });
    }

    /// What the listener was told, in order.
    #[derive(Default)]
    struct Log(Vec<String>);

    impl Listener for Log {
        fn event(&mut self, event: &Event<'_>) {
            match event {
                Event::TestStarted { module, test } => self.0.push(format!("started {module} {test}")),
                Event::TestSlow { module, test, .. } => self.0.push(format!("slow {module} {test}")),
                Event::TestFinished { module, test, .. } => self.0.push(format!("finished {module} {}", test.name)),
                _ => {}
            }
        }
    }

    /// Sleeps for half a second by the host's clock.
    const SLEEPS: &str = r#"(module (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (i64.const 500000000))
            (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;

    #[test]
    fn listeners_hear_of_it_before_it_ends() {
        let text = "[profile.default]\nclock = \"real\"\nslow-timeout = \"20ms\"\n";
        let config = Config::from_str(text, "airtight.toml", Path::new("/")).unwrap();
        let runner = Runner::builder(&config, "default").unwrap().trust(Trust::everything()).jobs(1).build().unwrap();
        let options = LoadOptions::named("sleeps");
        let module = runner.load(wat::parse_str(SLEEPS).unwrap(), options).unwrap();
        let subject = Subject::new(module);
        let planned = runner.plan(vec![subject], &Selection::default()).unwrap();
        let mut log = Log::default();
        runner.run(&planned, &mut log).unwrap();
        assert_eq!(log.0, ["started sleeps sleeps", "slow sleeps sleeps", "finished sleeps sleeps"]);
    }
}
