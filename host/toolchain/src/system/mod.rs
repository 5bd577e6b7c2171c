//! The machine on which guests are built: its variables, its programs, airtight's cache. All questions to the machine are
//! asked here, so that tests can use a fake one: a temporary directory and canned answers.

pub(crate) mod cache_dir;
pub(crate) mod command;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod files;
pub(crate) mod lock;
pub(crate) mod machine;
