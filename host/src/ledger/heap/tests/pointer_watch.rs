use crate::ledger::heap::pointer_watch::{
    MemoryWrite, PointerEnd, PointerWatch, WatchedBlocks, WatchedEnd, WatchedGround,
};
use crate::ledger::{RawFrame, Stack};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// A memory of 1 KiB: the stack ends at 128, static data at 256, and blocks follow. Words 200 to 208 are the allocator's.
const STACK_TOP: u32 = 128;
const DATA: Range<u32> = 128..256;
const SIZE: usize = 1024;

fn ground() -> WatchedGround {
    WatchedGround { data: DATA, allocator: vec![200..212], gaps: vec![204..208], stack_top: STACK_TOP }
}

fn watched(numbers: &[u64]) -> WatchedBlocks {
    WatchedBlocks { numbers: numbers.to_vec(), capture: None }
}

/// A run with its memory.
struct WatchedRun {
    watch: PointerWatch,
    memory: Vec<u8>,
    sp: u32,
}

impl WatchedRun {
    fn new(groups: &[WatchedBlocks]) -> Self {
        Self { watch: PointerWatch::new(groups, ground()), memory: vec![0; SIZE], sp: 64 }
    }

    fn store(&mut self, at: u32, value: u32) -> bool {
        let wants = self.watch.write(MemoryWrite::Bytes(at, &value.to_le_bytes()), self.sp, &self.memory);
        self.memory[at as usize..at as usize + 4].copy_from_slice(&value.to_le_bytes());
        wants
    }

    fn store_bytes(&mut self, at: u32, bytes: &[u8]) {
        self.watch.write(MemoryWrite::Bytes(at, bytes), self.sp, &self.memory);
        self.memory[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    }

    fn copy(&mut self, to: u32, from: u32, len: u32) {
        self.watch.write(MemoryWrite::Copy(to, from, len), self.sp, &self.memory);
        self.memory.copy_within(from as usize..(from + len) as usize, to as usize);
    }

    fn end(self) -> WatchedEnd {
        self.watch.finish().remove(0)
    }
}

fn ended(times: u64, words: u64, last: PointerEnd) -> (u64, u64, Option<PointerEnd>, bool) {
    (times, words, Some(last), false)
}

fn what(end: &WatchedEnd) -> (u64, u64, Option<PointerEnd>, bool) {
    (end.times, end.words, end.last, end.unsure)
}

/// A harness copies what lies around on the stack, and with it what was a pointer of the test's.
#[test]
fn outside_of_the_test_only_a_pointer_that_it_left_goes() {
    let mut run = WatchedRun::new(&[watched(&[1])]);
    run.watch.allocated(1, 512, 16);
    run.store(80, 512);
    run.watch.stack_is(96, &run.memory);
    run.watch.goes_outside(true);
    run.copy(100, 80, 4);
    run.store(100, 0);
    assert_eq!(what(&run.end()), ended(1, 0, PointerEnd::OutOfScope));

    let mut run = WatchedRun::new(&[watched(&[1])]);
    run.watch.allocated(1, 512, 16);
    run.store(100, 512);
    run.watch.goes_outside(true);
    run.copy(104, 100, 4);
    run.store(100, 0);
    run.store(104, 0);
    run.store(104, 512);
    run.store(104, 0);
    assert_eq!(what(&run.end()), ended(1, 0, PointerEnd::Overwritten));
}

#[test]
fn a_pointer_goes_when_it_is_written_over_or_its_frame_or_block_goes() {
    let run = || {
        let mut run = WatchedRun::new(&[watched(&[1])]);
        run.watch.allocated(1, 512, 16);
        run.watch.allocated(2, 600, 16);
        run
    };
    let mut overwritten = run();
    overwritten.store(132, 512);
    overwritten.store_bytes(134, &[9]);
    assert_eq!(what(&overwritten.end()), ended(1, 0, PointerEnd::Overwritten));
    let mut popped = run();
    popped.store(64, 528);
    popped.watch.stack_is(64, &popped.memory);
    popped.watch.stack_is(80, &popped.memory);
    assert_eq!(what(&popped.end()), ended(1, 0, PointerEnd::OutOfScope), "one behind the last byte is a pointer");
    let mut freed = run();
    freed.store(604, 520);
    freed.store(132, 512);
    freed.store(132, 0);
    freed.watch.freed(600, &freed.memory);
    assert_eq!(what(&freed.end()), ended(1, 0, PointerEnd::Freed));
    let mut moved = run();
    moved.store(608, 512);
    moved.copy(700, 600, 12);
    moved.watch.reallocated(600, (3, 700, 12), 64, &moved.memory);
    assert_eq!(moved.watch.filter().low, 512);
    moved.store(708, 0);
    assert_eq!(what(&moved.end()), ended(1, 0, PointerEnd::Overwritten));
    let mut cut = run();
    cut.store(608, 512);
    cut.watch.reallocated(600, (3, 600, 8), 64, &cut.memory);
    assert_eq!(what(&cut.end()), ended(1, 0, PointerEnd::Freed));
}

#[test]
fn what_is_not_in_use_holds_nothing() {
    let mut run = WatchedRun::new(&[watched(&[1])]);
    run.watch.allocated(1, 512, 16);
    // Below the stack pointer, the allocator's, in no block, behind the end of one, and in the block itself.
    for at in [60, 200, 400, 512] {
        run.store(at, 512);
    }
    assert_eq!(what(&run.end()), (0, 0, None, false));
}

#[test]
fn words_among_the_allocator_s_are_the_program_s_where_they_hold_a_block() {
    let mut run = WatchedRun::new(&[watched(&[1])]);
    run.watch.allocated(1, 512, 16);
    run.store(204, 528);
    assert_eq!(run.watch.filter().span, 17);
    run.store(204, 512);
    run.store(204, 528);
    assert_eq!(what(&run.end()), ended(1, 0, PointerEnd::Overwritten));
}

#[test]
fn words_of_a_cycle_do_not_count_for_it() {
    let mut run = WatchedRun::new(&[watched(&[1, 2])]);
    run.watch.allocated(1, 512, 16);
    run.watch.allocated(2, 600, 16);
    run.store(132, 600);
    run.store(512, 600);
    run.store(600, 512);
    run.store(132, 0);
    assert_eq!(what(&run.end()), ended(1, 0, PointerEnd::Overwritten));
}

#[test]
fn what_stays_where_it_is_keeps_its_pointers() {
    let mut run = WatchedRun::new(&[watched(&[1])]);
    run.watch.allocated(1, 512, 16);
    run.store(132, 512);
    run.store(136, 528);
    run.watch.reallocated(512, (2, 512, 12), 64, &run.memory);
    assert_eq!(run.watch.filter().span, 13);
    run.store(132, 0);
    assert_eq!(what(&run.end()), ended(1, 0, PointerEnd::Overwritten), "the other is behind it now");
    let mut moved = WatchedRun::new(&[watched(&[1])]);
    moved.watch.allocated(1, 512, 16);
    moved.watch.reallocated(512, (2, 600, 12), 64, &moved.memory);
    assert!(moved.end().unsure);
}

#[test]
fn what_the_host_writes_over_is_noticed() {
    let mut run = WatchedRun::new(&[watched(&[1])]);
    run.watch.allocated(1, 512, 16);
    run.store(64, 512);
    run.memory[64] = 7;
    run.watch.stack_is(80, &run.memory);
    assert!(run.end().unsure);
}

#[test]
fn the_stack_of_one_time_is_captured() {
    let mut run = WatchedRun::new(&[WatchedBlocks { numbers: vec![1], capture: Some(2) }]);
    run.watch.allocated(1, 512, 16);
    let mut wanted = Vec::new();
    for _ in 0..3 {
        run.store(132, 512);
        wanted.push(run.store(132, 0));
        if wanted.last() == Some(&true) {
            run.watch.captured(&Stack::from([RawFrame { function: 7, offset: None }]));
        }
    }
    assert_eq!(wanted, [false, true, false]);
    assert_eq!(run.end().stack.unwrap()[0].function, 7);
}

#[test]
fn globals_hold_pointers() {
    let mut run = WatchedRun::new(&[watched(&[1])]);
    run.watch.allocated(1, 512, 16);
    run.watch.set_global(3, 512);
    run.watch.set_global(3, 0);
    assert_eq!(what(&run.end()), ended(1, 0, PointerEnd::Overwritten));
}

/// A step of a run.
#[derive(Debug, Clone)]
enum Step {
    Store(u32, Vec<u8>),
    Point(u32, u32),
    Copy(u32, u32, u32),
    Fill(u32, u8, u32),
    Stack(u32),
    Free,
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..700_u32;
    prop_oneof![
        4 => (at(), prop::collection::vec(any::<u8>(), 1..17)).prop_map(|(at, bytes)| Step::Store(at, bytes)),
        8 => (0..170_u32, 505..540_u32).prop_map(|(word, value)| Step::Point(word * 4, value)),
        4 => (at(), at(), 0..64_u32).prop_map(|(to, from, len)| Step::Copy(to, from, len)),
        2 => (at(), any::<u8>(), 0..64_u32).prop_map(|(at, byte, len)| Step::Fill(at, byte, len)),
        4 => (0..=32_u32).prop_map(|word| Step::Stack(word * 4)),
        1 => Just(Step::Free),
    ]
}

/// What is known of each word by looking at all of them again and again.
struct Model {
    memory: Vec<u8>,
    sp: u32,
    freed: bool,
    /// Words that were written while they were in use, and are.
    written: BTreeMap<u32, u32>,
    times: u64,
}

impl Model {
    fn in_use(&self, at: u32, value: u32) -> bool {
        (at == 204 && value == 512)
            || (self.sp..STACK_TOP).contains(&at)
            || (DATA.contains(&at) && !(200..212).contains(&at))
            || (!self.freed && at >= 600 && at + 4 <= 650)
    }

    fn words(&self) -> u64 {
        self.written.values().filter(|value| (512..=528).contains(*value)).count() as u64
    }

    fn write(&mut self, at: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.memory[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
        for word in (at & !3..at + bytes.len() as u32).step_by(4) {
            let value = u32::from_le_bytes(*self.memory[word as usize..].first_chunk().unwrap());
            self.written.remove(&word);
            if self.in_use(word, value) {
                self.written.insert(word, value);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let before = self.words();
        match step {
            Step::Store(at, bytes) => self.write(*at, bytes),
            Step::Point(at, value) => self.write(*at, &value.to_le_bytes()),
            Step::Copy(to, from, len) => {
                let bytes = self.memory[*from as usize..(from + len) as usize].to_vec();
                self.write(*to, &bytes);
            }
            Step::Fill(at, byte, len) => self.write(*at, &vec![*byte; *len as usize]),
            Step::Stack(sp) => self.sp = *sp,
            Step::Free => self.freed = true,
        }
        let gone = self.written.iter().filter(|(at, value)| !self.in_use(**at, **value));
        let gone: Vec<u32> = gone.map(|(at, _)| *at).collect();
        for at in gone {
            self.written.remove(&at);
        }
        if before > 0 && self.words() == 0 {
            self.times += 1;
        }
    }
}

proptest! {
    /// Whatever is written, as many words hold a pointer, and the last of them went as often, as a look at each word says.
    #[test]
    fn words_are_as_a_look_at_all_of_them_says(steps in prop::collection::vec(step(), 0..200)) {
        // Values whose bytes are written one by one are pointers now and then, since memory is full of them.
        let mut memory = vec![0; SIZE];
        memory.chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&500_u32.to_le_bytes()));
        let mut model = Model { memory: memory.clone(), sp: 64, freed: false, written: BTreeMap::new(), times: 0 };
        let mut run = WatchedRun::new(&[watched(&[1])]);
        run.memory = memory;
        run.watch.allocated(1, 512, 16);
        run.watch.allocated(2, 600, 50);
        for step in &steps {
            match step {
                Step::Store(at, bytes) => run.store_bytes(*at, bytes),
                Step::Point(at, value) => drop(run.store(*at, *value)),
                Step::Copy(to, from, len) => run.copy(*to, *from, *len),
                Step::Fill(at, byte, len) => {
                    run.watch.write(MemoryWrite::Fill(*at, *byte, *len), run.sp, &run.memory);
                    run.memory[*at as usize..(at + len) as usize].fill(*byte);
                }
                Step::Stack(sp) => {
                    run.watch.stack_is(*sp, &run.memory);
                    run.sp = *sp;
                }
                Step::Free => drop(run.watch.freed(600, &run.memory)),
            }
            model.step(step);
            prop_assert_eq!(&run.memory, &model.memory);
        }
        let end = run.end();
        prop_assert_eq!((end.times, end.words, end.unsure), (model.times, model.words(), false));
    }
}
