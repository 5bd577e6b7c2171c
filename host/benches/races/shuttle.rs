//! The planted races under shuttle: `races.sh` puts a copy of the corpus beside this, with shuttle's types in place of the library's.
//! Prints for each race under how many schedules it failed first, drawn at random and by PCT, and in how much time.

mod corpus;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Points of preemption of PCT; airtight draws one to four.
const DEPTH: usize = 3;

/// Under how many schedules the race failed first; `None` where it failed under none of them.
fn first(scheduler: impl Scheduler + 'static, race: fn()) -> Option<usize> {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    // One that spins for another may do so for ever where no fairness is promised.
    config.max_steps = MaxSteps::ContinueAfter(20_000);
    let begun = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&begun);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            own.fetch_add(1, Ordering::Relaxed);
            race();
        })
    }));
    ran.is_err().then(|| begun.load(Ordering::Relaxed))
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let most: usize = std::env::args().nth(1).and_then(|most| most.parse().ok()).unwrap_or(10_000);
    for (name, race) in corpus::RACES {
        let mut told = vec![(*name).to_owned()];
        for way in 0..2 {
            let began = Instant::now();
            let found = match way {
                0 => first(RandomScheduler::new_from_seed(1, most), *race),
                _ => first(PctScheduler::new_from_seed(1, DEPTH, most), *race),
            };
            told.push(found.map_or("-".to_owned(), |found| found.to_string()));
            told.push(format!("{:.3}", began.elapsed().as_secs_f64()));
        }
        println!("{}", told.join(" "));
    }
}
