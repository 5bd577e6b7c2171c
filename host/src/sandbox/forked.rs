//! What is kept of forked subtests until they run, and what an instance knows of them: pure data. `take_fork` makes it, and `fork`
//! begins from it.

use super::globals::GlobalValues;
use super::heap::{Ground, HeapState};
use super::memory_image::MemoryImage;
use super::rerun::StackCapture;
use super::subtest_call::SubtestCall;
use super::wasi::{Grants, Wasi};
use airtight_abi::scopes::SubtestNames;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use wasmtime::Val;

/// The place of a fork in the run of a test: in which call of the test, and which of the forks of that call. Both count from 1; calls
/// of a forked subtest are not counted, and are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkPlace {
    pub(super) call: u32,
    pub(super) nth: u32,
}

/// A test as it stood when it forked a subtest.
pub struct ForkImage {
    /// The path of the subtest.
    pub(super) path: String,
    /// Where it was forked, and whoever forked it, the outermost first.
    pub(super) places: Vec<ForkPlace>,
    pub(super) memory: MemoryImage,
    pub(super) globals: Vec<(Arc<str>, Val)>,
    pub(super) wasi: Wasi,
    pub(super) heap: HeapState,
    pub(super) spent: u64,
    pub(super) ground: Option<Ground>,
    pub(super) stack_top: u32,
    pub(super) call: SubtestCall,
    pub(super) names: SubtestNames,
    pub(super) above: u32,
    pub(super) budget: Arc<ForkBudget>,
}

/// How many forks a test has made, and its forks, and what their images hold, in bytes.
#[derive(Debug, Default)]
pub(super) struct ForkBudget {
    pub(super) made: AtomicUsize,
    pub(super) held: AtomicU64,
}

impl std::fmt::Debug for ForkImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForkImage").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What an instance knows of its forks.
#[derive(Default)]
pub struct Forks {
    /// The calls of the test so far.
    pub(super) call: u32,
    /// The forks of this one.
    pub(super) made: u32,
    /// The places of the forks that this instance is one of.
    pub(super) places: Vec<ForkPlace>,
    /// Those that wait to be run.
    pub(super) waiting: Vec<ForkImage>,
    /// The memory of the last one, or the one that the instance began with.
    pub(super) memory: Option<MemoryImage>,
    pub(super) budget: Arc<ForkBudget>,
    /// Which of them is to be entered where it is made.
    pub(super) target: Option<ForkTarget>,
}

/// The fork that is entered where its test makes it, and with what.
pub struct ForkTarget {
    /// The place of the fork, and of those that it is in, the next one last.
    pub(super) places: Vec<ForkPlace>,
    /// What it is granted.
    pub(super) grants: Arc<Grants>,
    /// Which allocations' stacks are captured in it.
    pub(super) capture: StackCapture,
    /// Its fuel.
    pub(super) fuel: u64,
}

/// The forked subtest is over, which was called within a call of the host. What was running around it does not go on.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the forked subtest is over")]
pub struct ForkOver;

impl Forks {
    /// Of another call of the same test.
    pub(super) fn of_next_call(self) -> Self {
        Self { call: self.call + 1, made: 0, waiting: Vec::new(), ..self }
    }

    /// Of a subtest that was forked into the instance, or is entered in it.
    pub(super) fn of_fork(self) -> Self {
        Self { call: 0, made: 0, ..self }
    }

    /// From here on, calls are those of the test and not of its set-up, and this fork of it is entered.
    pub(super) fn aim(&mut self, target: Option<ForkTarget>) {
        (self.call, self.made, self.target) = (0, 0, target);
    }

    /// Takes those that wait.
    pub(super) fn take(&mut self) -> Vec<ForkImage> {
        std::mem::take(&mut self.waiting)
    }
}

impl ForkTarget {
    /// Of a fork that is to be entered so, or of none.
    pub(super) fn new(image: Option<&ForkImage>, grants: &Arc<Grants>, capture: StackCapture, fuel: u64) -> Self {
        let places = image.iter().flat_map(|image| image.places.iter().rev().copied()).collect();
        Self { places, grants: Arc::clone(grants), capture, fuel }
    }
}

/// The scope that a forked subtest is, in the instance that it is called in.
pub(super) struct ForkedScope {
    pub path: String,
    /// The names that its test has given so far.
    pub names: SubtestNames,
    /// How many scopes it is in, the test itself not among them.
    pub above: u32,
    /// The globals that are put back before its clean-ups, and their values.
    pub globals: GlobalValues,
}

impl ForkImage {
    /// The path of the subtest.
    pub fn path(&self) -> &str {
        &self.path
    }
}
