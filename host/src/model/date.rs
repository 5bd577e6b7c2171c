//! A day of the calendar.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar, written `2027-03-31`.
///
/// ```
/// use airtight::report::Date;
///
/// let day: Date = "2027-03-31".parse()?;
/// assert!(day < "2027-04-01".parse()?);
/// assert!("2027-02-29".parse::<Date>().is_err());
/// # Ok::<(), airtight::report::DateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a day; write for example 2027-03-31")]
pub struct DateError(String);

impl Date {
    /// The day; `None` where the calendar has no such day.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        (year <= 9999 && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }

    /// Year, month from 1, and day from 1.
    #[must_use]
    pub fn parts(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let number = |part: &str, length: usize| -> Option<u16> {
            let is_number = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse().ok())?
        };
        let day = || {
            let mut parts = text.split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            let small = |part| number(part, 2).and_then(|part| u8::try_from(part).ok());
            let day = Self::new(number(year, 4)?, small(month)?, small(day)?)?;
            parts.next().is_none().then_some(day)
        };
        day().ok_or_else(|| DateError(text.to_owned()))
    }
}

impl TryFrom<String> for Date {
    type Error = DateError;

    fn try_from(text: String) -> Result<Self, DateError> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(day: Date) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written_and_in_order() {
        for text in ["2026-01-01", "2024-02-29", "2000-02-29", "9999-12-31", "0001-01-01"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for wrong in [
            "2026-1-1",
            "2026-13-01",
            "2026-00-10",
            "2023-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-01-01T00",
            "+026-01-01",
            "",
        ] {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
        let days = ["2025-12-31", "2026-01-01", "2026-01-02", "2026-02-01"];
        assert!(days.map(|day| day.parse::<Date>().unwrap()).is_sorted());
    }
}
