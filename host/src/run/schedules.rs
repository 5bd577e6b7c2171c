//! Runs a test with threads under many schedules until it fails under one. Then looks for the fewest preemptions under
//! which it fails.

use super::preemptions::{Fewness, RunWithPoints, SufficientPoints, fewest};
use crate::model::Exploration;

/// A schedule under which a test fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingSchedule {
    pub schedule: Exploration,
    /// How many schedules were tried, this one included.
    pub tried: u32,
    /// How few preemptions it has.
    pub fewness: Fewness,
}

/// The first of `schedules` schedules under which a test fails, with as few of its points as are found to be enough. `run` runs
/// the test under a schedule.
pub fn find(schedules: u32, mut run: impl FnMut(&Exploration) -> RunWithPoints) -> Option<FailingSchedule> {
    let (whole, met) = (0..schedules).find_map(|number| {
        let whole = Exploration::new(u64::from(number));
        let RunWithPoints { fails, met } = run(&whole);
        fails.then_some((whole, met))
    })?;
    let tried = u32::try_from(whole.number).unwrap_or(u32::MAX).saturating_add(1);
    // Who asks for many schedules has the time for as many runs of this search.
    let SufficientPoints { points, fewness } =
        fewest(met, schedules, |points| run(&whole.with_points(points.iter().copied())));
    let schedule = points.map_or_else(|| whole.clone(), |points| whole.with_points(points));
    Some(FailingSchedule { schedule, tried, fewness })
}

impl FailingSchedule {
    /// What is said of the schedule, after why the test failed.
    pub fn words(&self, of: u32, preemptions: u32) -> String {
        let Self { schedule, tried, fewness } = self;
        let enough = match preemptions {
            0 => "no preemption is needed".to_owned(),
            1 => "1 preemption is enough".to_owned(),
            more => format!("{more} preemptions are enough"),
        };
        let how_few = match fewness {
            _ if preemptions == 0 => "",
            Fewness::Fewest => "; with fewer it passes",
            Fewness::NoneToSpare => ", of which none can be left out",
            Fewness::Unknown => "; fewer may be enough, too",
        };
        format!(
            "under schedule {schedule}, found as number {tried} of {of}: {enough}{how_few}; `--schedule {schedule}` repeats it"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schedule that is found for a test that fails from number 7 on, if all of these points count.
    fn found(needed: &[u32], met: u32) -> String {
        let run = |schedule: &Exploration| {
            let all = needed.iter().all(|point| schedule.counts(*point));
            RunWithPoints { fails: schedule.number >= 7 && all, met }
        };
        assert_eq!(find(7, run), None);
        let found = find(100, run).unwrap();
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
    }

    #[test]
    fn what_is_said_claims_no_more_than_was_tried() {
        let words = |points: &[u32], fewness| {
            let schedule = Exploration::new(7).with_points(points.iter().copied());
            let found = FailingSchedule { schedule, tried: 8, fewness };
            found.words(100, u32::try_from(points.len()).unwrap())
        };
        insta::assert_snapshot!(
            [
                words(&[], Fewness::Fewest),
                words(&[4], Fewness::Fewest),
                words(&[20, 21], Fewness::Fewest),
                words(&[1, 20, 21], Fewness::NoneToSpare),
                words(&[1, 2, 3], Fewness::Unknown),
            ]
            .join("\n"),
            @r"
        under schedule 7:none, found as number 8 of 100: no preemption is needed; `--schedule 7:none` repeats it
        under schedule 7:4, found as number 8 of 100: 1 preemption is enough; with fewer it passes; `--schedule 7:4` repeats it
        under schedule 7:20-21, found as number 8 of 100: 2 preemptions are enough; with fewer it passes; `--schedule 7:20-21` repeats it
        under schedule 7:1,20-21, found as number 8 of 100: 3 preemptions are enough, of which none can be left out; `--schedule 7:1,20-21` repeats it
        under schedule 7:1-3, found as number 8 of 100: 3 preemptions are enough; fewer may be enough, too; `--schedule 7:1-3` repeats it
        "
        );
    }
}
