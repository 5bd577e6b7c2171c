//! Quantities as a person writes them in a test's attributes: `4MiB`, `10M`, `5s`.
//!
//! A whole number with or without a unit, nothing between them. A time must have its unit.

use core::fmt;

const SIZES: Units = Units {
    what: "a size",
    example: "4MiB",
    bare: true,
    units: &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)],
};

const FUEL: Units = Units {
    what: "an amount of fuel",
    example: "10M",
    bare: true,
    units: &[("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)],
};

const TIMES: Units = Units {
    what: "a time",
    example: "5s",
    bare: false,
    units: &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)],
};

struct Units {
    what: &'static str,
    example: &'static str,
    /// Whether a number alone will do.
    bare: bool,
    units: &'static [(&'static str, u64)],
}

/// Bytes of a size such as `65536`, `512KiB` or `4MiB`.
///
/// # Errors
/// If it is not a whole number above 0 with a known unit, or does not fit in 64 bits.
pub fn bytes(text: &str) -> Result<u64, UnitError<'_>> {
    SIZES.parse(text)
}

/// Units of fuel such as `5000`, `10M` or `2G`: thousands, not 1,024s.
///
/// # Errors
/// As [`bytes`].
pub fn fuel(text: &str) -> Result<u64, UnitError<'_>> {
    FUEL.parse(text)
}

/// Milliseconds of a time such as `250ms`, `5s` or `2m`.
///
/// # Errors
/// As [`bytes`]; also if there is no unit.
pub fn millis(text: &str) -> Result<u64, UnitError<'_>> {
    TIMES.parse(text)
}

impl Units {
    fn parse<'a>(&'static self, text: &'a str) -> Result<u64, UnitError<'a>> {
        let error = |why| UnitError { text, units: self, why };
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        if number.is_empty() {
            return Err(error(Why::Number));
        }
        let known = self.units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        let factor = known.or((self.bare && unit.is_empty()).then_some(1)).ok_or(error(Why::Unit))?;
        let value = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match value {
            None => Err(error(Why::TooLarge)),
            Some(0) => Err(error(Why::Zero)),
            Some(value) => Ok(value),
        }
    }
}

/// Why a quantity is refused; it says what would do.
#[derive(Clone, Copy)]
pub struct UnitError<'a> {
    text: &'a str,
    units: &'static Units,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Number,
    Unit,
    TooLarge,
    Zero,
}

impl fmt::Display for UnitError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, units: Units { what, example, bare, units }, why } = self;
        match why {
            Why::Number | Why::Unit => {
                write!(f, "{text:?} is not {what}: write a whole number")?;
                f.write_str(if *bare { ", alone or with one of " } else { " with one of " })?;
                for (index, (unit, _)) in units.iter().enumerate() {
                    write!(f, "{}`{unit}`", if index == 0 { "" } else { ", " })?;
                }
                write!(f, ", such as `{example}`")
            }
            Why::TooLarge => write!(f, "{text:?} is too large for {what}"),
            Why::Zero => write!(f, "{what} must be more than 0"),
        }
    }
}

impl fmt::Debug for UnitError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitError({self})")
    }
}

impl core::error::Error for UnitError<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    #[test]
    fn quantities() {
        assert_eq!(bytes("65536").unwrap(), 65536);
        assert_eq!(bytes("4MiB").unwrap(), 4 << 20);
        assert_eq!(fuel("10M").unwrap(), 10_000_000);
        assert_eq!(millis("5s").unwrap(), 5_000);
        assert_eq!(millis("2m").unwrap(), 120_000);
    }

    #[test]
    fn errors_say_what_would_do() {
        let message = bytes("4MB").unwrap_err().to_string();
        assert_eq!(
            message,
            "\"4MB\" is not a size: write a whole number, alone or with one of `B`, `KiB`, `MiB`, `GiB`, such as `4MiB`"
        );
        assert!(millis("5").unwrap_err().to_string().contains("with one of `ms`"));
        assert!(fuel("-1").unwrap_err().to_string().contains("is not an amount of fuel"));
        assert!(fuel("99999999T").unwrap_err().to_string().contains("too large"));
        assert_eq!(bytes("0KiB").unwrap_err().to_string(), "a size must be more than 0");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _ = (bytes(&text), fuel(&text), millis(&text));
        }
    }
}
