//! Bounds on what a report keeps of one test: texts that can be read, and lists that end. Without bounds, a guest could buy
//! with a little fuel what the host would have to hold, write and show for ever.

use crate::model::resource::{BlocksRecord, PlacedBlocks};
use crate::model::shorten::{MAX_TEXT, shorten};
use crate::model::{CleanupRecord, Details, Frame, Resource, SubtestRecord, SuppressedRecord};

/// Most places in one list of what a test left. Further places are only counted.
const MAX_PLACES: usize = 1_000;

/// Most bytes of one list: the stacks and paths of what a test left, or what it said.
const MAX_LIST: usize = 1 << 20;

/// Bytes that an entry of a list, or a frame of a stack, counts beside its texts. It is about what it takes in the host's
/// memory. That itself is not a measure: another compiler may lay a type out otherwise, and a report is the same
/// everywhere.
const ENTRY: usize = 128;

/// Most bytes of what is said of the subtests of one test. A thousand subtests take about a tenth of it.
const MAX_SUBTESTS: usize = 16 << 20;

/// The room that is still in one list of what a test left.
pub struct Room {
    places: usize,
    bytes: usize,
}

impl Room {
    pub fn new() -> Self {
        Self { places: MAX_PLACES, bytes: MAX_LIST }
    }

    /// The room in all lists of blocks together. The stack of a block that has no room here is not looked up.
    pub fn of_all_blocks() -> Self {
        Self { places: 3 * MAX_PLACES, bytes: 3 * MAX_LIST }
    }

    /// Whether no further place is listed.
    pub fn is_full(&self) -> bool {
        self.places == 0 || self.bytes == 0
    }

    /// Takes the room of an entry.
    pub fn take(&mut self, entry: &Resource) {
        let texts = [&entry.tracked, &entry.path, &entry.mode].into_iter().flatten().map(String::len).sum::<usize>();
        let thread = entry.thread.as_ref().map_or(0, |thread| thread.does.len() + bytes_of_stack(&thread.stack));
        let blocks = entry.blocks.as_deref().map_or(0, bytes_of_blocks);
        let own = ENTRY + entry.scope.len() + bytes_of_stack(&entry.stack);
        self.take_bytes(own + texts + thread + blocks);
    }

    /// Takes the room of an entry of `bytes` bytes.
    pub fn take_bytes(&mut self, bytes: usize) {
        self.places = self.places.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Ends a list of what a test left. The entries that have no room become one for each kind and scope, which holds their
/// number.
pub fn end_list(entries: Vec<Resource>) -> Vec<Resource> {
    let mut room = Room::new();
    let mut listed = Vec::new();
    let mut others: Vec<Resource> = Vec::new();
    for entry in entries {
        if !room.is_full() {
            room.take(&entry);
            listed.push(entry);
            continue;
        }
        let same = |other: &&mut Resource| (other.kind, &other.scope) == (entry.kind, &entry.scope);
        let all = match others.iter_mut().find(same) {
            Some(all) => all,
            None => {
                others.push(Resource { count: 0, ..Resource::new(entry.kind, entry.scope.as_str(), Vec::new()) });
                others.last_mut().expect("it was just added")
            }
        };
        all.count += entry.count;
        all.omitted_places += 1;
    }
    listed.append(&mut others);
    listed
}

/// The bytes that the record of blocks takes.
fn bytes_of_blocks(blocks: &BlocksRecord) -> usize {
    let ring =
        blocks.ring.iter().filter_map(|step| step.at.as_ref()).map(|at| bytes_of_stack(std::slice::from_ref(at)));
    let placed = blocks.places.iter().chain(&blocks.reaches).map(bytes_of_placed);
    let last = blocks.last_pointer.as_ref();
    let last = last.and_then(|last| last.at.as_ref()).map_or(0, |at| bytes_of_stack(std::slice::from_ref(at)));
    let kept_by = blocks.kept_by.as_ref();
    let kept_by = kept_by.map_or(0, |by| by.name.len() + by.file.as_ref().map_or(0, String::len));
    ENTRY + ring.sum::<usize>() + placed.sum::<usize>() + last + kept_by + bytes_of_type(&blocks.type_name)
}

/// The bytes that the record of blocks from one place takes.
pub fn bytes_of_placed(placed: &PlacedBlocks) -> usize {
    ENTRY + placed.scope.len() + bytes_of_stack(&placed.stack) + bytes_of_type(&placed.type_name)
}

fn bytes_of_type(name: &Option<String>) -> usize {
    name.as_ref().map_or(0, String::len)
}

/// The bytes that a stack takes.
pub fn bytes_of_stack(stack: &[Frame]) -> usize {
    let texts = |frame: &Frame| {
        let [file, library] = [&frame.file, &frame.library].map(|text| text.as_ref().map_or(0, String::len));
        frame.function.len() + file + library
    };
    stack.iter().map(|frame| ENTRY + texts(frame)).sum()
}

/// Shortens what is too long in a record, and says how much it leaves out.
pub fn bound(details: &mut Details) {
    for text in [&mut details.message, &mut details.hint, &mut details.reason].into_iter().flatten() {
        shorten(text, MAX_TEXT);
    }
    let mut text = |text: &mut String| {
        shorten(text, MAX_TEXT);
        ENTRY + text.len()
    };
    let omitted = &mut details.omitted;
    omitted.failures += keep(&mut details.failures, MAX_LIST, &mut text);
    omitted.suppressed += keep(&mut details.suppressed, MAX_LIST, suppressed);
    omitted.cleanups += keep(&mut details.cleanups, MAX_LIST, cleanup);
    omitted.subtests += keep(&mut details.subtests, MAX_SUBTESTS, subtest);
    omitted.tracked += keep(&mut details.tracked, MAX_LIST, |tracked| text(&mut tracked.name));
}

/// Keeps the first entries of a list, as many as have room, and returns the number of the others. `size` may also shorten
/// an entry.
fn keep<T>(list: &mut Vec<T>, most: usize, mut size: impl FnMut(&mut T) -> usize) -> u64 {
    let mut room = most;
    let mut kept = 0;
    for entry in list.iter_mut() {
        if room == 0 {
            break;
        }
        room = room.saturating_sub(size(entry));
        kept += 1;
    }
    let left_out = list.len() - kept;
    list.truncate(kept);
    if left_out > 0 {
        list.shrink_to_fit();
    }
    left_out as u64
}

fn suppressed(record: &mut SuppressedRecord) -> usize {
    shorten(&mut record.message, MAX_TEXT);
    ENTRY + record.message.len()
}

fn cleanup(record: &mut CleanupRecord) -> usize {
    shorten(&mut record.message, MAX_TEXT);
    let texts = [&mut record.name, &mut record.subtest, &mut record.registered].into_iter().flatten();
    let texts = texts.map(|text| {
        shorten(text, MAX_TEXT);
        text.len()
    });
    ENTRY + texts.sum::<usize>() + record.message.len() + bytes_of_stack(&record.stack)
}

fn subtest(record: &mut SubtestRecord) -> usize {
    let texts = [&mut record.message, &mut record.reason].into_iter().flatten();
    let texts = texts.map(|text| {
        shorten(text, MAX_TEXT);
        text.len()
    });
    let tracked: usize = record.tracked.iter().map(|kind| ENTRY + kind.name.len()).sum();
    let own = ENTRY + record.name.len() + tracked + texts.sum::<usize>() + bytes_of_stack(&record.stack);
    let mut bytes = 0;
    // The list of one subtest ends, too. How many of its failures are left out is a line in that list, and is not counted
    // in the record.
    let more = keep(&mut record.suppressed, MAX_LIST, |later| {
        let size = suppressed(later);
        bytes += size;
        size
    });
    if more > 0 {
        record.suppressed.push(SuppressedRecord::new(format!("… {more} more failures are left out"), None));
    }
    own + bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ResourceKind, TrackedRecord, Verdict};

    #[test]
    fn texts_are_shortened_and_lists_end() {
        let long = "x".repeat(3 * MAX_TEXT);
        let many = || vec![long.clone(); 40];
        let suppressed = || many().into_iter().map(|text| SuppressedRecord::new(text, None)).collect::<Vec<_>>();
        let subtest = |nth: usize| SubtestRecord {
            suppressed: suppressed(),
            message: Some(long.clone()),
            ..SubtestRecord::new(format!("case {nth}"), Verdict::Fail)
        };
        let mut details = Details {
            message: Some(long.clone()),
            failures: many(),
            suppressed: suppressed(),
            cleanups: (1..=1000).map(|nth| CleanupRecord::new(nth, long.clone())).collect(),
            subtests: (0..100).map(subtest).collect(),
            tracked: (0..20).map(|_| TrackedRecord::new(long.clone(), 1, 1, 0)).collect(),
            ..Details::default()
        };
        bound(&mut details);
        let bytes = serde_json::to_vec(&details).unwrap().len();
        assert!(bytes < 2 * MAX_SUBTESTS, "{bytes}");
        let Details { omitted, failures, cleanups, subtests, tracked, .. } = &details;
        let counts = [failures.len(), details.suppressed.len(), cleanups.len(), subtests.len(), tracked.len()];
        let left_out = [omitted.failures, omitted.suppressed, omitted.cleanups, omitted.subtests, omitted.tracked];
        let sums: Vec<u64> = counts.iter().zip(left_out).map(|(kept, left_out)| *kept as u64 + left_out).collect();
        assert_eq!(sums, [40, 40, 1000, 100, 20]);
        assert!(left_out.iter().all(|count| *count > 0), "{omitted:?}");
        assert!(subtests[0].suppressed.last().unwrap().message.contains(" more failures are left out"));
    }

    #[test]
    fn what_is_short_stays_as_it_is() {
        let mut details = Details {
            message: Some("it failed".to_owned()),
            failures: vec!["it failed".to_owned(); 1000],
            subtests: (0..10_000).map(|nth| SubtestRecord::new(format!("case {nth}"), Verdict::Pass)).collect(),
            ..Details::default()
        };
        let before = details.clone();
        bound(&mut details);
        assert_eq!(details, before);
    }

    #[test]
    fn a_list_is_full_after_its_places_or_its_bytes() {
        let listed = |stack: Vec<Frame>| {
            let entry = Resource::new(ResourceKind::Heap, "t", stack);
            let (mut room, mut listed) = (Room::new(), 0);
            while !room.is_full() {
                room.take(&entry);
                listed += 1;
            }
            listed
        };
        assert_eq!(listed(Vec::new()), MAX_PLACES);
        let many = (0..5000).map(|nth| Resource::new(ResourceKind::Thread, "t", vec![Frame::new(format!("f{nth}"))]));
        let ended = end_list(many.collect());
        let [.., others] = &ended[..] else { panic!("there are some") };
        assert_eq!((ended.len(), others.count, others.omitted_places), (MAX_PLACES + 1, 4000, 4000));
        let deep = vec![Frame::new("f".repeat(1000)); 32];
        assert!(listed(deep) < 40);
    }
}
