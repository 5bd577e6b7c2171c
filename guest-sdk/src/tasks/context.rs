//! A scope as its tasks see it: whether it has ended.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Tells the tasks of a test or subtest that it has ended, so that they end too: see [`T::context`](crate::T::context).
#[derive(Clone, Default)]
pub struct Context(Rc<State>);

#[derive(Default)]
struct State {
    is_cancelled: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Context {
    /// Whether the test or subtest has ended, or [`Context::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.get()
    }

    /// Returns when it has.
    pub async fn cancelled(&self) {
        poll_fn(|polled| {
            if self.is_cancelled() {
                return Poll::Ready(());
            }
            let mut waiting = self.0.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(polled.waker())) {
                waiting.push(polled.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Tells them so now.
    pub fn cancel(&self) {
        self.0.is_cancelled.set(true);
        let waiting = std::mem::take(&mut *self.0.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }
}
