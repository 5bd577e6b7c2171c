//! How much a figure may grow: by a share or by a size.

use super::units::{Quantity, UnitError, format_size};
use std::fmt::{self, Display};
use std::str::FromStr;

/// Decimal places of a share in percent.
const PLACES: usize = 6;

/// 1%, in the unit of [`Threshold::Share`].
pub(crate) const PERCENT: u64 = 10_u64.pow(PLACES as u32);

/// How much a figure may grow.
///
/// ```
/// use airtight::report::diff::Threshold;
///
/// let tenth: Threshold = "10%".parse()?;
/// assert!(tenth.is_exceeded(100, 111) && !tenth.is_exceeded(100, 110));
/// assert_eq!("4KiB".parse(), Ok(Threshold::Bytes(4096)));
/// # Ok::<(), airtight::report::diff::ThresholdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// By a share of the figure in the base, in millionths of a percent. If the figure was 0, any growth exceeds any share.
    Share(u64),
    /// By so many bytes.
    Bytes(u64),
}

impl Threshold {
    /// Whether a figure that was `old` and is `new` grew by more than the threshold. Growth by exactly the threshold is
    /// allowed.
    pub fn is_exceeded(self, old: u64, new: u64) -> bool {
        let grown = new.saturating_sub(old);
        match self {
            Self::Share(share) => u128::from(grown) * u128::from(100 * PERCENT) > u128::from(old) * u128::from(share),
            Self::Bytes(bytes) => grown > bytes,
        }
    }
}

impl Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => {
                let places = format!("{:0PLACES$}", share % PERCENT);
                let places = places.trim_end_matches('0');
                let point = if places.is_empty() { "" } else { "." };
                write!(f, "{}{point}{places}%", share / PERCENT)
            }
            Self::Bytes(bytes) => f.write_str(&format_size(*bytes)),
        }
    }
}

/// Text that is not a [`Threshold`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ThresholdError {
    /// The text is a number without a unit.
    #[error("it says neither a share nor a size: write {number}% or {number}B")]
    NoUnit {
        /// The number.
        number: String,
    },
    /// The text ends with `%`, but the part before it is not a number, or has too many decimal places.
    #[error("a share is a decimal number with at most {PLACES} places and a `%`, such as 10% or 2.5%")]
    Share,
    /// The text is a share that is too large to be represented.
    #[error("it is more than the largest share there can be, {}", Threshold::Share(u64::MAX))]
    TooLarge,
    /// The text is neither a share nor a size.
    #[error("write a share such as 10%, or a size with its unit such as 4KiB or 100B")]
    Neither,
    /// The text is a size that is too large to be represented.
    #[error(transparent)]
    Size(UnitError),
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let text = text.trim();
        match text.strip_suffix('%') {
            Some(number) => share(number.trim_end()).map(Self::Share),
            None if is_number(text) => Err(ThresholdError::NoUnit { number: text.to_owned() }),
            None => Quantity::Size.parse(text).map(Self::Bytes).map_err(|error| match error {
                UnitError::TooLarge { .. } => ThresholdError::Size(error),
                // The example in the unit's own error may be a number without a unit, and that is not a threshold.
                _ => ThresholdError::Neither,
            }),
        }
    }
}

fn share(number: &str) -> Result<u64, ThresholdError> {
    let (whole, places) = number.split_once('.').unwrap_or((number, "0"));
    if !is_number(whole) || !is_number(places) || places.len() > PLACES {
        return Err(ThresholdError::Share);
    }
    let places = format!("{places:0<PLACES$}").parse().map_err(|_| ThresholdError::Share)?;
    let whole = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(PERCENT));
    whole.and_then(|whole| whole.checked_add(places)).ok_or(ThresholdError::TooLarge)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_and_sizes_are_read() {
        for (text, threshold, shown) in [
            ("10%", Threshold::Share(10_000_000), "10%"),
            (" 0 %", Threshold::Share(0), "0%"),
            ("2.50%", Threshold::Share(2_500_000), "2.5%"),
            ("0.000001%", Threshold::Share(1), "0.000001%"),
            ("4KiB", Threshold::Bytes(4096), "4 KiB"),
            ("0B", Threshold::Bytes(0), "0 B"),
        ] {
            assert_eq!(text.parse(), Ok(threshold), "{text}");
            assert_eq!(threshold.to_string(), shown);
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_the_way_out() {
        let error = |text: &str| text.parse::<Threshold>().unwrap_err().to_string();
        assert_eq!(error("10"), "it says neither a share nor a size: write 10% or 10B");
        let share = "a share is a decimal number with at most 6 places and a `%`, such as 10% or 2.5%";
        for wrong in ["%", "-1%", "1.%", ".5%", "1,5%", "ten%", "0.0000001%", "10%%", "1e3%"] {
            assert_eq!(error(wrong), share, "{wrong}");
        }
        assert_eq!(error("18446744073710%"), "it is more than the largest share there can be, 18446744073709.551615%");
        let neither = "write a share such as 10%, or a size with its unit such as 4KiB or 100B";
        assert_eq!([error("4kb"), error(""), error("-4KiB")], [neither; 3]);
        assert!(error("99999999999GiB").contains("is more than the largest size there can be"));
    }

    #[test]
    fn more_than_allowed_is_over_and_as_much_is_not() {
        let tenth = Threshold::Share(10 * PERCENT);
        assert!(!tenth.is_exceeded(100, 110) && tenth.is_exceeded(100, 111) && !tenth.is_exceeded(100, 0));
        assert!(tenth.is_exceeded(0, 1) && !tenth.is_exceeded(0, 0), "nothing has no share");
        let none = Threshold::Share(0);
        assert!(none.is_exceeded(u64::MAX - 1, u64::MAX) && !none.is_exceeded(u64::MAX, u64::MAX));
        assert!(Threshold::Bytes(48).is_exceeded(0, 49) && !Threshold::Bytes(48).is_exceeded(0, 48));
        assert!(!Threshold::Share(u64::MAX).is_exceeded(u64::MAX, u64::MAX));
    }

    proptest! {
        #[test]
        fn a_threshold_reads_what_it_shows(share: u64, bytes: u64) {
            for threshold in [Threshold::Share(share), Threshold::Bytes(bytes)] {
                prop_assert_eq!(threshold.to_string().parse(), Ok(threshold));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,12}", numbers in "[0-9.]{0,30}%?") {
            let _ = text.parse::<Threshold>();
            let _ = numbers.parse::<Threshold>();
        }
    }
}
