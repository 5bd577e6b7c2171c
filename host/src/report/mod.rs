//! The writers of a report, a file each, and comparison of reports. Writers return bytes.

pub mod compare;
pub mod console;
pub mod diff;
pub mod files;
pub mod json;
pub mod pprof;
pub mod verification;
