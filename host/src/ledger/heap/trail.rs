//! What a run's allocator calls came to at some points of the run.

use super::Trace;

/// The traces of a run at some of its allocator calls. Another run can be compared with it before either has ended.
///
/// The points are evenly spaced, and their number is bounded: a run that goes on gets fewer of them.
#[derive(Debug, Clone)]
pub struct Trail {
    points: Vec<Trace>,
    /// Every how many calls there is a point: a power of two.
    every: u64,
}

/// Most points that are kept.
const MOST: usize = 256;

impl Default for Trail {
    fn default() -> Self {
        Self { points: Vec::new(), every: 1 }
    }
}

impl Trail {
    /// The points, in order.
    pub fn points(&self) -> &[Trace] {
        &self.points
    }

    /// Notes a call. It must be told of each.
    #[inline]
    pub(super) fn add(&mut self, now: Trace) {
        if now.events & (self.every - 1) == 0 {
            self.push(now);
        }
    }

    fn push(&mut self, now: Trace) {
        self.points.push(now);
        if self.points.len() == MOST {
            self.every *= 2;
            self.points.retain(|point| point.events.is_multiple_of(self.every));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: u64) -> Trail {
        let mut trail = Trail::default();
        (1..=events).for_each(|events| trail.add(Trace { events, hash: events * 7 }));
        trail
    }

    #[test]
    fn a_short_run_has_a_point_at_each_call() {
        assert!(after(0).points().is_empty());
        let events: Vec<u64> = after(200).points().iter().map(|point| point.events).collect();
        assert_eq!(events, (1..=200).collect::<Vec<_>>());
    }

    #[test]
    fn a_long_run_has_a_point_in_every_hundredth_of_it() {
        for events in [256, 1000, 4096, 100_000] {
            let trail = after(events);
            let points = trail.points();
            assert!(points.len() < MOST, "{events}");
            let apart = std::iter::once(0).chain(points.iter().map(|point| point.events)).chain([events + 1]);
            let apart: Vec<u64> = apart.collect();
            let widest = apart.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(widest.is_some_and(|widest| widest <= events / 100), "{events}: {widest:?}");
            assert!(points.iter().all(|point| point.hash == point.events * 7));
        }
    }
}
