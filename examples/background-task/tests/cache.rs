//! A cache that is used and forgotten, or stopped.

use airtight::{T, sleep};
use background_task::Cache;
use std::time::Duration;

/// Passes everywhere else: nobody sees that the cache is still being refreshed.
#[airtight::test]
async fn refreshes_for_ever(t: &mut T) {
    let cache = Cache::start(t);
    sleep(Duration::from_secs(150)).await;
    assert_eq!(cache.refreshed(), 2);
}

#[airtight::test]
async fn is_stopped(t: &mut T) {
    let cache = Cache::start(t);
    sleep(Duration::from_secs(150)).await;
    assert_eq!(cache.refreshed(), 2);
    cache.stop();
}

/// Two tasks that each wait for the other.
#[airtight::test]
async fn waits_for_itself(t: &mut T) {
    let (first, second) = (std::rc::Rc::new(std::cell::RefCell::new(None::<airtight::Task<()>>)), t.context());
    let other = first.clone();
    let consumer = t.spawn(async move {
        let producer = other.borrow_mut().take();
        if let Some(producer) = producer {
            producer.await.unwrap();
        }
    });
    let consumer = consumer.named("consumer");
    *first.borrow_mut() = Some(t.spawn(async move { second.cancelled().await }).named("producer"));
    consumer.await.unwrap();
}
