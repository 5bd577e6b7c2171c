//! One of the many schedules that a test with threads can be run under.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A schedule that interrupts threads at points which its number decides; all of them count, or some in a row.
///
/// ```
/// use airtight::Exploration;
/// let schedule: Exploration = "17:2-3".parse()?;
/// assert_eq!(schedule, Exploration::new(17).with_points(2..3));
/// assert_eq!(Exploration::new(17).to_string(), "17");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Exploration {
    /// Its number.
    pub number: u64,
    /// Which of its points count, from 0 in the order in which they are met.
    pub points: Range<u32>,
}

impl Exploration {
    const ALL: Range<u32> = 0..u32::MAX;

    /// The schedule of this number, with all its points.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self { number, points: Self::ALL }
    }

    /// The same with these points.
    #[must_use]
    pub fn with_points(&self, points: Range<u32>) -> Self {
        Self { points, ..*self }
    }
}

impl fmt::Display for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, points } = self;
        write!(f, "{number}")?;
        if *points == Self::ALL { Ok(()) } else { write!(f, ":{}-{}", points.start, points.end) }
    }
}

/// A text that is not a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a schedule is a number, such as 17, or one with some of its points, such as 17:2-3")]
pub struct ExplorationError;

impl FromStr for Exploration {
    type Err = ExplorationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| ExplorationError);
        let (whole, points) = text.split_once(':').map_or((text, None), |(whole, points)| (whole, Some(points)));
        let whole = Self::new(whole.parse().map_err(|_| ExplorationError)?);
        let Some(points) = points else { return Ok(whole) };
        let (first, end) = points.split_once('-').ok_or(ExplorationError)?;
        Ok(whole.with_points(number(first)?..number(end)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for one in
            [Exploration::new(3), Exploration::new(u64::MAX).with_points(0..0), Exploration::new(0).with_points(7..9)]
        {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        for wrong in ["", "a", "1:", "1:16", ":1-2", "-1", "1:2:3", "1:2-", "1:-2"] {
            assert_eq!(wrong.parse::<Exploration>(), Err(ExplorationError), "{wrong}");
        }
    }
}
