//! The calls on the guest's stack that decide about allocator calls within them: do those count, and are they the test's own?

/// A call that was entered and has not returned yet, and within which calls of the allocator count. `malloc` is not among them:
/// calls within it do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outer {
    /// A function in which the test's own code runs.
    Window,
    /// A function of libc whose allocations are libc's own.
    Libc,
    /// The function of libc that makes a thread. The block for the thread's stack is libc's own, not the test's.
    MakesThread,
    /// `free`, which may call functions of the test or of libc.
    Free,
}

/// All such calls of one thread, the innermost last, and how many there are of each kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Nesting {
    outer: Vec<Outer>,
    windows: u32,
    libcs: u32,
    makers: u32,
    frees: u32,
    host_window: bool,
}

impl Nesting {
    /// Opens or closes the window for a test that the host calls directly.
    pub(super) fn set_host_window(&mut self, open: bool) {
        self.host_window = open;
    }

    /// Whether the test's own code may be running: a function of a window is on the stack, or the host called the test
    /// directly.
    pub(super) fn window_open(&self) -> bool {
        self.host_window || self.windows > 0
    }

    /// Whether a block that is allocated now is the test's own.
    #[inline]
    pub(super) fn own(&self) -> bool {
        self.window_open() && self.libcs == 0 && self.makers == 0
    }

    /// Whether the function that makes a thread is on the stack.
    #[inline]
    pub(super) fn makes_thread(&self) -> bool {
        self.makers > 0
    }

    /// Whether a `free` is on the stack.
    pub(super) fn in_free(&self) -> bool {
        self.frees > 0
    }

    /// Whether none of these calls is on the stack.
    pub(super) fn is_outermost(&self) -> bool {
        self.outer.is_empty()
    }

    /// Whether the innermost of the calls is a `free`.
    pub(super) fn innermost_is_free(&self) -> bool {
        self.outer.last() == Some(&Outer::Free)
    }

    #[inline]
    pub(super) fn enter(&mut self, call: Outer) {
        *self.count(call) += 1;
        self.outer.push(call);
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        if let Some(call) = self.outer.pop() {
            *self.count(call) -= 1;
        }
    }

    /// Forgets all calls that were entered and not left. The window that the host opened stays as it is.
    pub(super) fn unwind(&mut self) {
        *self = Self { host_window: self.host_window, ..Self::default() };
    }

    #[inline]
    fn count(&mut self, call: Outer) -> &mut u32 {
        match call {
            Outer::Window => &mut self.windows,
            Outer::Libc => &mut self.libcs,
            Outer::MakesThread => &mut self.makers,
            Outer::Free => &mut self.frees,
        }
    }
}
