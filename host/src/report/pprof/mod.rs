//! Where heap blocks were allocated, as a gzipped pprof profile: what `go tool pprof` and compatible tools read.
//!
//! The four values of a sample are those of Go's heap profiles, so that every view made for those works here. They are
//! exact, not sampled. The labels `module` and `test` say which test a sample belongs to (`-tagfocus`, `-tags`). The same
//! profile gives the same bytes: nothing in the file depends on the time, the machine or the order in which the sites were
//! found.

mod build;
mod schema;
#[cfg(test)]
mod tests;

use crate::model::Report;
use flate2::{Compression, GzBuilder};
use prost::Message;
use std::io::Write;

/// The file's operating system, as gzip numbers it (RFC 1952): unknown, so that every machine writes the same.
const UNKNOWN_SYSTEM: u8 = 255;

/// The profile of a report's run; without samples if no profile was made. Tests whose profile is missing or not whole are
/// named in comments, with the reason. `go tool pprof -comments` prints the comments, and other views show them at the top.
pub fn write(report: &Report) -> Vec<u8> {
    let profile = build::profile(report);
    let file = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM);
    let mut file = file.write(Vec::new(), Compression::default());
    file.write_all(&profile.encode_to_vec()).and_then(|()| file.finish()).expect("a vector takes everything")
}
