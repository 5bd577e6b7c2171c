//! Runs a test with threads under many schedules until it fails under one. Then looks for the fewest preemptions under
//! which it fails.

use crate::model::Exploration;

/// Most runs that look for fewer preemptions.
const SIMPLER: u32 = 400;

/// How many points are tried alone.
const ALONE: u32 = 100;

/// A schedule under which a test fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingSchedule {
    pub schedule: Exploration,
    /// How many schedules were tried, this one included.
    pub tried: u32,
}

/// The first of `schedules` schedules under which a test fails, with as few of its points as are found to be enough.
/// `fails` runs the test under a schedule. If the test fails, it returns how many points there were.
pub fn find(schedules: u32, mut fails: impl FnMut(&Exploration) -> Option<u32>) -> Option<FailingSchedule> {
    let (whole, points) = (0..schedules).find_map(|number| {
        let whole = Exploration::new(u64::from(number));
        fails(&whole).map(|points| (whole, points))
    })?;
    let tried = u32::try_from(whole.number).unwrap_or(u32::MAX).saturating_add(1);
    let mut left = SIMPLER;
    let fails_with = |points: &[u32]| {
        left = left.checked_sub(1)?;
        Some(fails(&whole.with_points(points.iter().copied())).is_some())
    };
    let schedule = fewest(points, fails_with).map(|points| whole.with_points(points)).unwrap_or(whole);
    Some(FailingSchedule { schedule, tried })
}

/// Points of which each two are tried: of more, there are too many pairs.
const PAIRED: u32 = 20;

/// The points that are enough: none, one, two where there are few, or some of which none can be left out. `fails` is `None` when it was
/// tried often enough. `None` is all of them.
fn fewest(points: u32, mut fails: impl FnMut(&[u32]) -> Option<bool>) -> Option<Vec<u32>> {
    if fails(&[])? {
        return Some(Vec::new());
    }
    // The point that matters is more often near the end.
    for point in (points.saturating_sub(ALONE)..points).rev() {
        if fails(&[point])? {
            return Some(vec![point]);
        }
    }
    if (3..=PAIRED).contains(&points) {
        for second in (1..points).rev() {
            for first in (0..second).rev() {
                if fails(&[first, second])? {
                    return Some(vec![first, second]);
                }
            }
        }
    }
    let mut kept: Vec<u32> = (0..points).collect();
    let mut pieces = 2;
    while kept.len() > 1 {
        let size = kept.len().div_ceil(pieces);
        let starts = (0..kept.len()).step_by(size);
        let mut without = starts.map(|start| {
            let (before, rest) = kept.split_at(start);
            [before, rest.get(size..).unwrap_or_default()].concat()
        });
        let mut enough = None;
        let failing = without.find_map(|fewer| match fails(&fewer) {
            Some(false) => None,
            Some(true) => {
                enough = Some(fewer);
                Some(true)
            }
            None => Some(false),
        });
        match (failing, enough) {
            (Some(false), _) => break,
            (_, Some(fewer)) => {
                kept = fewer;
                pieces = pieces.saturating_sub(1).max(2);
            }
            _ if pieces >= kept.len() => break,
            _ => pieces = (pieces * 2).min(kept.len()),
        }
    }
    (kept.len() < points as usize).then_some(kept)
}

impl FailingSchedule {
    /// What is said of the schedule, after why the test failed.
    pub fn words(&self, of: u32, preemptions: u32) -> String {
        let Self { schedule, tried } = self;
        let times = match preemptions {
            0 => "no preemption is needed".to_owned(),
            1 => "1 preemption is enough".to_owned(),
            more => format!("{more} preemptions are enough"),
        };
        format!(
            "under schedule {schedule}, found as number {tried} of {of}: {times}; `--schedule {schedule}` repeats it"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schedule that is found for a test that fails from number 7 on, if all of these points count.
    fn found(needed: &[u32], points: u32) -> String {
        let fails = |schedule: &Exploration| {
            let all = needed.iter().all(|point| schedule.counts(*point));
            (schedule.number >= 7 && all).then_some(points)
        };
        assert_eq!(find(7, fails), None);
        let found = find(100, fails).unwrap();
        assert_eq!(found.tried, 8);
        found.schedule.to_string()
    }

    #[test]
    fn the_first_that_fails_is_made_as_simple_as_it_can_be() {
        assert_eq!(found(&[], 4), "7:none");
        assert_eq!(found(&[3], 4), "7:3");
        assert_eq!(found(&[20, 21], 40), "7:20-21");
        assert_eq!(found(&[0, 17, 39], 40), "7:0,17,39");
        assert_eq!(found(&[0, 1], 2), "7", "all of them are needed");
        assert_eq!(found(&[5, 900], 1000), "7:5,900");
        // It fails with three points, of which none can be left out, and with two others.
        let either = |schedule: &Exploration| {
            let counts = |points: &[u32]| points.iter().all(|point| schedule.counts(*point));
            ((counts(&[0, 1, 2]) && !counts(&[5])) || counts(&[4, 5])).then_some(6)
        };
        assert_eq!(find(1, either).unwrap().schedule.to_string(), "0:4-5", "two, and not three");
        let words = FailingSchedule { schedule: Exploration::new(7).with_points([20, 21]), tried: 8 }.words(100, 2);
        assert_eq!(
            words,
            "under schedule 7:20-21, found as number 8 of 100: 2 preemptions are enough; `--schedule 7:20-21` repeats it"
        );
    }

    #[test]
    fn it_is_tried_so_often_and_no_more() {
        let mut runs = 0;
        // Of a thousand points all are needed, but for every third.
        let fails = |schedule: &Exploration| {
            runs += 1;
            (0..1000).all(|point| point % 3 == 0 || schedule.counts(point)).then_some(1000)
        };
        assert!(find(1, fails).is_some());
        assert!(runs <= SIMPLER + 1, "{runs}");
    }
}
