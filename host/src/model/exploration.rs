//! One of the many schedules that a test with threads can be run under.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A schedule that interrupts threads at certain points. Its number decides which points these are. All of them count, or only
/// some: a shorter list makes a failure easier to understand.
///
/// ```
/// use airtight::Exploration;
/// let schedule: Exploration = "17:2,5-6".parse()?;
/// assert_eq!(schedule, Exploration::new(17).with_points([2, 5, 6]));
/// assert_eq!(Exploration::new(17).to_string(), "17");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Exploration {
    /// The number that decides where the points are.
    pub number: u64,
    /// The points that count, as ranges that neither overlap nor touch. Points are numbered from 0 in the order in which the
    /// run comes to them. `None` means all points.
    points: Option<Vec<Range<u32>>>,
}

/// The word for a schedule none of whose points count: `17:none`.
const NONE: &str = "none";

impl Exploration {
    /// The schedule of this number, with all its points.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self { number, points: None }
    }

    /// The schedule of the same number, of whose points only these count.
    #[must_use]
    pub fn with_points(&self, points: impl IntoIterator<Item = u32>) -> Self {
        self.with_ranges(points.into_iter().map(|point| point..point.saturating_add(1)).collect())
    }

    fn with_ranges(&self, mut ranges: Vec<Range<u32>>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, last| {
            let touch = next.start <= last.end;
            if touch {
                last.end = last.end.max(next.end);
            }
            touch
        });
        Self { points: Some(ranges), number: self.number }
    }

    /// Whether a point counts.
    #[must_use]
    pub fn counts(&self, point: u32) -> bool {
        self.points.as_ref().is_none_or(|ranges| ranges.iter().any(|range| range.contains(&point)))
    }
}

impl fmt::Display for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        let Some(ranges) = &self.points else { return Ok(()) };
        if ranges.is_empty() {
            return write!(f, ":{NONE}");
        }
        for (range, sign) in ranges.iter().zip(std::iter::once(':').chain(std::iter::repeat(','))) {
            write!(f, "{sign}{}", range.start)?;
            if range.len() > 1 {
                write!(f, "-{}", range.end - 1)?;
            }
        }
        Ok(())
    }
}

/// A text that is not a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a schedule is a number, such as 17, or one with some of its points, such as 17:2,5-6 or 17:none")]
pub struct ExplorationError;

impl FromStr for Exploration {
    type Err = ExplorationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            let number = text.parse::<u32>().ok().filter(|number| *number < u32::MAX && !text.starts_with('+'));
            number.ok_or(ExplorationError)
        };
        let (whole, points) = text.split_once(':').map_or((text, None), |(whole, points)| (whole, Some(points)));
        let whole = Self::new(whole.parse().map_err(|_| ExplorationError)?);
        let ranges = match points {
            None => return Ok(whole),
            Some(NONE) => Vec::new(),
            Some(points) => {
                let range = |range: &str| {
                    let (first, last) = range.split_once('-').unwrap_or((range, range));
                    let (first, last) = (number(first)?, number(last)?);
                    if first <= last { Ok(first..last + 1) } else { Err(ExplorationError) }
                };
                points.split(',').map(range).collect::<Result<_, _>>()?
            }
        };
        Ok(whole.with_ranges(ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, one) in [
            ("3", Exploration::new(3)),
            ("18446744073709551615:none", Exploration::new(u64::MAX).with_points([])),
            ("0:7-9", Exploration::new(0).with_points([9, 7, 8])),
            ("1:0,2,4-5", Exploration::new(1).with_points([0, 2, 4, 5, 2])),
        ] {
            assert_eq!(one.to_string(), text);
            assert_eq!(text.parse(), Ok(one));
        }
        for wrong in ["", "a", "1:", ":1-2", "-1", "1:2:3", "1:2-", "1:-2", "1:3-2", "1:,", "1:4294967295", "1:+1"] {
            assert_eq!(wrong.parse::<Exploration>(), Err(ExplorationError), "{wrong}");
        }
        let some = Exploration::new(1).with_points([2, 5]);
        assert_eq!([0, 2, 3, 5, 6].map(|point| some.counts(point)), [false, true, false, true, false]);
        assert!(Exploration::new(1).counts(77));
    }
}
