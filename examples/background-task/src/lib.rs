//! A cache whose entries are refreshed in the background.

use airtight::{T, Task, sleep};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// How long an entry is fresh.
const FRESH: Duration = Duration::from_secs(60);

/// A cache with a task that refreshes it.
pub struct Cache {
    refreshed: Rc<Cell<u32>>,
    refresher: Task<()>,
}

impl Cache {
    /// Starts the task.
    pub fn start(t: &T) -> Self {
        let refreshed = Rc::new(Cell::new(0));
        let count = Rc::clone(&refreshed);
        let refresher = t.spawn(async move {
            loop {
                sleep(FRESH).await;
                count.set(count.get() + 1);
            }
        });
        Self { refreshed, refresher: refresher.named("refresher") }
    }

    /// How often it was refreshed.
    pub fn refreshed(&self) -> u32 {
        self.refreshed.get()
    }

    /// Stops the task.
    pub fn stop(self) {
        self.refresher.cancel();
    }
}
