//! What a test asks of the host, so that it can be told later whether the host still gives the same answers.
//!
//! Of what is granted, a test sees names, kinds, sizes and contents, and what a directory lists; never times, inode numbers or owners. So
//! what it asked for is a set of paths, and what is there is a state of each: see [`state_of`].
//!
//! ```text
//! asked    the paths that calls are given
//! state    what is there
//! ```

mod asked;
mod state;

pub use asked::{AskedPath, HostReads};
pub use state::state_of;
