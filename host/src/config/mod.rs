//! `airtight.toml`: raw settings, checked with file, line and key, to a resolved profile.
//!
//! ```text
//! text -> check (TOML with places) -> raw (each value) -> resolve (inheritance, names) -> Config -> Profile
//! Profile + a test's name and attributes -> Policy
//! ```
//!
//! What counts where the same thing is set in several places, the strongest first: command line, environment, the first
//! matching override that sets it, the profile, the profiles it inherits from, the defaults. A test's own attributes may
//! lower what results, never raise it.

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
pub use trust::{Address, Allowance, Trust, TrustError, TrustList, TrustedWorkspace, Untrusted};

/// The JSON Schema of `airtight.toml`, for editors. What one value has to do with another is not in it: [`Config::load`] sees that.
pub const SCHEMA: &str = include_str!("../../schemas/config.schema.json");
