//! Recounts everything that the file system counts as it goes.

use super::*;
use crate::sandbox::wasi::scratch::node::{Body, Node};
use std::collections::BTreeMap;

/// Panics if the books do not balance: quota, link counts, parents and the two orders of each directory.
pub fn audit(fs: &Scratch) {
    let mut names: BTreeMap<u64, u64> = BTreeMap::new();
    let mut subdirs: BTreeMap<u64, u64> = BTreeMap::new();
    let mut used = QuotaUsage::default();
    for node in fs.nodes() {
        used.bytes += node.charged();
        let Body::Dir(dir) = &node.body else { continue };
        let mut listed: Vec<_> = dir.by_position().collect();
        listed.sort_unstable();
        // A name that was met below, in a directory that was not listed yet, has no position so far.
        let placed = dir.by_name().filter(|(name, _)| dir.entry(name).unwrap().position.is_some());
        assert_eq!(listed, placed.collect::<Vec<_>>());
        assert!(dir.unread().is_some() || listed.len() as u64 == dir.len());
        for (name, id) in dir.by_name() {
            let paid = dir.entry(name).unwrap().paid;
            used.bytes += if paid { name.len() as u64 } else { 0 };
            used.entries += u64::from(paid);
            *names.entry(id.ino()).or_default() += 1;
            let child = fs.node(id).unwrap();
            assert_eq!(child.tree, node.tree);
            if let Body::Dir(below) = &child.body {
                *subdirs.entry(node.ino).or_default() += 1;
                assert_eq!(below.parent.ino(), node.ino);
            }
        }
    }
    for node in fs.nodes() {
        let names = names.get(&node.ino).copied().unwrap_or_default();
        let subdirs = subdirs.get(&node.ino).copied().unwrap_or_default();
        check_links(node, names, subdirs);
        assert!(!node.holds_entry || names == 0 && node.handles > 0, "{node:?}");
        used.entries += u64::from(node.holds_entry);
    }
    assert_eq!(fs.usage(), used);
}

fn check_links(node: &Node, names: u64, subdirs: u64) {
    let root = matches!(&node.body, Body::Dir(dir) if dir.parent.ino() == node.ino);
    let links = match (&node.body, names) {
        (Body::Dir(_), 0) if !root => 0,
        (Body::Dir(_), _) => 2 + subdirs,
        (_, names) => names,
    };
    assert_eq!(node.nlink, links, "{node:?}");
    assert!(root || node.nlink > 0 || node.handles > 0, "neither named nor open: {node:?}");
    assert!(!node.is_dir() || names <= 1, "a directory with two names: {node:?}");
}
