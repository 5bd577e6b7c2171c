//! Which texts and numbers are values of a limit.

use super::Limit;
use crate::units::UnitError;
use core::fmt;

impl Limit {
    /// The value that a text stands for.
    ///
    /// # Errors
    /// The text is not a quantity of the right kind, or its value is out of bounds.
    pub fn parse(self, text: &str) -> Result<u64, ValueError> {
        self.check(self.row().quantity.parse(text)?)
    }

    /// The value itself, where it is within bounds.
    ///
    /// # Errors
    /// It is not.
    pub const fn check(self, value: u64) -> Result<u64, ValueError> {
        let row = self.row();
        if value < row.least {
            Err(ValueError::TooLittle { limit: self, value })
        } else if value > row.most {
            Err(ValueError::TooMuch { limit: self, value })
        } else {
            Ok(value)
        }
    }
}

/// A text or a number that is not a value of its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// It is not a quantity of the right kind.
    Unit(UnitError),
    /// It is less than [`Row::least`](super::Row::least).
    TooLittle {
        /// The limit.
        limit: Limit,
        /// The value.
        value: u64,
    },
    /// It is more than [`Row::most`](super::Row::most).
    TooMuch {
        /// The limit.
        limit: Limit,
        /// The value.
        value: u64,
    },
}

impl fmt::Display for ValueError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(error) => error.fmt(to),
            Self::TooLittle { limit, .. } => {
                write!(to, "`{}` is more than 0: no test can run with less", limit.name())
            }
            Self::TooMuch { limit, .. } => write!(to, "`{}` is at most {}", limit.name(), limit.row().most),
        }
    }
}

impl core::error::Error for ValueError {}

impl From<UnitError> for ValueError {
    fn from(error: UnitError) -> Self {
        Self::Unit(error)
    }
}
