//! How tests are held by modules: a file a harness.

pub(crate) mod libtest;
pub(crate) mod rust;
