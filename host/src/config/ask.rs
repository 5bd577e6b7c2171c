//! The ask of a test: what its own attributes request, and why the request may be refused.

use super::errors::did_you_mean;
use crate::model::{Limit, LimitValues};

/// What a test's own attributes ask for: lower limits, and grants that the profile already names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Limits. Each may be at most the one that the test would run under anyway.
    pub limits: LimitValues,
    /// Names of granted directories and sockets.
    pub grants: Vec<String>,
}

/// A test asks for something that it may not have. The test is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("test `{test}` of `{module}` asks for {refusal}")]
pub struct AskError {
    /// The module's name.
    pub module: String,
    /// The test's name.
    pub test: String,
    /// What it asked for, and why it cannot have it.
    pub refusal: Box<Refusal>,
}

/// Why a test cannot have what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A limit above the one that the test would run under anyway.
    #[error("{} {asked}, above the {allowed} that {allowed_by} allows; a test may only lower a limit", .limit.name())]
    Above {
        /// The limit.
        limit: Limit,
        /// What the test asks for.
        asked: String,
        /// The limit that it would run under.
        allowed: String,
        /// What set that limit: a profile, an override, the environment or the command line.
        allowed_by: String,
    },
    /// A grant that the profile does not name.
    #[error(
        "the grant `{grant}`, which profile `{profile}` does not name; {}",
        did_you_mean(nearest.as_deref(), known)
    )]
    UnknownGrant {
        /// What the test asks for.
        grant: String,
        /// The profile's name.
        profile: String,
        /// The grant with the nearest name.
        nearest: Option<String>,
        /// The names of the profile's grants.
        known: Vec<String>,
    },
}
