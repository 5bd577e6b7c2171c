//! What a policy grants of the host: its directories, files and sockets, and the count of host descriptors open for a test.

mod count;
mod dir;
mod file;
mod identity;
pub mod socket;
pub mod special;
#[cfg(test)]
mod tests;
mod times;
mod tree;
mod turn;

pub use count::{DescriptorToken, HostCount};
pub use dir::HostDir;
pub use identity::HostFiles;
pub use turn::ListenTurn;
