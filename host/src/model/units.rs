//! Sizes, amounts of fuel, counts and durations: from the form in which people write them to exact integers, and back.

use airtight_abi::units::Unit;
pub use airtight_abi::units::{Quantity, UnitError};
use std::time::Duration;

/// `256 MiB`: in the largest binary unit that is exact.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    let binary = Quantity::Size.units().iter().filter(|unit| unit.name == "B" || unit.name.contains('i'));
    match largest_exact(bytes, binary) {
        Some((number, unit)) => format!("{number} {unit}"),
        None => format!("{bytes} B"),
    }
}

/// `10G`: in the largest unit that is exact.
#[must_use]
pub fn format_fuel(fuel: u64) -> String {
    format_count(fuel)
}

/// `1K`: in the largest unit that is exact.
#[must_use]
pub fn format_count(count: u64) -> String {
    match largest_exact(count, Quantity::Count.units().iter()) {
        Some((number, unit)) => format!("{number}{unit}"),
        None => count.to_string(),
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

/// A value of a quantity, in the largest unit that is exact: `256 MiB`, `10G`, `300s`.
#[must_use]
pub fn format_quantity(quantity: Quantity, value: u64) -> String {
    match quantity {
        Quantity::Size => format_size(value),
        Quantity::Fuel => format_fuel(value),
        Quantity::Count => format_count(value),
        Quantity::Duration => format_duration(Duration::from_millis(value)),
    }
}

fn largest_exact<'u>(number: u64, units: impl Iterator<Item = &'u Unit>) -> Option<(u64, &'static str)> {
    if number == 0 {
        return None;
    }
    units
        .filter(|unit| number.is_multiple_of(unit.factor))
        .max_by_key(|unit| unit.factor)
        .map(|unit| (number / unit.factor, unit.name))
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
            assert_eq!(Quantity::Size.parse(text), Ok(bytes), "{text}");
        }
        for (text, fuel) in
            [("10G", 10_000_000_000), ("1K", 1000), ("2 M", 2_000_000), ("1T", 1_000_000_000_000), ("9", 9)]
        {
            assert_eq!((Quantity::Fuel.parse(text), Quantity::Count.parse(text)), (Ok(fuel), Ok(fuel)), "{text}");
        }
        for (text, millis) in [("300s", 300_000), ("500ms", 500), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(Quantity::Duration.parse(text), Ok(millis), "{text}");
        }
    }

    proptest! {
        #[test]
        fn sizes_round_trip(bytes in any::<u64>(), shift in 0..64_u32) {
            let bytes = bytes >> shift << (shift / 2);
            prop_assert_eq!(Quantity::Size.parse(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn fuel_round_trips(number in 0..u64::MAX / 1_000_000_000, thousands in 0..4_u32) {
            let (fuel, factor) = (number, 1000_u64.pow(thousands));
            prop_assert_eq!(Quantity::Fuel.parse(&format_fuel(fuel * factor)), Ok(fuel * factor));
        }

        #[test]
        fn durations_round_trip(millis in any::<u64>(), seconds in 0..u64::MAX / 1000) {
            for duration in [Duration::from_millis(millis), Duration::from_secs(seconds)] {
                prop_assert_eq!(Quantity::Duration.parse(&format_duration(duration)).map(Duration::from_millis), Ok(duration));
            }
        }
    }
}
