//! What a test asks of the host. With it, airtight can tell later whether the host still gives the same answers.
//!
//! Of what is granted, a test sees names, kinds, sizes, contents and listings of directories; never times, inode numbers or
//! owners. So what it asked for is a set of paths, and each path has a state: see [`state_of`].
//!
//! ```text
//! asked    the paths that calls name
//! state    what is at a path
//! ```

mod asked;
mod state;

pub use asked::{AskedPath, HostReads};
pub use state::state_of;
