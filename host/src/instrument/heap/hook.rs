//! Hooks: the functions that are hooked, and what the host is told of their calls.

/// A bit that is set in the `which` of `leave` if an exception ended the call.
pub const UNWOUND: u32 = 1 << 31;

/// From this bit on, six bits of `which` tell `enter` how many zeros the alignment ends in that `posix_memalign` is asked for. No module
/// has so many functions that their numbers come there.
pub(super) const ALIGNMENT: u32 = 24;

/// The number of the hook that is called with this `which`.
pub fn hook_number(which: u32) -> u32 {
    which & ((1 << ALIGNMENT) - 1)
}

/// The alignment that a call of `posix_memalign` with this `which` asks for: of one that is not a power of two, the largest that divides
/// it. 0 where it asks for none.
pub fn alignment(which: u32) -> u32 {
    1_u32.checked_shl((which >> ALIGNMENT) & 0x3f).unwrap_or(0)
}

/// The fuel that a jump and its wrapper take, beside the hooked function's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookCost {
    /// Before the function is entered.
    pub before: u64,
    /// After it has returned.
    pub after: u64,
    /// After an exception has left it.
    pub unwound: u64,
}

/// What a hooked function does, and what `enter` is given for a call: `a` and `b` are 0 unless they are named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookKind {
    /// `malloc(a)`.
    Malloc,
    /// `calloc(a, b)`.
    Calloc,
    /// `realloc(a, b)`: the block, and the new size.
    Realloc,
    /// `free(a)`.
    Free,
    /// `posix_memalign(a, _, b)`: where the block's address is put, the size. For the alignment see [`alignment`].
    PosixMemalign,
    /// `aligned_alloc(a, b)`: the alignment, and the size.
    AlignedAlloc,
    /// `memalign(a, b)`: the alignment, and the size.
    Memalign,
    /// A window: code that runs within it is the test's own.
    Window,
    /// A function of the C library whose allocations are the library's own, even within a window.
    Libc,
    /// The C library's function that makes a thread. The block that it allocates is the thread's stack, and the library's own.
    MakesThread,
    /// The function by which Rust's library makes the value that stands for a thread: `a` points to the thread's name, an
    /// `Option<String>`.
    NamesThread,
    /// The function that reports a panic before it is raised, and calls the panic hook: `a` is the panic's payload, `b` the
    /// payload's vtable.
    Announce,
    /// The function that raises a panic: `a` is the panic's payload, `b` the payload's vtable.
    Raise,
    /// The function that raises a panic, in a module in which it is not given the payload: the compiler saw that nothing reads
    /// it.
    RaiseUntold,
    /// A filled function (see `fills`): returns the directory of temporary files. The host is not told of its calls.
    TempDir,
    /// A filled function: returns the number of the process. The host is not told of its calls.
    ProcessId,
    /// A filled function: runs a list of tests, or another list that the host has given. The host is not told of its calls.
    TestMain,
}

impl HookKind {
    /// Whether the books of the heap are told of its calls.
    pub fn is_of_heap(self) -> bool {
        !matches!(self, Self::NamesThread | Self::Announce | Self::Raise | Self::RaiseUntold) && !self.is_fill()
    }

    /// Whether it is a function of the allocator.
    pub fn allocates_or_frees(self) -> bool {
        self.is_of_heap() && !matches!(self, Self::Window | Self::Libc | Self::MakesThread)
    }

    /// What `enter` gives for a call that is to be made as it is: see [`HOOKS_TABLE`](super::HOOKS_TABLE).
    pub fn unchanged(self, a: u32, b: u32) -> u32 {
        match self {
            Self::Malloc | Self::Calloc => a,
            _ => b,
        }
    }

    /// Whether the function was given a body of ours.
    pub fn is_fill(self) -> bool {
        matches!(self, Self::TempDir | Self::ProcessId | Self::TestMain)
    }
}

/// A function that is hooked or filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What the function does.
    pub kind: HookKind,
    /// Its name in the module's name section; for a program without a named main function, `_start`.
    pub name: String,
    /// Its index. Its body is now the jump.
    pub function: u32,
    /// The index of the function with its old body.
    pub moved: u32,
    /// The index of the wrapper, which the jump calls; for a filled function, of the new body.
    pub wrapper: u32,
    /// The fuel that jump and wrapper cost, which the host gives back in `enter` and `leave`.
    pub cost: HookCost,
    /// Where the jump's body starts (and the old body did), from the start of the code section's contents.
    pub(super) body: u32,
    /// Where the moved body starts, counted in the same way.
    pub(super) moved_body: u32,
}

/// The hooked functions of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// The hooks, in the order of their functions. If the heap is followed, one of them allocates.
    pub hooks: Vec<Hook>,
}

impl Hooks {
    /// The kind of the function that is exported as [`ALLOCATE_EXPORT`](super::ALLOCATE_EXPORT).
    pub fn allocator(&self) -> Option<HookKind> {
        allocator(self.hooks.iter().map(|hook| hook.kind))
    }
}

/// The first of the kinds by which the host can allocate. `posix_memalign` is not one: it would need a place in memory for its
/// result.
pub(super) fn allocator(kinds: impl Iterator<Item = HookKind> + Clone) -> Option<HookKind> {
    let wanted = [HookKind::Malloc, HookKind::Calloc, HookKind::Realloc, HookKind::AlignedAlloc, HookKind::Memalign];
    wanted.into_iter().find(|wanted| kinds.clone().any(|kind| kind == *wanted))
}
