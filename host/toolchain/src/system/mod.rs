//! The machine that guests are built on: its variables, its programs, airtight's cache. Everything that asks the machine for
//! something asks here, so that a machine made up of a temporary directory and canned answers serves the tests.

pub(crate) mod cache_dir;
pub(crate) mod command;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod files;
pub(crate) mod lock;
pub(crate) mod machine;
