//! What can be wrong with a configuration, in words for the person who wrote it.

use super::suggest::listed;
use crate::model::ValueError;
use crate::model::safe_text::OneLine;
use crate::model::units::{Quantity, UnitError, format_size};
use std::fmt;
use std::path::PathBuf;

/// One thing in a configuration to put right: where it is, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, as the user would name it; `environment` for environment variables.
    pub file: String,
    /// Line in the file, from 1; `None` if the error is about the whole file.
    pub line: Option<usize>,
    /// The setting with its tables, such as `profile.default.memory`; empty if the error is not about a setting.
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

/// Everything that is wrong, in the order of the file. It is displayed with one error to a line.
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
    /// The text is not TOML.
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
    /// The value is not a size, an amount of fuel, a count or a duration.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The value is not a whole number in the range.
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
        /// Whether it is above the range, and not below.
        above: bool,
        /// Why the range ends there, with the bound.
        reason: &'static str,
    },
    /// The value is not one of the words that the setting can have.
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
    /// A setting is missing that its table needs.
    #[error("{0} missing")]
    Missing(&'static str),
    /// Two settings exclude each other.
    #[error("{0}")]
    Contradiction(String),
    /// A name or a guest path is used twice in one profile.
    #[error("{what} `{value}` is used twice; first in line {first}")]
    Duplicate {
        /// What must be unique.
        what: &'static str,
        /// What was written.
        value: String,
        /// Line of the first use.
        first: usize,
    },
    /// The text breaks a rule for such texts: for names, variables, arguments, days.
    #[error("{text:?} cannot be {what}; {rule}")]
    Text {
        /// What was written.
        text: String,
        /// What it was for, with its article.
        what: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The guest path is not absolute, is not in its shortest form, or is taken.
    #[error("guest path {path:?} {fault}{}", .fix.as_ref().map(|fix| format!("; write {fix:?}")).unwrap_or_default())]
    GuestPath {
        /// What was written.
        path: String,
        /// The rule it breaks.
        fault: &'static str,
        /// The right spelling, where there is one.
        fix: Option<String>,
    },
    /// The directory of the host does not exist.
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
    /// The path of the host cannot be granted.
    #[error("`{host}` {fault}")]
    HostPath {
        /// What was written.
        host: String,
        /// Why not.
        fault: String,
    },
    /// The text is not a socket address, or not one that may be used here.
    #[error("{text:?} {fault}; write for example {example:?}")]
    Address {
        /// What was written.
        text: String,
        /// The rule it breaks.
        fault: &'static str,
        /// A right address.
        example: String,
    },
    /// There is no profile, grant or socket of this name.
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
        /// The names that there are.
        known: Vec<String>,
    },
    /// The chain of profiles that inherit from each other is too long.
    #[error("this is more than {0} profiles deep; let it inherit from a nearer one")]
    Deep(usize),
    /// There are more errors than are listed.
    #[error("there is more to put right: at least {0} errors are not listed")]
    More(usize),
    /// Profiles inherit from each other in a circle.
    #[error("profiles inherit in a circle: {}", .0.join(" -> "))]
    Circle(Vec<String>),
}

impl From<ValueError> for Problem {
    fn from(error: ValueError) -> Self {
        let (limit, value, above) = match error {
            ValueError::Unit(error) => return error.into(),
            ValueError::TooLittle { limit, value } => (limit, value, false),
            ValueError::TooMuch { limit, value } => (limit, value, true),
            // A rule in the table of limits for which there are no words here yet.
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

/// Words that suggest the nearest name, or else list all names.
pub(super) fn did_you_mean<S: AsRef<str>>(nearest: Option<&str>, known: &[S]) -> String {
    match (nearest, known) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => "there are none".to_owned(),
        (None, [only]) => format!("there is only `{}`", only.as_ref()),
        (None, _) => format!("there are {}", listed(known)),
    }
}

/// The profile that was asked for does not exist.
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
    /// The names of the profiles that there are.
    pub known: Vec<String>,
}
