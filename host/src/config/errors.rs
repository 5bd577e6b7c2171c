//! What can be wrong with a configuration, in words for the person who wrote it.

use super::suggest::listed;
use crate::model::ValueError;
use crate::model::safe_text::OneLine;
use crate::model::units::{Quantity, UnitError, format_size};
use std::fmt;
use std::path::PathBuf;

/// One thing to put right: where it is, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, as the user would name it; `environment` for environment variables.
    pub file: String,
    /// Line in the file, from 1; none where the whole file is meant.
    pub line: Option<usize>,
    /// The setting with its tables, such as `profile.default.memory`; empty where there is none.
    pub key: String,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", OneLine(&self.file))?;
        if let Some(line) = self.line {
            write!(to, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(to, ": {}", OneLine(&self.key))?;
        }
        write!(to, ": {}", OneLine(&self.problem.to_string()))
    }
}

/// Everything that is wrong, in the order of the file. Displayed one to a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, error) in self.0.iter().enumerate() {
            if nth > 0 {
                to.write_str("\n")?;
            }
            error.fmt(to)?;
        }
        Ok(())
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// What is wrong with a setting or a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Two files claim to be the configuration.
    #[error("there is also {}; keep one of them", .0.display())]
    TwoFiles(PathBuf),
    /// It is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// No setting has this name.
    #[error("`{key}` is not a setting; {}", did_you_mean(nearest.as_deref(), known))]
    UnknownKey {
        /// What was written.
        key: String,
        /// The nearest setting.
        nearest: Option<String>,
        /// The settings there are.
        known: Vec<&'static str>,
    },
    /// The setting exists, but not here.
    #[error("`{key}` is not a setting of this table; {home}")]
    Misplaced {
        /// What was written.
        key: String,
        /// Where it belongs.
        home: String,
    },
    /// The value has another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What was expected.
        expected: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// The value is no size, fuel, count or duration.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The value is no whole number in the range.
    #[error("{text} is not a whole number from {least} to {most}")]
    Number {
        /// What was written.
        text: String,
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// The limit is outside its range.
    #[error("{text} is {}; {reason}", if *above { "too much" } else { "too little" })]
    Range {
        /// What was written.
        text: String,
        /// Whether it is above the range or below.
        above: bool,
        /// Why there is such a bound, with its value.
        reason: &'static str,
    },
    /// The value is none of those there are.
    #[error("{text:?} is not {what}; {}", did_you_mean(nearest.as_deref(), known))]
    Choice {
        /// What was written.
        text: String,
        /// What was expected, with its article.
        what: &'static str,
        /// The nearest choice.
        nearest: Option<String>,
        /// The choices there are.
        known: Vec<&'static str>,
    },
    /// A setting that its table needs is not there.
    #[error("{0} missing")]
    Missing(&'static str),
    /// Settings that exclude each other.
    #[error("{0}")]
    Contradiction(String),
    /// Something was named twice in one profile.
    #[error("{what} `{value}` is used twice; first in line {first}")]
    Duplicate {
        /// What must be unique.
        what: &'static str,
        /// What was written.
        value: String,
        /// Line of the first use.
        first: usize,
    },
    /// Text that cannot be a name, a variable or an argument.
    #[error("{text:?} cannot be {what}; {rule}")]
    Text {
        /// What was written.
        text: String,
        /// What it was for, with its article.
        what: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A guest path that is not absolute and normalised, or is taken.
    #[error("guest path {path:?} {fault}{}", .fix.as_ref().map(|fix| format!("; write {fix:?}")).unwrap_or_default())]
    GuestPath {
        /// What was written.
        path: String,
        /// The rule it breaks.
        fault: &'static str,
        /// The right spelling, where there is one.
        fix: Option<String>,
    },
    /// A host directory that is not there.
    #[error(
        "directory `{host}` does not exist (looked in {}){}",
        .base.display(),
        .nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
    )]
    NoDirectory {
        /// What was written.
        host: String,
        /// The directory that relative paths start from.
        base: PathBuf,
        /// The nearest directory beside it.
        nearest: Option<String>,
    },
    /// A host path that cannot be granted.
    #[error("`{host}` {fault}")]
    HostPath {
        /// What was written.
        host: String,
        /// Why not.
        fault: String,
    },
    /// Text that is no socket address, or not one that may be used here.
    #[error("{text:?} {fault}; write for example {example:?}")]
    Address {
        /// What was written.
        text: String,
        /// The rule it breaks.
        fault: &'static str,
        /// A right one.
        example: String,
    },
    /// A profile, grant or socket that is not there.
    #[error("there is no {what} `{name}` {place}; {}", did_you_mean(nearest.as_deref(), known))]
    Unresolved {
        /// What was looked for.
        what: &'static str,
        /// What was written.
        name: String,
        /// Where it was looked for.
        place: String,
        /// The nearest one.
        nearest: Option<String>,
        /// Those there are.
        known: Vec<String>,
    },
    /// A profile that inherits from one that inherits, and so on.
    #[error("this is more than {0} profiles deep; let it inherit from a nearer one")]
    Deep(usize),
    /// More is wrong than is told.
    #[error("there is more to put right: at least {0} errors are not listed")]
    More(usize),
    /// Profiles that inherit from each other in a circle.
    #[error("profiles inherit in a circle: {}", .0.join(" -> "))]
    Circle(Vec<String>),
}

impl From<ValueError> for Problem {
    fn from(error: ValueError) -> Self {
        let (limit, value, above) = match error {
            ValueError::Unit(error) => return error.into(),
            ValueError::TooLittle { limit, value } => (limit, value, false),
            ValueError::TooMuch { limit, value } => (limit, value, true),
            // A rule that the table of limits has and that has no words here.
            other => return Self::Contradiction(other.to_string()),
        };
        let row = limit.row();
        match (row.quantity, above) {
            (Quantity::Size, true) => Self::Range { text: format_size(value), above, reason: row.most_because },
            (Quantity::Size | Quantity::Fuel | Quantity::Duration, false) => {
                Self::Range { text: value.to_string(), above, reason: "no test can run with it" }
            }
            (Quantity::Count, _) | (Quantity::Fuel | Quantity::Duration, true) => {
                Self::Number { text: value.to_string(), least: row.least, most: row.most }
            }
        }
    }
}

/// The nearest name, or else all of them.
pub(super) fn did_you_mean<S: AsRef<str>>(nearest: Option<&str>, known: &[S]) -> String {
    match (nearest, known) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => "there are none".to_owned(),
        (None, [only]) => format!("there is only `{}`", only.as_ref()),
        (None, _) => format!("there are {}", listed(known)),
    }
}

/// A profile was asked for that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no profile `{name}` {}; {}",
    .file.as_ref().map_or("because there is no airtight.toml".to_owned(), |file| format!("in {}", file.display())),
    did_you_mean(nearest.as_deref(), known)
)]
pub struct UnknownProfile {
    /// What was asked for.
    pub name: String,
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// The nearest profile.
    pub nearest: Option<String>,
    /// Those there are.
    pub known: Vec<String>,
}
