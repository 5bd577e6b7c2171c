//! Looks for the fewest preemptions under which a test still fails, among those of one schedule.
//!
//! Two runs under one schedule are the same up to the first point that counts in only one of them. So the choices of points
//! form a tree. Below a choice under which the test passes are the choices of one point more, which is among those that its
//! run met after its last point. The search tries all choices without a point, then all of one, of two, and so on. The first
//! under which the test fails is of the smallest size.
//!
//! Where choices of a size are more than the runs that are left, none of them is tried. Then it is known of which points none
//! can be left out, by delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002),
//! and not whether fewer others would be enough.

use std::ops::Range;

/// Most runs of delta debugging, and the least that all other choices may take together.
pub const RUNS: u32 = 400;

/// Most runs for all other choices.
const MOST_RUNS: u32 = 100_000;

/// How many points are tried alone if there are too many to try each.
const ALONE: u32 = 100;

/// What came of a run of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunWithPoints {
    /// Whether the test failed.
    pub fails: bool,
    /// How many points the run met, whether they counted or not.
    pub met: u32,
}

/// How few the preemptions are that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fewness {
    /// Under every choice of fewer points of the schedule, the test passes.
    Fewest,
    /// Without any one of them the test passes. Other choices of fewer points were not all tried.
    NoneToSpare,
    /// The runs were used up before it was known whether each of them is needed.
    Unknown,
}

/// Points that are enough for the test to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SufficientPoints {
    /// `None` means all points of the schedule.
    pub points: Option<Vec<u32>>,
    pub fewness: Fewness,
}

/// The fewest points that are found to be enough, of a schedule under which the test fails and that met `met` points. `run`
/// runs the test with only these points of it. `runs` is how many runs may be spent to try every choice of fewer points;
/// [`RUNS`] of them are always allowed.
pub fn fewest(met: u32, runs: u32, mut run: impl FnMut(&[u32]) -> RunWithPoints) -> SufficientPoints {
    let mut level = Level { passed: Vec::new(), left: runs.clamp(RUNS, MOST_RUNS) };
    let found = |points: Vec<u32>| SufficientPoints { points: Some(points), fewness: Fewness::Fewest };
    let none = run(&[]);
    if none.fails {
        return found(Vec::new());
    }
    level.passed.push(Passed { points: Vec::new(), met: none.met });
    // Of choices of one point, some are worth their runs even if not all can be tried.
    let alone = if level.runs() > u64::from(level.left) {
        // The point that matters is more often near the end.
        (none.met.saturating_sub(ALONE)..none.met).rev().map(|point| vec![point]).find(|point| run(point).fails)
    } else {
        level.next(&mut run)
    };
    if let Some(point) = alone {
        return found(point);
    }
    let (points, is_whole) = without_any(met, RUNS, |points| run(points).fails);
    let enough = points.len();
    let points = Some(points).filter(|points| points.len() < met as usize);
    // The level of the tree whose choices all pass.
    let mut depth = level.depth();
    while depth + 1 < enough && level.runs() <= u64::from(level.left) {
        if let Some(fewer) = level.next(&mut run) {
            return found(fewer);
        }
        depth += 1;
    }
    let fewness = match is_whole {
        _ if depth + 1 == enough => Fewness::Fewest,
        true => Fewness::NoneToSpare,
        false => Fewness::Unknown,
    };
    SufficientPoints { points, fewness }
}

/// A choice of points under which the test passes.
#[derive(Debug)]
struct Passed {
    points: Vec<u32>,
    /// How many points its run met.
    met: u32,
}

impl Passed {
    /// The points one of which can be added: those that its run met after its last one.
    fn more(&self) -> Range<u32> {
        self.points.last().map_or(0, |last| last.saturating_add(1))..self.met
    }
}

/// All choices of so many points. The test passes under each of them.
struct Level {
    passed: Vec<Passed>,
    /// How many runs are left.
    left: u32,
}

impl Level {
    /// How many choices there are of one point more.
    fn runs(&self) -> u64 {
        self.passed.iter().map(|passed| passed.more().len() as u64).sum()
    }

    /// How many points each choice has.
    fn depth(&self) -> usize {
        self.passed.first().map_or(0, |passed| passed.points.len())
    }

    /// Tries all choices of one point more, up to the first under which the test fails. Returns that one.
    fn next(&mut self, run: &mut impl FnMut(&[u32]) -> RunWithPoints) -> Option<Vec<u32>> {
        let mut next = Vec::new();
        for passed in &self.passed {
            // The point that matters is more often near the end.
            for point in passed.more().rev() {
                let points = [&passed.points[..], &[point]].concat();
                let tried = run(&points);
                self.left = self.left.saturating_sub(1);
                if tried.fails {
                    return Some(points);
                }
                next.push(Passed { points, met: tried.met });
            }
        }
        self.passed = next;
        None
    }
}

/// Some of so many points, of which none can be left out, found in at most `runs` runs. The second value is false if the
/// runs were not enough to know that.
fn without_any(met: u32, runs: u32, mut fails: impl FnMut(&[u32]) -> bool) -> (Vec<u32>, bool) {
    let mut kept: Vec<u32> = (0..met).collect();
    let (mut pieces, mut left) = (2, runs);
    while kept.len() > 1 {
        let size = kept.len().div_ceil(pieces);
        let fewer = (0..kept.len()).step_by(size).map(|start| {
            let (before, rest) = kept.split_at(start);
            [before, rest.get(size..).unwrap_or_default()].concat()
        });
        let mut failing = None;
        for fewer in fewer {
            if left == 0 {
                return (kept, false);
            }
            left -= 1;
            if fails(&fewer) {
                failing = Some(fewer);
                break;
            }
        }
        match failing {
            Some(fewer) => {
                kept = fewer;
                pieces = pieces.saturating_sub(1).max(2);
            }
            None if pieces >= kept.len() => break,
            None => pieces = (pieces * 2).min(kept.len()),
        }
    }
    (kept, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The points that are found where a test fails with one of these choices, or with any that has all points of it. A run meets
    /// `met` points, and one more for each that counts. Also returns how many runs there were.
    fn found(choices: &[&[u32]], met: u32, runs: u32) -> (Option<Vec<u32>>, Fewness, u32) {
        let mut count = 0;
        let whole = RunWithPoints { fails: true, met };
        let run = |points: &[u32]| {
            count += 1;
            let fails = choices.iter().any(|choice| choice.iter().all(|point| points.contains(point)));
            RunWithPoints { fails, met: met + points.len() as u32 }
        };
        let SufficientPoints { points, fewness } = fewest(whole.met, runs, run);
        (points, fewness, count)
    }

    #[test]
    fn the_smallest_number_is_found_where_all_smaller_choices_can_be_tried() {
        assert_eq!(found(&[&[]], 9, 0), (Some(vec![]), Fewness::Fewest, 1));
        assert_eq!(found(&[&[2], &[5, 6]], 9, 0).0, Some(vec![2]));
        // Delta debugging finds three, of which none can be left out. Two others are enough.
        let (points, fewness, _) = found(&[&[0, 1, 2], &[25, 26]], 27, 0);
        assert_eq!((points, fewness), (Some(vec![25, 26]), Fewness::Fewest));
        // One that is met only when another counts, so that the run of all points need not have had it.
        let (points, fewness, _) = found(&[&[0, 1, 2], &[4, 9]], 9, 0);
        assert_eq!((points, fewness), (Some(vec![4, 9]), Fewness::Fewest));
        let (points, fewness, _) = found(&[&[3, 7, 11]], 12, 0);
        assert_eq!((points, fewness), (Some(vec![3, 7, 11]), Fewness::Fewest));
        assert_eq!(found(&[&[0, 1]], 2, 0).1, Fewness::Fewest, "all of two");
    }

    #[test]
    fn more_runs_try_more_choices_and_what_was_not_tried_is_not_claimed() {
        // The two lie in both halves, of which delta debugging leaves out the first.
        let choices: [&[u32]; 2] = [&[51, 70, 99], &[10, 60]];
        let (points, fewness, runs) = found(&choices, 100, 0);
        assert_eq!((points, fewness), (Some(vec![51, 70, 99]), Fewness::NoneToSpare));
        assert!(runs <= 2 * RUNS + 1, "{runs}");
        let (points, fewness, _) = found(&choices, 100, 10_000);
        assert_eq!((points, fewness), (Some(vec![10, 60]), Fewness::Fewest));
        // One of so many points that not each can be tried alone.
        let (points, fewness, _) = found(&[&[7]], 1_000, 0);
        assert_eq!((points, fewness), (Some(vec![7]), Fewness::Fewest), "without any, it passes");
        assert_eq!(found(&[&[7, 900]], 1_000, 0).1, Fewness::NoneToSpare);
        assert_eq!(found(&[&[7, 900]], 1_000, 1_000).1, Fewness::Fewest);
    }

    #[test]
    fn it_is_tried_so_often_and_no_more() {
        // Of a thousand points all are needed, but for every third.
        let needed: Vec<u32> = (0..1_000).filter(|point| point % 3 > 0).collect();
        let (points, fewness, runs) = found(&[&needed], 1_000, 0);
        assert_eq!(fewness, Fewness::Unknown);
        assert!(points.is_none_or(|points| needed.iter().all(|point| points.contains(point))));
        assert!(runs <= 2 * RUNS + 1, "{runs}");
        let (_, _, runs) = found(&[&needed], 1_000, u32::MAX);
        assert!(runs <= MOST_RUNS + RUNS + 1, "{runs}");
    }
}
