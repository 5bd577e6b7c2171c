//! The room in a report. If each of a thousand tests says as much as one test may, that is too much to hold.
//!
//! The details of tests are kept from the first test of the plan on, until they are as many bytes as a report may have: which
//! tests these are depends on nothing but the tests, in whatever order they end. Where enough have failed, a worker may have run tests
//! behind the last that counts, and a teardown, which counts, is planned behind those. So room is given in an order in which whatever
//! does not count comes last.

use super::details_size::details_size;
use crate::model::shorten::shorten;
use crate::model::{Details, Limit, LimitRecord, Omitted, SuppressedRecord, TestRecord, Verdict, verdict_of_breach};

/// Most bytes of all details together, captured output among them: 128 MiB.
const MAX_REPORT: u64 = 128 << 20;

/// Most bytes of a message whose test has its details left out.
const MAX_MESSAGE: usize = 1 << 10;

/// Holds the record of one test to the limit `host-memory`, which is `most` bytes: the host keeps the record as long as the
/// run lasts. A test that passed or leaked and has more to tell is judged by that limit. A test that failed has failed for
/// its own reason, and the limit is listed after it. In both cases all that may be long is left out of the record.
pub fn hold_to_limit(verdict: Verdict, details: &mut Details, most: u64) -> Verdict {
    let limit = Limit::HostMemory;
    let seen = details_size(details);
    if seen <= most {
        return verdict;
    }
    strip(details);
    let what =
        format!("over the limit `{}`: its record in the report is {seen} bytes, and {most} are allowed", limit.name());
    if !matches!(verdict, Verdict::Pass | Verdict::Leak) {
        details.suppressed.push(SuppressedRecord::new(what, None));
        return verdict;
    }
    details.stack.clear();
    details.message = Some(what);
    details.limit = Some(LimitRecord::new(limit, most, Some(seen)));
    verdict_of_breach(limit)
}

/// How much the records of a run hold, by the places of their tests in the plan.
pub struct ReportRoom<'a> {
    most: u64,
    /// In which order they have room.
    order: &'a [usize],
    /// The place of each in that order.
    rank: Vec<usize>,
    /// The size of each, and whether it was left out.
    sizes: Vec<(u64, bool)>,
    /// Bytes of details that are held at present.
    held: u64,
    /// From this place in that order on nothing has room, as far as is known.
    full_from: usize,
}

impl<'a> ReportRoom<'a> {
    /// For tests that have room in this order: the place of each in the plan.
    pub fn new(order: &'a [usize]) -> Self {
        let mut rank = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, index)| rank[*index] = place);
        Self { most: MAX_REPORT, order, rank, sizes: vec![(0, false); order.len()], held: 0, full_from: usize::MAX }
    }

    /// Counts the record of the test at `index`. If much is held, it leaves out the details that surely have no room. Says whether it left
    /// any out.
    pub fn add(&mut self, index: usize, records: &mut [Option<TestRecord>]) -> bool {
        if self.rank[index] >= self.full_from {
            // Tests before it have taken all there is. To measure it would only take time.
            if let Some(details) = records[index].as_mut().and_then(|record| record.details.as_deref_mut()) {
                strip(details);
            }
            self.sizes[index] = (0, true);
            return true;
        }
        let size = records[index].as_ref().and_then(|record| record.details.as_deref()).map_or(0, details_size);
        self.sizes[index] = (size, false);
        self.held += size;
        let is_much = self.held > self.most + self.most / 2;
        if is_much {
            self.leave_out(records);
        }
        is_much
    }

    /// Leaves out the details that have no room after those of the tests before them. Details without room now have none
    /// later: further tests before them only take more.
    pub fn leave_out(&mut self, records: &mut [Option<TestRecord>]) {
        let mut before = 0;
        self.held = 0;
        for (rank, index) in self.order.iter().enumerate() {
            let (size, left_out) = &mut self.sizes[*index];
            before += *size;
            if before > self.most {
                self.full_from = self.full_from.min(rank);
            }
            let details = records[*index].as_mut().and_then(|record| record.details.as_deref_mut());
            match details {
                Some(details) if before > self.most => {
                    if !std::mem::replace(left_out, true) {
                        strip(details);
                    }
                }
                _ => self.held += *size,
            }
        }
    }
}

/// Leaves out all that has no bound, and counts it.
fn strip(details: &mut Details) {
    fn all<T>(list: &mut Vec<T>) -> u64 {
        std::mem::take(list).len() as u64
    }
    for text in [&mut details.message, &mut details.hint, &mut details.reason].into_iter().flatten() {
        shorten(text, MAX_MESSAGE);
    }
    let before = details.omitted;
    let growth = details.growth.as_mut().map_or(0, |growth| all(&mut growth.sites));
    let lists = [&mut details.leaks, &mut details.retained, &mut details.reclaimed].map(all);
    details.omitted = Omitted {
        failures: before.failures + all(&mut details.failures),
        suppressed: before.suppressed + all(&mut details.suppressed),
        cleanups: before.cleanups + all(&mut details.cleanups),
        subtests: before.subtests + all(&mut details.subtests),
        tracked: before.tracked + all(&mut details.tracked),
        resources: before.resources + growth + lists.iter().sum::<u64>(),
        ..before
    };
    if let Some(go) = &mut details.go {
        go.metrics_omitted += all(&mut go.metrics);
        go.heap.iter_mut().for_each(|heap| heap.sites_omitted += all(&mut heap.sites));
    }
    details.outlived_omitted += all(&mut details.outlived);
    details.changed_omitted += all(&mut details.changed);
    details.stack.truncate(1);
    let output = &mut details.output;
    output.dropped += (output.stdout.len() + output.stderr.len()) as u64;
    (output.stdout, output.stderr) = Default::default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Resource, ResourceKind, Verdict};

    /// Five tests: the first three have room one after another, the fourth has none, and nor does the one behind it.
    fn record(nth: usize) -> TestRecord {
        let leak = || Resource::new(ResourceKind::Heap, "x".repeat(100), Vec::new());
        let details = Details {
            message: Some("m".repeat(4000)),
            leaks: (0..if nth == 3 { 100 } else { 10 }).map(|_| leak()).collect(),
            ..Details::default()
        };
        TestRecord { details: Some(Box::new(details)), ..TestRecord::new(format!("t{nth}"), Verdict::Leak) }
    }

    #[test]
    fn which_details_are_left_out_depends_on_no_order() {
        let orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 1, 2]];
        let kept = orders.map(|order| {
            let mut records: Vec<Option<TestRecord>> = vec![None; 5];
            let mut room = ReportRoom { most: 20_000, ..ReportRoom::new(&[0, 1, 2, 3, 4]) };
            for index in order {
                records[index] = Some(record(index));
                room.add(index, &mut records);
                assert!(room.held <= 30_000, "{}", room.held);
            }
            room.leave_out(&mut records);
            let details = |record: Option<TestRecord>| record.and_then(|record| record.details).unwrap();
            let lists = |details: Box<Details>| (details.leaks.len(), details.omitted.resources);
            records.into_iter().map(details).map(lists).collect::<Vec<_>>()
        });
        assert_eq!(kept[0], [(10, 0), (10, 0), (10, 0), (0, 100), (0, 10)]);
        assert!(kept.iter().all(|order| *order == kept[0]), "{kept:?}");
    }

    /// The last, a teardown, counts where the first does; those between do not.
    #[test]
    fn what_does_not_count_takes_no_room() {
        let kept = [&[0, 4][..], &[3, 1, 0, 2, 4], &[4, 3, 2, 1, 0]].map(|ended| {
            let mut records: Vec<Option<TestRecord>> = vec![None; 5];
            let mut room = ReportRoom { most: 15_000, ..ReportRoom::new(&[0, 4, 1, 2, 3]) };
            for index in ended {
                records[*index] = Some(record(*index));
                room.add(*index, &mut records);
            }
            room.leave_out(&mut records);
            [0, 4].map(|index: usize| records[index].take().unwrap().details.unwrap().leaks.len())
        });
        assert_eq!(kept, [[10, 10]; 3]);
    }

    #[test]
    fn a_record_over_host_memory_is_judged_and_has_figures_alone() {
        let whole = *record(3).details.unwrap();
        let held = |verdict, most| {
            let mut details = whole.clone();
            (hold_to_limit(verdict, &mut details, most), details)
        };
        let seen = details_size(&whole);
        assert_eq!(held(Verdict::Leak, seen), (Verdict::Leak, whole.clone()), "the limit itself is allowed");
        let (verdict, details) = held(Verdict::Leak, seen - 1);
        assert_eq!((verdict, details.leaks.len(), details.omitted.resources), (Verdict::Memory, 0, 100));
        assert_eq!(details.limit, Some(LimitRecord::new(Limit::HostMemory, seen - 1, Some(seen))));
        let message = details.message.unwrap();
        assert!(message.contains("its record in the report is") && message.contains("`host-memory`"), "{message}");
        let (verdict, details) = held(Verdict::Fail, 10);
        assert_eq!((verdict, details.limit, details.omitted.resources), (Verdict::Fail, None, 100));
        assert!(details.message.unwrap().starts_with("mmm"), "what failed first is why it failed");
        assert!(details.suppressed[0].message.contains("`host-memory`"));
    }

    #[test]
    fn a_message_stays_without_its_length() {
        let mut details = record(0).details.unwrap();
        details.output.stdout = b"printed".to_vec();
        let before = details_size(&details);
        strip(&mut details);
        assert!(before > 5000 && details_size(&details) < 1500, "{before} {}", details_size(&details));
        assert!(details.message.unwrap().contains("bytes left out"));
        assert_eq!((details.output.dropped, details.output.stdout.len()), (7, 0));
    }
}
