//! Sizes, amounts of fuel, counts and times, as people write them in configuration files, on command lines and in a test's
//! attributes: `4MiB`, `10M`, `5s`.
//!
//! A whole number and a unit, with spaces around them or not. All but a time can do without the unit.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// What a number with a unit stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Bytes.
    Size,
    /// Fuel.
    Fuel,
    /// How many there are of something.
    Count,
    /// Milliseconds.
    Duration,
}

/// Text that is not a quantity of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnitError {
    /// It does not have the form of a number and a unit.
    Malformed {
        /// What was written.
        text: String,
        /// What was expected.
        quantity: Quantity,
        /// A right spelling, of the same number where it is known.
        example: String,
    },
    /// It does not fit into 64 bits.
    TooLarge {
        /// What was written.
        text: String,
        /// What was expected.
        quantity: Quantity,
    },
}

impl fmt::Display for UnitError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { text, quantity, example } => {
                write!(to, "{text:?} is not {}; write for example {example}", quantity.with_article())
            }
            Self::TooLarge { text, quantity } => {
                let (name, largest) = (quantity.name(), quantity.largest());
                write!(to, "{text:?} is more than the largest {name} there can be, {largest}")
            }
        }
    }
}

impl core::error::Error for UnitError {}

/// A unit.
#[derive(Debug)]
pub struct Unit {
    /// As it is written.
    pub name: &'static str,
    /// How much it is.
    pub factor: u64,
    /// What people write instead: lower case, without a plural `s`.
    instead: &'static [&'static str],
}

const SIZES: &[Unit] = &[
    unit("B", 1, &["byte"]),
    unit("KiB", 1 << 10, &["k", "ki"]),
    unit("MiB", 1 << 20, &["m", "mi", "meg"]),
    unit("GiB", 1 << 30, &["g", "gi", "gig"]),
    unit("KB", 1_000, &[]),
    unit("MB", 1_000_000, &[]),
    unit("GB", 1_000_000_000, &[]),
];
/// Of what is only counted: fuel too.
const COUNTS: &[Unit] = &[
    unit("K", 1_000, &["thousand"]),
    unit("M", 1_000_000, &["million", "mio"]),
    unit("G", 1_000_000_000, &["b", "billion", "giga"]),
    unit("T", 1_000_000_000_000, &["trillion"]),
];
const DURATIONS: &[Unit] = &[
    unit("ms", 1, &["msec", "milli", "millisecond"]),
    unit("s", 1_000, &["", "sec", "second"]),
    unit("m", 60_000, &["min", "minute"]),
    unit("h", 3_600_000, &["hr", "hour"]),
];

const fn unit(name: &'static str, factor: u64, instead: &'static [&'static str]) -> Unit {
    Unit { name, factor, instead }
}

impl Quantity {
    /// Its units.
    pub fn units(self) -> &'static [Unit] {
        match self {
            Self::Size => SIZES,
            Self::Fuel | Self::Count => COUNTS,
            Self::Duration => DURATIONS,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Fuel => "amount of fuel",
            Self::Count => "count",
            Self::Duration => "duration",
        }
    }

    fn with_article(self) -> &'static str {
        match self {
            Self::Size => "a size",
            Self::Fuel => "an amount of fuel",
            Self::Count => "a count",
            Self::Duration => "a duration",
        }
    }

    fn largest(self) -> String {
        match self {
            Self::Size => format!("{} bytes", u64::MAX),
            Self::Fuel | Self::Count => u64::MAX.to_string(),
            Self::Duration => format!("{}ms", u64::MAX),
        }
    }

    /// A right spelling: of the number that was written, where its unit can be guessed.
    fn example(self, digits: &str, unit: &str) -> String {
        let lower = unit.to_lowercase();
        let guess = (self.units().iter()).find(|Unit { name, instead, .. }| {
            [lower.as_str(), lower.trim_end_matches('s')]
                .iter()
                .any(|written| name.eq_ignore_ascii_case(written) || instead.contains(written))
        });
        let (example, or) = match self {
            Self::Size => ("256MiB", " or a number of bytes"),
            Self::Fuel => ("10G", " or a number"),
            Self::Count => ("10K", " or a number"),
            Self::Duration => ("300s", ""),
        };
        match guess {
            Some(Unit { name, .. }) if !digits.is_empty() => format!("\"{digits}{name}\"{or}"),
            _ => format!("\"{example}\"{or}"),
        }
    }

    /// The number that `text` stands for, in bytes, fuel, things or milliseconds. Spaces around number and unit are allowed.
    ///
    /// # Errors
    /// [`UnitError`] where it has another form, or does not fit.
    pub fn parse(self, text: &str) -> Result<u64, UnitError> {
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (digits, unit) = (&trimmed[..end], trimmed[end..].trim_start());
        let factor = match self.units().iter().find(|known| known.name == unit) {
            Some(known) => Some(known.factor),
            None if unit.is_empty() && self != Self::Duration => Some(1),
            None => None,
        };
        match factor {
            Some(factor) if !digits.is_empty() => (digits.parse::<u64>().ok())
                .and_then(|number| number.checked_mul(factor))
                .ok_or_else(|| UnitError::TooLarge { text: text.to_owned(), quantity: self }),
            _ => {
                Err(UnitError::Malformed { text: text.to_owned(), quantity: self, example: self.example(digits, unit) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_show_a_right_spelling() {
        let all = [
            (
                Quantity::Size,
                "256 MiBs",
                r#""256 MiBs" is not a size; write for example "256MiB" or a number of bytes"#,
            ),
            (Quantity::Size, "4m", r#""4m" is not a size; write for example "4MiB" or a number of bytes"#),
            (Quantity::Size, "1.5GiB", r#""1.5GiB" is not a size; write for example "256MiB" or a number of bytes"#),
            (Quantity::Size, "lots", r#""lots" is not a size; write for example "256MiB" or a number of bytes"#),
            (
                Quantity::Size,
                "17179869184GiB",
                r#""17179869184GiB" is more than the largest size there can be, 18446744073709551615 bytes"#,
            ),
            (
                Quantity::Fuel,
                "10 billion",
                r#""10 billion" is not an amount of fuel; write for example "10G" or a number"#,
            ),
            (Quantity::Fuel, "-3", r#""-3" is not an amount of fuel; write for example "10G" or a number"#),
            (Quantity::Count, "3 millions", r#""3 millions" is not a count; write for example "3M" or a number"#),
            (Quantity::Count, "few", r#""few" is not a count; write for example "10K" or a number"#),
            (Quantity::Duration, "300", r#""300" is not a duration; write for example "300s""#),
            (Quantity::Duration, "2mins", r#""2mins" is not a duration; write for example "2m""#),
            (Quantity::Duration, "1m 30s", r#""1m 30s" is not a duration; write for example "300s""#),
            (
                Quantity::Duration,
                "99999999999999999999h",
                r#""99999999999999999999h" is more than the largest duration there can be, 18446744073709551615ms"#,
            ),
        ];
        for (quantity, text, message) in all {
            assert_eq!(quantity.parse(text).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn every_unit_multiplies_exactly(number in any::<u64>()) {
            for quantity in [Quantity::Size, Quantity::Fuel, Quantity::Count, Quantity::Duration] {
                for Unit { name, factor, .. } in quantity.units() {
                    let parsed = quantity.parse(&format!("{number}{name}"));
                    prop_assert_eq!(parsed.ok(), number.checked_mul(*factor));
                }
            }
        }

        #[test]
        fn any_text_is_a_number_or_an_error(text in ".*") {
            for quantity in [Quantity::Size, Quantity::Fuel, Quantity::Count, Quantity::Duration] {
                if let Err(error) = quantity.parse(&text) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}
