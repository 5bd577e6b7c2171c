//! Figures for people, exact: no figure is rounded.

use std::fmt::{self, Display};

/// A number with its digits in groups of three: `262,144`.
#[derive(Debug, Clone, Copy)]
pub struct GroupedDigits(pub u64);

impl Display for GroupedDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A size in bytes: `262,144 bytes (256 KiB)`. The binary unit is given only if it is exact and shorter.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(pub u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", PlainBytes(self.0))?;
        let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let unit = units.into_iter().find(|(_, bits)| {
            let (whole, quarter) = (self.0 >> bits, 1 << (bits - 2));
            (1..10_000).contains(&whole) && self.0.is_multiple_of(quarter)
        });
        if let Some((unit, bits)) = unit {
            let fraction = ["", ".25", ".5", ".75"][(self.0 >> (bits - 2)) as usize % 4];
            write!(f, " ({}{fraction} {unit})", GroupedDigits(self.0 >> bits))?;
        }
        Ok(())
    }
}

/// A size in bytes without a binary unit, for places that are in brackets already: `1,536 bytes`.
pub(super) struct PlainBytes(pub u64);

impl Display for PlainBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", GroupedDigits(self.0), plural(self.0, "byte", "bytes"))
    }
}

/// A length of time given in milliseconds: `300 s`, `1,500 ms`.
pub(super) struct Millis(pub u64);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1000 && self.0.is_multiple_of(1000) {
            write!(f, "{} s", GroupedDigits(self.0 / 1000))
        } else {
            write!(f, "{} ms", GroupedDigits(self.0))
        }
    }
}

/// The word for one where `count` is 1, else the word for several.
pub(super) fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        let grouped: Vec<_> = [0, 999, 1000, 123_456, u64::MAX].map(|n| GroupedDigits(n).to_string()).into();
        assert_eq!(grouped, ["0", "999", "1,000", "123,456", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn a_unit_is_shown_only_where_it_is_exact() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1000, "1,000 bytes"),
            (1024, "1,024 bytes (1 KiB)"),
            (1025, "1,025 bytes"),
            (1536, "1,536 bytes (1.5 KiB)"),
            (262_144, "262,144 bytes (256 KiB)"),
            (1_052_672, "1,052,672 bytes (1,028 KiB)"),
            (1_310_720, "1,310,720 bytes (1.25 MiB)"),
            (300_000_000, "300,000,000 bytes"),
            (1 << 40, "1,099,511,627,776 bytes (1 TiB)"),
            (u64::MAX, "18,446,744,073,709,551,615 bytes"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), expected);
        }
    }

    #[test]
    fn times_are_whole_seconds_or_milliseconds() {
        let times: Vec<_> = [0, 999, 1000, 1500, 300_000].map(|ms| Millis(ms).to_string()).into();
        assert_eq!(times, ["0 ms", "999 ms", "1 s", "1,500 ms", "300 s"]);
    }
}
