//! Clean-ups in a list that is whole at every instruction, because the test may end at any.

use airtight_abi::scopes::NextCleanup;
use std::borrow::Cow;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Jobs that wait to be run, the next one first: those of inner scopes before those of outer ones, then by priority, then the
/// last one first.
///
/// A job is in the list or is not, even if a trap ends the guest in the middle of [`Cleanups::insert`] or [`Cleanups::pop`]:
/// one store decides. The atomics are for that, not for threads.
pub(crate) struct Cleanups {
    head: AtomicPtr<Header>,
    next: NextRecord,
}

/// What there is to know of a clean-up beside its job.
#[derive(Clone)]
pub(crate) struct Tag {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) priority: i32,
    /// How deep its scope is: 0 for the test itself.
    pub(crate) depth: u32,
    /// Where it was registered.
    pub(crate) at: &'static Location<'static>,
}

/// What is known of a job without its type. It is the first field of its [`Node`].
struct Header {
    next: AtomicPtr<Header>,
    /// Runs the job of this header's node and frees the node.
    run: unsafe fn(*mut Header),
    tag: Tag,
}

#[repr(C)]
struct Node<F> {
    header: Header,
    job: ManuallyDrop<F>,
}

/// A job that is ready to be put in a list.
pub(crate) struct PreparedJob(*mut Header);

/// A [`NextCleanup`], written word by word.
struct NextRecord([AtomicU32; NextCleanup::SIZE / 4]);

impl Cleanups {
    pub(crate) const fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), next: NextRecord([const { AtomicU32::new(0) }; _]) }
    }

    /// Allocates: the step that may end in a trap, before anything is changed.
    pub(crate) fn prepare<F: FnOnce() + 'static>(tag: Tag, job: F) -> PreparedJob {
        let header = Header { next: AtomicPtr::new(ptr::null_mut()), run: run_node::<F>, tag };
        PreparedJob(Box::into_raw(Box::new(Node { header, job: ManuallyDrop::new(job) })).cast())
    }

    /// Puts a job where its turn is.
    pub(crate) fn insert(&self, PreparedJob(node): PreparedJob) {
        // SAFETY: `prepare` made the node, and nothing else has it: `PreparedJob` is neither copied nor kept.
        let inserted = unsafe { &*node };
        let mut link = &self.head;
        loop {
            let next = link.load(Ordering::Acquire);
            // SAFETY: a node in the list is live until it has been removed, and nothing is removed here.
            match unsafe { next.as_ref() } {
                Some(waiting) if waiting.tag.comes_before(&inserted.tag) => link = &waiting.next,
                _ => {
                    inserted.next.store(next, Ordering::Release);
                    link.store(node, Ordering::Release);
                    return;
                }
            }
        }
    }

    /// Removes the next job of a scope of this depth or a deeper one.
    pub(crate) fn pop(&self, depth: u32) -> Option<PreparedJob> {
        let node = self.head.load(Ordering::Acquire);
        // SAFETY: a node in the list is live until it has been removed, which happens here, once.
        let header = unsafe { node.as_ref() }.filter(|header| header.tag.depth >= depth)?;
        self.head.store(header.next.load(Ordering::Acquire), Ordering::Release);
        Some(PreparedJob(node))
    }

    /// Writes down what [`Cleanups::pop`] would give, for the host to read; null where that is nothing.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "natively there is no host"))]
    pub(crate) fn describe_next(&self, depth: u32) -> *const NextCleanup {
        // SAFETY: as in `pop`.
        let header = unsafe { self.head.load(Ordering::Acquire).as_ref() };
        let Some(Header { tag, .. }) = header.filter(|header| header.tag.depth >= depth) else { return ptr::null() };
        let (name, file) = (tag.name.as_deref().unwrap_or_default(), tag.at.file());
        // Addresses and lengths have 32 bits where there is a host.
        let text = |text: &str| [text.as_ptr() as usize as u32, text.len() as u32];
        let [[name, name_len], [file, file_len]] = [text(name), text(file)];
        let [line, column] = [tag.at.line(), tag.at.column()];
        let words = [name, name_len, file, file_len, line, column, tag.priority.cast_unsigned(), tag.depth];
        for (to, word) in self.next.0.iter().zip(words) {
            to.store(word, Ordering::Relaxed);
        }
        (&raw const self.next).cast()
    }
}

impl Tag {
    /// Whether a clean-up that was registered earlier has its turn before this one.
    fn comes_before(&self, later: &Self) -> bool {
        (self.depth, self.priority) > (later.depth, later.priority)
    }
}

impl PreparedJob {
    /// Runs the job.
    pub(crate) fn run(self) {
        // SAFETY: `prepare` made the node and paired it with the function of its type; `self` is its only owner.
        unsafe { ((*self.0).run)(self.0) }
    }

    /// What there is to know of it.
    pub(crate) fn tag(&self) -> &Tag {
        // SAFETY: `self` owns the node.
        unsafe { &(*self.0).tag }
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

    fn tag(depth: u32, priority: i32) -> Tag {
        Tag { name: None, priority, depth, at: Location::caller() }
    }

    /// The numbers of jobs of these depths and priorities, in the order in which they run.
    fn order(jobs: &[(u32, i32)]) -> Vec<usize> {
        let (list, ran) = (Cleanups::new(), Rc::new(RefCell::new(Vec::new())));
        for (n, (depth, priority)) in jobs.iter().enumerate() {
            let ran = Rc::clone(&ran);
            list.insert(Cleanups::prepare(tag(*depth, *priority), move || ran.borrow_mut().push(n)));
        }
        while let Some(job) = list.pop(0) {
            job.run();
        }
        assert_eq!(Rc::strong_count(&ran), 1, "what the jobs held is dropped");
        ran.take()
    }

    #[test]
    fn the_last_is_the_first() {
        assert_eq!(order(&[(0, 0); 3]), [2, 1, 0]);
    }

    #[test]
    fn inner_scopes_and_high_priorities_go_first() {
        assert_eq!(order(&[(0, 0), (0, 10), (0, -1), (0, 10), (0, 0)]), [3, 1, 4, 0, 2]);
        assert_eq!(order(&[(1, -5), (0, 100), (2, 0), (1, 0)]), [2, 3, 0, 1]);
    }

    #[test]
    fn a_scope_takes_its_own_only() {
        let list = Cleanups::new();
        list.insert(Cleanups::prepare(tag(0, 0), || {}));
        list.insert(Cleanups::prepare(tag(1, 7), || {}));
        assert!(list.pop(2).is_none() && list.describe_next(2).is_null() && !list.describe_next(1).is_null());
        assert_eq!(list.next.0[6].load(Ordering::Relaxed), 7);
        let job = list.pop(1).unwrap();
        assert_eq!(job.tag().priority, 7);
        job.run();
        assert!(list.pop(1).is_none());
        list.pop(0).unwrap().run();
    }

    #[test]
    fn a_job_that_unwinds_is_gone_and_the_rest_is_there() {
        let (jobs, held) = (Cleanups::new(), Rc::new(()));
        let in_job = Rc::clone(&held);
        jobs.insert(Cleanups::prepare(tag(0, 0), || {}));
        jobs.insert(Cleanups::prepare(tag(0, 0), move || panic!("{in_job:?}")));
        let job = jobs.pop(0).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| job.run())).is_err());
        assert_eq!(Rc::strong_count(&held), 1);
        jobs.pop(0).unwrap().run();
        assert!(jobs.pop(0).is_none());
    }
}
