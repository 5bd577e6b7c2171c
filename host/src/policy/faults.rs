//! Faults: calls of a test that fail on purpose.

pub use airtight_abi::faults::{Call, Failure};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// One failure of one call of a test: of its third write, for example.
///
/// Only calls of the test itself count, from the moment at which its harness hands over to it; of these, only calls on files,
/// directories, sockets and clocks, and not those on standard streams. A call that fails in this way does not reach the host.
///
/// ```
/// use airtight::policy::{Call, Failure, Fault};
///
/// let fault: Fault = "write:3=ENOSPC".parse()?;
/// assert_eq!(fault, Fault { call: Call::Write, nth: 3, failure: Failure::NoSpace });
/// assert_eq!(fault.to_string(), "write:3=ENOSPC");
/// # Ok::<(), airtight::policy::FaultError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// The kind of calls that are counted.
    pub call: Call,
    /// Which of these calls fails, counted from 1.
    pub nth: u32,
    /// How it fails.
    pub failure: Failure,
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}={}", self.call.word(), self.nth, self.failure.word())
    }
}

/// A text that is not a [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The text does not have the form `CALL:N=FAILURE`.
    #[error("write CALL:N=FAILURE, for example write:3=ENOSPC: the third write of the test finds no space")]
    Form,
    /// No call has this word.
    #[error("`{word}` is not a call that can fail; these are: {}", words(Call::ALL.map(Call::word)))]
    Call {
        /// The word.
        word: String,
    },
    /// The number of the call is not a number from 1 on.
    #[error("`{word}` is not a number of a call: the first one is 1")]
    Number {
        /// The text in place of the number.
        word: String,
    },
    /// A call of this kind cannot fail in this way.
    #[error("`{word}` is not how `{}` can fail; these are: {}", .call.word(), words(.call.failures().iter().map(|one| one.word())))]
    Failure {
        /// The call.
        call: Call,
        /// The word.
        word: String,
    },
}

fn words(all: impl IntoIterator<Item = &'static str>) -> String {
    all.into_iter().collect::<Vec<_>>().join(", ")
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (call, rest) = text.split_once(':').ok_or(FaultError::Form)?;
        let (nth, failure) = rest.split_once('=').ok_or(FaultError::Form)?;
        let unknown = || FaultError::Call { word: call.to_owned() };
        let call = Call::ALL.into_iter().find(|one| one.word() == call).ok_or_else(unknown)?;
        let number = nth.parse().ok().filter(|nth| *nth > 0);
        let nth = number.ok_or_else(|| FaultError::Number { word: nth.to_owned() })?;
        let unknown = || FaultError::Failure { call, word: failure.to_owned() };
        let failure = call.failures().iter().find(|one| one.word() == failure).ok_or_else(unknown)?;
        Ok(Self { call, nth, failure: *failure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_each_call_is_read_as_it_is_written() {
        for (index, call) in Call::ALL.into_iter().enumerate() {
            assert_eq!(call as usize, index, "{call:?} is not in its place in `ALL`");
            for failure in call.failures() {
                let fault = Fault { call, nth: 7, failure: *failure };
                assert_eq!(fault.to_string().parse(), Ok(fault));
            }
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_what_would_be_one() {
        let refused = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(refused("write").contains("CALL:N=FAILURE"));
        assert!(refused("write:3").contains("write:3=ENOSPC"));
        assert!(refused("scribble:3=EIO").contains("`scribble` is not a call that can fail; these are: open, read"));
        assert!(refused("write:0=EIO").contains("the first one is 1"));
        assert!(refused("write:-1=EIO").contains("`-1`"));
        assert_eq!(
            refused("write:1=ENOENT"),
            "`ENOENT` is not how `write` can fail; these are: ENOSPC, EIO, short, EINTR"
        );
    }
}
