//! How much memory a test had over the fuel that it spent.

use super::trace::TraceEvent;

/// Memory and events of one test over its fuel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestTimeline {
    /// Its module.
    pub module: String,
    /// Its name.
    pub test: String,
    /// Memory at calls of the allocator, and at the end: at most so many points that a plot can show them, in order.
    pub points: Vec<TimelinePoint>,
    /// Why the heap's part of the points is not known; absent where it is.
    pub no_heap: Option<String>,
    /// What the test did: the first events and the last, without their places in the code.
    pub events: Vec<TraceEvent>,
    /// How many more events there were between them.
    pub events_left_out: u64,
}

/// Memory of a test over some fuel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimelinePoint {
    /// Fuel that was spent at its end, clean-ups included.
    pub fuel: u64,
    /// Bytes of the test's own that were live on the heap then.
    pub live: u64,
    /// The most that were live since the point before.
    pub most: u64,
    /// Bytes of linear memory.
    pub linear: u64,
}

impl TimelinePoint {
    /// The memory at one moment.
    #[must_use]
    pub fn new(fuel: u64, live: u64, linear: u64) -> Self {
        Self { fuel, live, most: live, linear }
    }

    /// This and a later one as one point.
    #[must_use]
    pub(crate) fn joined(self, later: Self) -> Self {
        Self { most: self.most.max(later.most), fuel: self.fuel.max(later.fuel), ..later }
    }
}

/// Draws the memory of a test while it runs, in a bounded number of points: where there would be more, neighbours become one.
#[derive(Debug, Clone)]
pub(crate) struct TimelinePen {
    points: Vec<TimelinePoint>,
    /// The fuel that a point stands for.
    width: u64,
}

impl Default for TimelinePen {
    fn default() -> Self {
        Self { points: Vec::new(), width: 1 }
    }
}

impl TimelinePen {
    /// Most points.
    pub(crate) const MOST: usize = 256;

    /// Draws what there is at a moment that is not before those of earlier calls.
    pub(crate) fn draw(&mut self, point: TimelinePoint) {
        loop {
            let is_same = |last: &TimelinePoint| last.fuel / self.width >= point.fuel / self.width;
            if let Some(last) = self.points.last_mut().filter(|last| is_same(last)) {
                *last = last.joined(point);
                return;
            }
            if self.points.len() < Self::MOST {
                self.points.push(point);
                return;
            }
            self.width = self.width.saturating_mul(2);
            self.points = joined(&self.points, |fuel| fuel / self.width);
        }
    }

    /// What was drawn.
    pub(crate) fn finish(self) -> Vec<TimelinePoint> {
        self.points
    }
}

/// The points with neighbours of one part as one.
pub(crate) fn joined(points: &[TimelinePoint], part: impl Fn(u64) -> u64) -> Vec<TimelinePoint> {
    let mut fewer: Vec<TimelinePoint> = Vec::new();
    for point in points {
        match fewer.last_mut().filter(|last| part(last.fuel) == part(point.fuel)) {
            Some(last) => *last = last.joined(*point),
            None => fewer.push(*point),
        }
    }
    fewer
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_few_moments_are_a_point_each() {
        let mut pen = TimelinePen::default();
        let moments = [(1, 8, 64), (5, 16, 64), (5, 0, 64), (9, 4, 128)]
            .map(|(fuel, live, linear)| TimelinePoint::new(fuel, live, linear));
        moments.into_iter().for_each(|moment| pen.draw(moment));
        let middle = TimelinePoint { most: 16, ..moments[2] };
        assert_eq!(pen.finish(), [moments[0], middle, moments[3]], "of one moment, the last counts, and the most");
    }

    proptest! {
        /// However many moments there are: points are few and in order, none of them says less than was live, and the last is the end.
        #[test]
        fn many_moments_keep_their_most_and_their_end(steps in prop::collection::vec((0..1_000_000_u64, 0..9_999_u64), 1..3000)) {
            let mut pen = TimelinePen::default();
            let mut fuel = 0;
            let mut moments = Vec::new();
            for (step, live) in steps {
                fuel += step;
                moments.push((fuel, live));
                pen.draw(TimelinePoint::new(fuel, live, 64));
            }
            let points = pen.finish();
            prop_assert!(points.len() <= TimelinePen::MOST);
            prop_assert!(points.is_sorted_by(|one, next| one.fuel < next.fuel));
            let last = points.last().unwrap();
            prop_assert_eq!((last.fuel, last.live), *moments.last().unwrap());
            let most = |from: u64, to: u64| moments.iter().filter(|(fuel, _)| *fuel > from && *fuel <= to).map(|(_, live)| *live).max();
            let before = std::iter::once(None).chain(points.iter().map(|point| Some(point.fuel)));
            for (before, point) in before.zip(&points) {
                let own = match before {
                    Some(before) => most(before, point.fuel),
                    None => moments.iter().filter(|(fuel, _)| *fuel <= point.fuel).map(|(_, live)| *live).max(),
                };
                prop_assert_eq!(own, Some(point.most));
            }
        }
    }
}
