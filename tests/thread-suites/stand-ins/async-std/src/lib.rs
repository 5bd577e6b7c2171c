//! What flume's tests use of async-std, whose own timers need a platform that tells of many descriptors at once: a thread a task, and
//! one a time that may be up, which ends with what it was for.

pub use async_attributes::test;

/// Tasks, each a thread.
pub mod task {
    use std::pin::{Pin, pin};
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::{self, Thread};

    struct Unparks(Thread);

    impl Wake for Unparks {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Waits for what a future gives.
    pub fn block_on<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unparks(thread::current())));
        let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(done) => return done,
                Poll::Pending => thread::park(),
            }
        }
    }

    struct Done<T>(Option<T>, Option<Waker>);

    /// A task that was spawned.
    pub struct JoinHandle<T>(Arc<Mutex<Done<T>>>);

    /// Runs a future beside its caller.
    pub fn spawn<F: Future<Output: Send> + Send + 'static>(future: F) -> JoinHandle<F::Output> {
        let done = Arc::new(Mutex::new(Done(None, None)));
        let own = Arc::clone(&done);
        thread::spawn(move || {
            let value = block_on(future);
            let mut done = own.lock().unwrap();
            done.0 = Some(value);
            done.1.take().into_iter().for_each(Waker::wake);
        });
        JoinHandle(done)
    }

    impl<T> Future for JoinHandle<T> {
        type Output = T;

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
            let mut done = self.0.lock().unwrap();
            match done.0.take() {
                Some(value) => Poll::Ready(value),
                None => {
                    done.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        }
    }
}

/// Futures that have a time.
pub mod future {
    use std::pin::Pin;
    use std::sync::mpsc::{self, RecvTimeoutError, Sender};
    use std::task::{Context, Poll};
    use std::thread;
    use std::time::{Duration, Instant};

    /// The time was up.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct TimeoutError;

    /// See [`timeout`].
    pub struct Timeout<F> {
        future: Pin<Box<F>>,
        limit: Duration,
        timer: Option<Timer>,
    }

    /// When the time is up. Its thread ends when this is dropped.
    struct Timer {
        due: Instant,
        _running: Sender<()>,
    }

    /// What a future gives within a time that begins when it is first polled.
    pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
        Timeout { future: Box::pin(future), limit, timer: None }
    }

    impl<F: Future> Future for Timeout<F> {
        type Output = Result<F::Output, TimeoutError>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            if let Poll::Ready(done) = self.future.as_mut().poll(context) {
                return Poll::Ready(Ok(done));
            }
            let (limit, waker) = (self.limit, context.waker().clone());
            let timer = self.timer.get_or_insert_with(|| {
                let (running, dropped) = mpsc::channel::<()>();
                thread::spawn(move || {
                    if dropped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                        waker.wake();
                    }
                });
                Timer { due: Instant::now() + limit, _running: running }
            });
            if Instant::now() >= timer.due { Poll::Ready(Err(TimeoutError)) } else { Poll::Pending }
        }
    }
}

/// What is imported from it.
pub mod prelude {
    /// Methods of all futures.
    pub trait FutureExt: Future + Sized {
        /// See [`timeout`](super::future::timeout).
        fn timeout(self, limit: std::time::Duration) -> super::future::Timeout<Self> {
            super::future::timeout(limit, self)
        }
    }

    impl<F: Future> FutureExt for F {}
}
