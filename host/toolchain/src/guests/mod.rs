//! Builds test binaries with cargo, the same in every folder, and explains what did not build.

pub(crate) mod build;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod failures;
pub(crate) mod messages;
pub(crate) mod package;
pub(crate) mod portable;
pub(crate) mod request;
pub(crate) mod selection;
