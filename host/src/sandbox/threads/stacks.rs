//! The stacks of the host on which threads of guests run. A thread gets that of one that ended: to map a new one costs as much as all
//! else that a thread needs.

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::error::Context;
use wasmtime::{StackCreator, StackMemory};

/// Address space of the stacks that are kept.
const KEPT: usize = 1 << 30;

/// How much of the top of each is kept in memory. What lies deeper goes back to the machine.
const RESIDENT: usize = 1 << 15;

/// Makes the stacks of an engine, and keeps those that are free.
#[derive(Default)]
pub struct KeptStacks(Arc<Mutex<Vec<Mapping>>>);

// SAFETY: each stack is a mapping of its own, of whole pages, with one below it that cannot be touched. It is given to one fiber at a time.
unsafe impl StackCreator for KeptStacks {
    /// What one of the threads before left on a stack may still be there: no guest can read a stack of the host.
    fn new_stack(&self, size: usize, is_zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        wasmtime::ensure!(!is_zeroed, "stacks are kept as they are");
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mapping = match free {
            Some(mapping) if mapping.stack().len() == size => mapping,
            _ => Mapping::new(size)?,
        };
        Ok(Box::new(KeptStack { mapping: Some(mapping), free: Arc::clone(&self.0) }))
    }
}

/// A stack that is in use.
struct KeptStack {
    /// `None` when it is dropped.
    mapping: Option<Mapping>,
    free: Arc<Mutex<Vec<Mapping>>>,
}

impl KeptStack {
    fn stack(&self) -> Range<usize> {
        self.mapping.as_ref().map_or(0..0, Mapping::stack)
    }
}

// SAFETY: the mapping is there for as long as this value is, and its page below cannot be touched.
unsafe impl StackMemory for KeptStack {
    fn top(&self) -> *mut u8 {
        self.stack().end as *mut u8
    }

    fn range(&self) -> Range<usize> {
        self.stack()
    }

    fn guard_range(&self) -> Range<*mut u8> {
        let end = self.stack().start;
        end.saturating_sub(page_size()) as *mut u8..end as *mut u8
    }
}

impl Drop for KeptStack {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.take() else { return };
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if (free.len() + 1).saturating_mul(mapping.len) <= KEPT {
            mapping.give_back();
            free.push(mapping);
        }
    }
}

/// The machine has no room for another stack. Of an error only the innermost is told.
fn no_room(len: usize, error: Errno) -> wasmtime::Error {
    wasmtime::format_err!(
        "no {len} bytes of address space for the stack of another thread ({error}): lower `live-threads`, `stack` or `-j`, \
        or raise `ulimit -v` or the kernel's `vm.max_map_count`"
    )
}

/// A mapping: a page that cannot be touched, and the stack above it.
struct Mapping {
    base: *mut c_void,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone.
unsafe impl Send for Mapping {}
// SAFETY: the same.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(size: usize) -> wasmtime::Result<Self> {
        let guard = page_size();
        let len = size.checked_next_multiple_of(guard).and_then(|size| size.checked_add(guard));
        let len = len.context("the size of a stack overflows")?;
        // SAFETY: a new mapping, where the system chooses.
        let base = unsafe { mmap_anonymous(null_mut(), len, ProtFlags::empty(), MapFlags::PRIVATE) };
        let mapping = Self { base: base.map_err(|error| no_room(len, error))?, len };
        // SAFETY: within the mapping, which is this value's own.
        unsafe { mprotect(mapping.at(guard), len - guard, MprotectFlags::READ | MprotectFlags::WRITE) }
            .map_err(|error| no_room(len, error))?;
        Ok(mapping)
    }

    fn at(&self, offset: usize) -> *mut c_void {
        self.base.wrapping_byte_add(offset)
    }

    fn stack(&self) -> Range<usize> {
        self.at(page_size()) as usize..self.at(self.len) as usize
    }

    /// Gives the memory of its deeper part back to the machine. Where that fails, it is kept: it is only memory.
    fn give_back(&self) {
        let guard = page_size();
        let deep = self.len.saturating_sub(guard + RESIDENT);
        // SAFETY: within the mapping, which is this value's own and on which nothing runs.
        let _ = unsafe { madvise(self.at(guard), deep, Advice::LinuxDontNeed) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing runs on it.
        let unmapped = unsafe { munmap(self.base, self.len) };
        debug_assert!(unmapped.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 1 << 20;

    /// Bytes at the top and at the bottom of a stack.
    fn write(stack: &dyn StackMemory, value: u8) {
        let range = stack.range();
        for place in [range.start, range.end - 1] {
            // SAFETY: the stack is this test's own, and the place is within it.
            unsafe { (place as *mut u8).write_volatile(value) };
        }
    }

    fn read(stack: &dyn StackMemory) -> [u8; 2] {
        let range = stack.range();
        // SAFETY: the same.
        [range.start, range.end - 1].map(|place| unsafe { (place as *mut u8).read_volatile() })
    }

    #[test]
    fn a_stack_is_used_again_and_what_lay_deep_in_it_is_gone() {
        let stacks = KeptStacks::default();
        let first = stacks.new_stack(SIZE, false).unwrap();
        assert_eq!((first.range().len(), first.top() as usize), (SIZE, first.range().end));
        assert_eq!(first.guard_range().end as usize, first.range().start);
        write(&*first, 7);
        let range = first.range();
        let second = stacks.new_stack(SIZE, false).unwrap();
        assert_ne!(second.range(), range);
        drop(first);
        let again = stacks.new_stack(SIZE, false).unwrap();
        assert_eq!((again.range(), read(&*again)), (range, [0, 7]));
    }

    #[test]
    fn what_a_machine_has_no_room_for_is_told_with_the_way_out() {
        let Err(error) = KeptStacks::default().new_stack(1 << 50, false) else { panic!("it has a petabyte") };
        let told = error.root_cause().to_string();
        assert!(told.contains("for the stack of another thread") && told.contains("`live-threads`"), "{told}");
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let stacks = KeptStacks::default();
        let most = KEPT / (SIZE + page_size());
        let all: Vec<_> = (0..most + 10).map(|_| stacks.new_stack(SIZE, false).unwrap()).collect();
        drop(all);
        assert_eq!(stacks.0.lock().unwrap().len(), most);
        let huge = KeptStacks::default();
        drop(huge.new_stack(KEPT, false).unwrap());
        assert!(huge.0.lock().unwrap().is_empty());
    }
}
