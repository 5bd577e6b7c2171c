//! Clean-ups in a list that is whole at every instruction, because the test may end at any.

use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Jobs that wait to be run, last in, first out.
///
/// A job is in the list or is not, even if a trap ends the guest in the middle of [`Cleanups::push`] or [`Cleanups::run`]:
/// one store decides. The atomics are for that, not for threads.
pub(crate) struct Cleanups {
    head: AtomicPtr<Header>,
}

/// What is known of a job without its type. It is the first field of its [`Node`].
struct Header {
    next: *mut Header,
    /// Runs the job of this header's node and frees the node.
    run: unsafe fn(*mut Header),
}

#[repr(C)]
struct Node<F> {
    header: Header,
    job: ManuallyDrop<F>,
}

/// A job that is ready to be put in a list.
pub(crate) struct Prepared(*mut Header);

impl Cleanups {
    pub(crate) const fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Allocates: the step that may end in a trap, before anything is changed.
    pub(crate) fn prepare<F: FnOnce() + 'static>(job: F) -> Prepared {
        let header = Header { next: ptr::null_mut(), run: run_node::<F> };
        Prepared(Box::into_raw(Box::new(Node { header, job: ManuallyDrop::new(job) })).cast())
    }

    /// Puts a job before all others.
    pub(crate) fn push(&self, Prepared(node): Prepared) {
        // SAFETY: `prepare` made the node, and nothing else has it: `Prepared` is neither copied nor kept.
        unsafe { (*node).next = self.head.load(Ordering::Relaxed) };
        self.head.store(node, Ordering::Release);
    }

    /// Removes the job that was put in last.
    pub(crate) fn pop(&self) -> Option<Prepared> {
        let node = self.head.load(Ordering::Acquire);
        // SAFETY: a node in the list is live until it has been removed, which happens here, once.
        let next = unsafe { node.as_ref() }?.next;
        self.head.store(next, Ordering::Release);
        Some(Prepared(node))
    }
}

impl Prepared {
    /// Runs the job.
    pub(crate) fn run(self) {
        // SAFETY: `prepare` made the node and paired it with the function of its type; `self` is its only owner.
        unsafe { ((*self.0).run)(self.0) }
    }
}

/// # Safety
/// `header` must be the first field of a `Node<F>` that a `Box` made, and the caller its only owner.
unsafe fn run_node<F: FnOnce()>(header: *mut Header) {
    // Freed after the job, and also if it unwinds: after a trap in the allocator the job must still have its turn.
    // SAFETY: see above.
    let mut node = unsafe { Box::from_raw(header.cast::<Node<F>>()) };
    // SAFETY: the job is taken once, here, since the node is freed at the end.
    let job = unsafe { ManuallyDrop::take(&mut node.job) };
    job();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;

    #[test]
    fn the_last_is_the_first() {
        let (jobs, ran) = (Cleanups::new(), Rc::new(RefCell::new(Vec::new())));
        for n in 0..3 {
            let ran = Rc::clone(&ran);
            jobs.push(Cleanups::prepare(move || ran.borrow_mut().push(n)));
        }
        while let Some(job) = jobs.pop() {
            job.run();
        }
        assert_eq!(*ran.borrow(), [2, 1, 0]);
        assert_eq!(Rc::strong_count(&ran), 1, "what the jobs held is dropped");
    }

    #[test]
    fn a_job_that_unwinds_is_gone_and_the_rest_is_there() {
        let (jobs, held) = (Cleanups::new(), Rc::new(()));
        let in_job = Rc::clone(&held);
        jobs.push(Cleanups::prepare(|| {}));
        jobs.push(Cleanups::prepare(move || panic!("{in_job:?}")));
        let job = jobs.pop().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| job.run())).is_err());
        assert_eq!(Rc::strong_count(&held), 1);
        jobs.pop().unwrap().run();
        assert!(jobs.pop().is_none());
    }
}
