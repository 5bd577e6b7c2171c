//! What a hooked function is, and what the host is told of its calls.

/// Added to `which` where `leave` tells of a call that an exception ended.
pub const UNWOUND: u32 = 1 << 31;

/// From this bit on, six bits of `which` tell `enter` how many zeros the alignment ends in that `posix_memalign` is asked for. No module
/// has so many functions that their numbers come there.
pub(super) const ALIGNMENT: u32 = 24;

/// The number of the hook that is called with this `which`.
pub fn hook_number(which: u32) -> u32 {
    which & ((1 << ALIGNMENT) - 1)
}

/// The alignment that a call of `posix_memalign` with this `which` asks for: of one that is no power of two, the largest that divides
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

/// What a hooked function does, and what `enter` says of a call: `a` and `b` are 0 unless given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookKind {
    /// `malloc(a)`.
    Malloc,
    /// `calloc(a, b)`.
    Calloc,
    /// `realloc(a, b)`: the block, the new size.
    Realloc,
    /// `free(a)`.
    Free,
    /// `posix_memalign(a, _, b)`: where the block's address is put, the size. For the alignment see [`alignment`].
    PosixMemalign,
    /// `aligned_alloc(a, b)`: the alignment, the size.
    AlignedAlloc,
    /// `memalign(a, b)`: the alignment, the size.
    Memalign,
    /// What runs in it is the test's own.
    Window,
    /// What runs in it is the C library's own, also within a window.
    Libc,
    /// The C library's function that makes a thread: what it allocates is the thread's stack, and the library's own.
    MakesThread,
    /// Rust's library makes what stands for a thread: `a` is its name, an `Option<String>`.
    NamesThread,
    /// Tells of a panic before it is raised, and calls the panic hook: `a` is the panic's payload, `b` the payload's vtable.
    Announce,
    /// Raises a panic: `a` is the panic's payload, `b` the payload's vtable.
    Raise,
    /// Raises a panic, and is not told which: the compiler saw that nothing reads it.
    RaiseUntold,
    /// Gives the directory of temporary files. It has a body of ours, and tells the host nothing.
    TempDir,
    /// Gives the number of the process. It has a body of ours, and tells the host nothing.
    ProcessId,
    /// Runs the tests of a list. It has a body of ours, which can be told to pass on another list, and tells the host nothing.
    TestMain,
}

impl HookKind {
    /// Whether a call of it is one that the books of the heap are told of.
    pub fn is_of_heap(self) -> bool {
        !matches!(self, Self::NamesThread | Self::Announce | Self::Raise | Self::RaiseUntold) && !self.is_fill()
    }

    /// Whether it allocates, frees or does both.
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

/// A function whose calls the host learns of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What it does.
    pub kind: HookKind,
    /// Its name in the module's name section; for a program without a named main function, `_start`.
    pub name: String,
    /// Its index, where now the jump is.
    pub function: u32,
    /// The index of its body.
    pub moved: u32,
    /// The index of the function between the two.
    pub wrapper: u32,
    /// What jump and wrapper spend: to be given back at `enter` and `leave`.
    pub cost: HookCost,
    /// Where its body starts, from the start of the code section's contents.
    pub(super) body: u32,
    /// Where that body starts as a function of its own, likewise.
    pub(super) moved_body: u32,
}

/// The hooked functions of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// In the order of their functions. Where the heap is followed, one of them allocates.
    pub hooks: Vec<Hook>,
}

impl Hooks {
    /// What the function exported as [`ALLOCATE_EXPORT`](super::ALLOCATE_EXPORT) is.
    pub fn allocator(&self) -> Option<HookKind> {
        allocator(self.hooks.iter().map(|hook| hook.kind))
    }
}

/// The one of these by which the host allocates, if it can by any. `posix_memalign` would need a place for its answer.
pub(super) fn allocator(kinds: impl Iterator<Item = HookKind> + Clone) -> Option<HookKind> {
    let wanted = [HookKind::Malloc, HookKind::Calloc, HookKind::Realloc, HookKind::AlignedAlloc, HookKind::Memalign];
    wanted.into_iter().find(|wanted| kinds.clone().any(|kind| kind == *wanted))
}
