//! Sizes, amounts of fuel and durations, as people write them, to exact integers and back.

use std::time::Duration;

/// What a number with a unit stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Bytes.
    Size,
    /// Fuel.
    Fuel,
    /// Milliseconds.
    Duration,
}

/// Text that is no quantity of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// It does not have the form of a number and a unit.
    #[error("{text:?} is not {}; write for example {example}", quantity.with_article())]
    Malformed {
        /// What was written.
        text: String,
        /// What was expected.
        quantity: Quantity,
        /// A right spelling, of the same number where it is known.
        example: String,
    },
    /// It does not fit into 64 bits.
    #[error("{text:?} is more than the largest {} there can be, {}", quantity.name(), quantity.largest())]
    TooLarge {
        /// What was written.
        text: String,
        /// What was expected.
        quantity: Quantity,
    },
}

/// A unit: its name, its factor, and what people write instead (lower case, without a plural `s`).
struct Unit(&'static str, u64, &'static [&'static str]);

const SIZES: &[Unit] = &[
    Unit("B", 1, &["byte"]),
    Unit("KiB", 1 << 10, &["k", "ki"]),
    Unit("MiB", 1 << 20, &["m", "mi", "meg"]),
    Unit("GiB", 1 << 30, &["g", "gi", "gig"]),
    Unit("KB", 1_000, &[]),
    Unit("MB", 1_000_000, &[]),
    Unit("GB", 1_000_000_000, &[]),
];
const FUEL: &[Unit] = &[
    Unit("K", 1_000, &["thousand"]),
    Unit("M", 1_000_000, &["million", "mio"]),
    Unit("G", 1_000_000_000, &["b", "billion", "giga"]),
    Unit("T", 1_000_000_000_000, &["trillion"]),
];
const DURATIONS: &[Unit] = &[
    Unit("ms", 1, &["msec", "milli", "millisecond"]),
    Unit("s", 1_000, &["", "sec", "second"]),
    Unit("m", 60_000, &["min", "minute"]),
    Unit("h", 3_600_000, &["hr", "hour"]),
];

impl Quantity {
    fn units(self) -> &'static [Unit] {
        match self {
            Self::Size => SIZES,
            Self::Fuel => FUEL,
            Self::Duration => DURATIONS,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Fuel => "amount of fuel",
            Self::Duration => "duration",
        }
    }

    fn with_article(self) -> &'static str {
        match self {
            Self::Size => "a size",
            Self::Fuel => "an amount of fuel",
            Self::Duration => "a duration",
        }
    }

    fn largest(self) -> String {
        match self {
            Self::Size => format!("{} bytes", u64::MAX),
            Self::Fuel => u64::MAX.to_string(),
            Self::Duration => format!("{}ms", u64::MAX),
        }
    }

    /// A right spelling: of the number that was written, where its unit can be guessed.
    fn example(self, digits: &str, unit: &str) -> String {
        let lower = unit.to_lowercase();
        let guess = (self.units().iter()).find(|Unit(name, _, others)| {
            [lower.as_str(), lower.trim_end_matches('s')]
                .iter()
                .any(|written| name.eq_ignore_ascii_case(written) || others.contains(written))
        });
        let (example, or) = match self {
            Self::Size => ("256MiB", " or a number of bytes"),
            Self::Fuel => ("10G", " or a number"),
            Self::Duration => ("300s", ""),
        };
        match guess {
            Some(Unit(name, ..)) if !digits.is_empty() => format!("\"{digits}{name}\"{or}"),
            _ => format!("\"{example}\"{or}"),
        }
    }

    /// The number that `text` stands for, in bytes, fuel or milliseconds. Spaces around number and unit are allowed.
    ///
    /// # Errors
    /// [`UnitError`] where it has another form, or does not fit.
    pub fn parse(self, text: &str) -> Result<u64, UnitError> {
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (digits, unit) = (&trimmed[..end], trimmed[end..].trim_start());
        let factor = match self.units().iter().find(|Unit(name, ..)| *name == unit) {
            Some(Unit(_, factor, _)) => Some(*factor),
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

/// Bytes from `256MiB`, `256 MB` or `268435456`: KiB, MiB, GiB are powers of 1024; KB, MB, GB of 1000.
///
/// # Errors
/// See [`Quantity::parse`].
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    Quantity::Size.parse(text)
}

/// Fuel from `10G` or `10000000000`: K, M, G, T are powers of 1000.
///
/// # Errors
/// See [`Quantity::parse`].
pub fn parse_fuel(text: &str) -> Result<u64, UnitError> {
    Quantity::Fuel.parse(text)
}

/// A duration from `500ms`, `300s`, `2m` or `1h`; a number needs its unit.
///
/// # Errors
/// See [`Quantity::parse`].
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    Quantity::Duration.parse(text).map(Duration::from_millis)
}

/// `256 MiB`: in the largest binary unit that is exact.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    let binary = SIZES.iter().filter(|Unit(name, ..)| *name == "B" || name.contains('i'));
    match largest_exact(bytes, binary) {
        Some((number, unit)) => format!("{number} {unit}"),
        None => format!("{bytes} B"),
    }
}

/// `10G`: in the largest unit that is exact.
#[must_use]
pub fn format_fuel(fuel: u64) -> String {
    match largest_exact(fuel, FUEL.iter()) {
        Some((number, unit)) => format!("{number}{unit}"),
        None => fuel.to_string(),
    }
}

/// `300s` or `1500ms`: in seconds where that is exact.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else if duration.subsec_nanos().is_multiple_of(1_000_000) {
        format!("{}ms", duration.as_millis())
    } else {
        format!("{duration:?}")
    }
}

fn largest_exact<'u>(number: u64, units: impl Iterator<Item = &'u Unit>) -> Option<(u64, &'static str)> {
    if number == 0 {
        return None;
    }
    units
        .filter(|Unit(_, factor, _)| number.is_multiple_of(*factor))
        .max_by_key(|Unit(_, factor, _)| *factor)
        .map(|Unit(name, factor, _)| (number / factor, *name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("7B", 7),
            ("4KiB", 4096),
            (" 256 MiB ", 256 << 20),
            ("2GiB", 2 << 30),
            ("1KB", 1000),
            ("3MB", 3_000_000),
            ("5GB", 5_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for (text, fuel) in
            [("10G", 10_000_000_000), ("1K", 1000), ("2 M", 2_000_000), ("1T", 1_000_000_000_000), ("9", 9)]
        {
            assert_eq!(parse_fuel(text), Ok(fuel), "{text}");
        }
        for (text, millis) in [("300s", 300_000), ("500ms", 500), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn errors_show_a_right_spelling() {
        let message = |quantity: Quantity, text: &str| quantity.parse(text).unwrap_err().to_string();
        let all = [
            message(Quantity::Size, "256 MiBs"),
            message(Quantity::Size, "4m"),
            message(Quantity::Size, "1.5GiB"),
            message(Quantity::Size, "lots"),
            message(Quantity::Size, "17179869184GiB"),
            message(Quantity::Fuel, "10 billion"),
            message(Quantity::Fuel, "-3"),
            message(Quantity::Duration, "300"),
            message(Quantity::Duration, "2mins"),
            message(Quantity::Duration, "1m 30s"),
            message(Quantity::Duration, "99999999999999999999h"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        "256 MiBs" is not a size; write for example "256MiB" or a number of bytes
        "4m" is not a size; write for example "4MiB" or a number of bytes
        "1.5GiB" is not a size; write for example "256MiB" or a number of bytes
        "lots" is not a size; write for example "256MiB" or a number of bytes
        "17179869184GiB" is more than the largest size there can be, 18446744073709551615 bytes
        "10 billion" is not an amount of fuel; write for example "10G" or a number
        "-3" is not an amount of fuel; write for example "10G" or a number
        "300" is not a duration; write for example "300s"
        "2mins" is not a duration; write for example "2m"
        "1m 30s" is not a duration; write for example "300s"
        "99999999999999999999h" is more than the largest duration there can be, 18446744073709551615ms
        "#);
    }

    proptest! {
        #[test]
        fn sizes_round_trip(bytes in any::<u64>(), shift in 0..64_u32) {
            let bytes = bytes >> shift << (shift / 2);
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn fuel_round_trips(number in 0..u64::MAX / 1_000_000_000, thousands in 0..4_u32) {
            let (fuel, factor) = (number, 1000_u64.pow(thousands));
            prop_assert_eq!(parse_fuel(&format_fuel(fuel * factor)), Ok(fuel * factor));
        }

        #[test]
        fn durations_round_trip(millis in any::<u64>(), seconds in 0..u64::MAX / 1000) {
            for duration in [Duration::from_millis(millis), Duration::from_secs(seconds)] {
                prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
            }
        }

        #[test]
        fn every_unit_multiplies_exactly(number in any::<u64>()) {
            for quantity in [Quantity::Size, Quantity::Fuel, Quantity::Duration] {
                for Unit(name, factor, _) in quantity.units() {
                    let parsed = quantity.parse(&format!("{number}{name}"));
                    prop_assert_eq!(parsed.ok(), number.checked_mul(*factor));
                }
            }
        }

        #[test]
        fn any_text_is_a_number_or_an_error(text in ".*") {
            for quantity in [Quantity::Size, Quantity::Fuel, Quantity::Duration] {
                if let Err(error) = quantity.parse(&text) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}
