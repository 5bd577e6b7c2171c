//! Memory and events of tests over their fuel, as the page's script is given them. Of many tests, each has fewer points.

use super::figure::ScriptFigure;
use crate::model::Report;
use crate::model::safe_text::OneLine;
use crate::model::timeline::{TestTimeline, TimelinePen, TimelinePoint, joined};
use crate::report::console::event_words;
use serde::Serialize;
use std::collections::HashMap;

/// Points on a page, and events, of all tests together: about so many.
const POINTS: usize = 200_000;
const EVENTS: usize = 50_000;

/// Points of a test at least.
const LEAST_POINTS: usize = 16;

/// Events of a test at least.
const LEAST_EVENTS: usize = 6;

/// The timeline of one test. Its lists of figures are as long as each other: a point has an entry in each.
#[derive(Serialize)]
pub(super) struct DrawnTimeline {
    fuel: Vec<ScriptFigure>,
    live: Vec<ScriptFigure>,
    most: Vec<ScriptFigure>,
    linear: Vec<ScriptFigure>,
    /// Each with its fuel, what it is, and whether it failed.
    events: Vec<(Option<ScriptFigure>, String, bool)>,
    /// Events that are not told, behind the first half of those that are.
    left_out: ScriptFigure,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_heap: Option<String>,
}

/// The timelines of a report, by module and test.
pub(super) struct Timelines<'r> {
    by_test: HashMap<(&'r str, &'r str), &'r TestTimeline>,
    points: usize,
    events: usize,
}

impl<'r> Timelines<'r> {
    pub(super) fn new(report: &'r Report) -> Self {
        let all = report.timelines.iter();
        let by_test: HashMap<_, _> = all.map(|timeline| ((&*timeline.module, &*timeline.test), timeline)).collect();
        let tests = by_test.len().max(1);
        let points = (POINTS / tests).clamp(LEAST_POINTS, TimelinePen::MOST);
        Self { points, events: (EVENTS / tests).clamp(LEAST_EVENTS, 1000), by_test }
    }

    pub(super) fn draw(&self, module: &str, test: &str) -> Option<DrawnTimeline> {
        let timeline = self.by_test.get(&(module, test))?;
        let points = fewer(&timeline.points, self.points);
        let list = |figure: fn(&TimelinePoint) -> u64| points.iter().map(|point| ScriptFigure(figure(point))).collect();
        let (first, last) = halves(timeline.events.len(), self.events);
        let told = timeline.events[..first].iter().chain(&timeline.events[last..]);
        let told = told.map(|event| (event.fuel.map(ScriptFigure), event_words(event), event.failed.is_some()));
        Some(DrawnTimeline {
            fuel: list(|point| point.fuel),
            live: list(|point| point.live),
            most: list(|point| point.most),
            linear: list(|point| point.linear),
            events: told.collect(),
            left_out: ScriptFigure(timeline.events_left_out.saturating_add((last - first) as u64)),
            no_heap: timeline.no_heap.as_deref().map(|why| OneLine(why).to_string()),
        })
    }
}

/// Where the first half of so many ends, and where the last begins.
fn halves(len: usize, most: usize) -> (usize, usize) {
    if len <= most { (len, len) } else { (most / 2, len - most / 2) }
}

/// The points, neighbours of which become one until there are at most so many.
fn fewer(points: &[TimelinePoint], most: usize) -> Vec<TimelinePoint> {
    let mut fewer = points.to_vec();
    let mut width = 1_u64;
    while fewer.len() > most {
        width = width.saturating_mul(2);
        fewer = joined(&fewer, |fuel| fuel / width);
    }
    fewer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_points_neighbours_become_one() {
        let points: Vec<_> = (1..=100).map(|nth| TimelinePoint::new(nth * 10, nth % 7, 64)).collect();
        let fewer = fewer(&points, 16);
        assert!(fewer.len() <= 16 && fewer.len() > 4, "{fewer:?}");
        assert_eq!(fewer.last().map(|point| (point.fuel, point.live)), Some((1000, 2)));
        assert_eq!(fewer.iter().map(|point| point.most).max(), Some(6));
        assert_eq!(super::fewer(&points[..16], 16), points[..16]);
        assert_eq!((halves(5, 6), halves(9, 6)), ((5, 5), (3, 6)));
    }
}
