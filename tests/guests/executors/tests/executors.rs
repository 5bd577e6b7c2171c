//! Tasks of executors that are not airtight's own.

use airtight::track_task;
use futures::task::LocalSpawnExt;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

#[tokio::test]
async fn leak_a_poller_that_nobody_stops() {
    tokio::spawn(track_task("poller", async {
        loop {
            sleep(Duration::from_millis(10)).await;
        }
    }));
    sleep(Duration::from_millis(35)).await;
}

#[tokio::test]
async fn pass_a_poller_that_is_joined() {
    let (stop, stopped) = oneshot::channel::<()>();
    let poller = tokio::spawn(track_task("poller", async move {
        stopped.await.unwrap();
    }));
    stop.send(()).unwrap();
    poller.await.unwrap();
}

/// Nine seconds of the test's clock.
#[tokio::test]
async fn pass_what_waits_long() {
    let waits = |seconds| async move { sleep(Duration::from_secs(seconds)).await };
    let tasks: Vec<_> = (0..10).map(|seconds| tokio::spawn(track_task("waits", waits(seconds)))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn leak_a_future_of_a_pool_that_is_dropped() {
    let pool = futures::executor::LocalPool::new();
    let never = track_task("never", std::future::pending());
    pool.spawner().spawn_local(never).unwrap();
}
