//! Running a test with threads under many schedules: until one fails, and then with as few preemptions as that takes.

use crate::model::Exploration;

/// Runs at most to find out how few preemptions are enough.
const SIMPLER: usize = 400;

/// Most preemptions in a row that are tried instead of all.
const MOST: u32 = 3;

/// A schedule under which a test fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingSchedule {
    pub schedule: Exploration,
    /// How many were tried, this one included.
    pub tried: u32,
}

/// The first of so many schedules under which a test fails, with the fewest of its points in a row. `fails` runs the test, and gives how
/// many points there were if it fails.
pub fn find(schedules: u32, mut fails: impl FnMut(&Exploration) -> Option<u32>) -> Option<FailingSchedule> {
    let (whole, points) = (0..schedules).find_map(|number| {
        let whole = Exploration::new(u64::from(number));
        fails(&whole).map(|points| (whole, points))
    })?;
    let tried = u32::try_from(whole.number).unwrap_or(u32::MAX).saturating_add(1);
    // What matters is near the end more often than not.
    let of_length = |length: u32| (0..=points.saturating_sub(length)).rev().map(move |first| first..first + length);
    let simpler = std::iter::once(0..0).chain((1..=MOST.min(points)).flat_map(of_length));
    let simpler =
        simpler.take(SIMPLER).map(|points| whole.with_points(points)).find(|simpler| fails(simpler).is_some());
    Some(FailingSchedule { schedule: simpler.unwrap_or(whole), tried })
}

impl FailingSchedule {
    /// What is said of it behind why the test failed.
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

    #[test]
    fn the_first_that_fails_is_made_as_simple_as_it_can_be() {
        // Fails from number 7 on, where its points 20 and 21 count.
        let fails = |schedule: &Exploration| {
            let counts = |point| schedule.points.contains(&point);
            (schedule.number >= 7 && counts(20) && counts(21)).then_some(40)
        };
        let found = find(100, fails).unwrap();
        assert_eq!(found, FailingSchedule { schedule: Exploration::new(7).with_points(20..22), tried: 8 });
        assert_eq!(find(7, fails), None);
        assert_eq!(
            found.words(100, 2),
            "under schedule 7:20-22, found as number 8 of 100: 2 preemptions are enough; `--schedule 7:20-22` repeats it"
        );
        let always = find(3, |_| Some(0)).unwrap();
        assert_eq!(always, FailingSchedule { schedule: Exploration::new(0).with_points(0..0), tried: 1 });
    }
}
