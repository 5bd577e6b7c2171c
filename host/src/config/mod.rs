//! From `airtight.toml` to a resolved profile. Errors name file, line and key.
//!
//! ```text
//! text -> check (TOML with places) -> raw (each value by itself) -> resolve (inheritance, names) -> Config -> Profile
//! Profile + a test's name and attributes -> Policy
//! ```
//!
//! If something is set in several places, the first of these decides: the command line, the environment, the first matching
//! override that sets it, the profile, the profiles it inherits from, the defaults. A test's own attributes may lower the
//! limits that result, and never raise them.

mod ask;
mod baseline;
mod check;
mod clock;
mod errors;
mod gate;
mod grants;
mod load;
mod overlay;
mod profile;
mod raw;
mod resolve;
mod settings;
mod suggest;
#[cfg(test)]
mod tests;
mod trust;

pub use ask::{Ask, AskError, Refusal};
pub use baseline::{Baseline, BaselineUpdate, NewGrounds, suppression_text};
pub use errors::{ConfigError, ConfigErrors, Problem, UnknownProfile};
pub use gate::Gate;
pub use grants::dir_from_option;
pub use load::{Config, FILE_NAME};
pub use overlay::{Overlays, from_environment};
pub use profile::{Override, Profile, Requestable};
pub use trust::{Address, Allowance, Trust, TrustError, TrustList, TrustedWorkspace, UntrustedGrants};

/// The JSON Schema of `airtight.toml`, for editors. It describes each value by itself; only [`Config::load`] checks how values
/// depend on each other.
pub const SCHEMA: &str = include_str!("../../schemas/config.schema.json");
