pub mod audit;
mod dirs;
mod files;
mod hostile;
mod listing;
#[cfg(target_os = "linux")]
mod overlays;
mod paths;
mod quotas;
mod renames;

use super::quota::QuotaUsage;
use super::residue::{Residue, ResidueFile};
use super::*;
use crate::sandbox::wasi::resolve::{FsError, NAME_MAX, PATH_MAX, Result};

const READ: OpenFlags =
    OpenFlags { follow: true, create: false, exclusive: false, truncate: false, directory: false, write: false };
const CREATE: OpenFlags = OpenFlags { create: true, write: true, ..READ };

/// A file system with room for everything the tests do.
fn scratch() -> Scratch {
    Scratch::new(1 << 20, 10_000, 1)
}

/// Makes or replaces a file, and closes it.
fn file(fs: &mut Scratch, path: &str, bytes: &[u8]) -> NodeId {
    let node = open(fs, path, OpenFlags { truncate: true, ..CREATE }).unwrap();
    assert_eq!(fs.write_at(node, 0, bytes, 2), Ok(bytes.len()));
    fs.release(node).unwrap();
    node
}

fn open(fs: &mut Scratch, path: &str, how: OpenFlags) -> Result<NodeId> {
    let root = fs.root();
    fs.open(root, path, how, 2).map(|opened| opened.node)
}

fn dir(fs: &mut Scratch, path: &str) -> NodeId {
    fs.create_dir(fs.root(), path, 2).unwrap()
}

fn symlink(fs: &mut Scratch, target: &str, path: &str) {
    fs.symlink(target, fs.root(), path, 2).unwrap();
}

fn rename(fs: &mut Scratch, from: &str, to: &str) -> Result<()> {
    let root = fs.root();
    fs.rename(root, from, root, to, 3)
}

fn lookup(fs: &mut Scratch, path: &str) -> Result<NodeId> {
    fs.lookup(fs.root(), path, true)
}

fn content(fs: &Scratch, node: NodeId) -> Vec<u8> {
    let mut bytes = vec![0xAA; fs.stat(node).unwrap().size as usize];
    assert_eq!(fs.read_at(node, 0, &mut bytes), Ok(bytes.len()));
    bytes
}

/// The paths of all files left.
fn tree(fs: &Scratch) -> Vec<String> {
    let residue = fs.residue(usize::MAX);
    assert_eq!((residue.omitted_files, residue.omitted_dirs), (0, 0));
    residue.files.into_iter().map(|file| file.path).collect()
}
