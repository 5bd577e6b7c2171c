//! A file system in the model: a tree of names without links, times or contents. Only the sizes of files are known.

use std::collections::BTreeMap;

/// Errnos by their WASI numbers.
pub mod errno {
    pub const BADF: u32 = 8;
    pub const EXIST: u32 = 20;
    pub const INVAL: u32 = 28;
    pub const ISDIR: u32 = 31;
    pub const MFILE: u32 = 33;
    pub const NOENT: u32 = 44;
    pub const NOTDIR: u32 = 54;
    pub const NOTEMPTY: u32 = 55;
    pub const NOTSOCK: u32 = 57;
    pub const PERM: u32 = 63;
    pub const SPIPE: u32 = 70;
    pub const XDEV: u32 = 75;
    pub const NOTCAPABLE: u32 = 76;
}
use errno::{EXIST, INVAL, ISDIR, NOENT, NOTDIR, NOTEMPTY, PERM};

pub type Node = usize;

#[derive(Debug)]
enum Body {
    File { size: u64 },
    Dir { names: BTreeMap<String, Node>, parent: Node, removed: bool },
}

/// All nodes ever made; the first is the root.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Body>,
}

/// How a path is opened.
#[derive(Debug, Clone, Copy)]
pub struct How {
    pub create: bool,
    pub directory: bool,
    pub exclusive: bool,
    pub truncate: bool,
    pub write: bool,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![dir(0)] }
    }
}

impl Tree {
    /// With files, each in a directory of its own or in the root.
    pub fn holding(files: &[(&str, u64)]) -> Self {
        let mut tree = Self::default();
        let how = How { create: true, directory: false, exclusive: false, truncate: false, write: true };
        for (path, size) in files {
            if let Some((dir, _)) = path.split_once('/') {
                tree.create_dir(0, dir).unwrap();
            }
            let node = tree.open(0, path, how).unwrap();
            tree.set_size(node, *size);
        }
        tree
    }

    pub fn is_dir(&self, node: Node) -> bool {
        matches!(self.nodes[node], Body::Dir { .. })
    }

    pub fn size(&self, node: Node) -> u64 {
        match self.nodes[node] {
            Body::File { size } => size,
            Body::Dir { .. } => 0,
        }
    }

    pub fn set_size(&mut self, node: Node, size: u64) {
        self.nodes[node] = Body::File { size };
    }

    /// The lengths of a directory's names.
    pub fn names(&self, node: Node) -> Vec<usize> {
        match &self.nodes[node] {
            Body::Dir { names, .. } => names.keys().map(String::len).collect(),
            Body::File { .. } => Vec::new(),
        }
    }

    /// The directory that the last part of a path is in, and that part: `None` where the path leads to a directory itself.
    fn walk<'p>(&self, base: Node, path: &'p str) -> Result<(Node, Option<&'p str>), u32> {
        if path.starts_with('/') {
            return Err(PERM);
        }
        let parts: Vec<&str> = path.split('/').collect();
        let (mut at, mut depth) = (base, 0);
        for (nth, part) in parts.iter().enumerate() {
            match *part {
                "." => {}
                ".." if depth == 0 => return Err(PERM),
                ".." => {
                    let Body::Dir { parent, .. } = self.nodes[at] else { return Err(NOTDIR) };
                    (at, depth) = (parent, depth - 1);
                }
                name if nth == parts.len() - 1 => return Ok((at, Some(name))),
                name => {
                    at = self.child(at, name)?.ok_or(NOENT)?;
                    depth += 1;
                    if !self.is_dir(at) {
                        return Err(NOTDIR);
                    }
                }
            }
        }
        Ok((at, None))
    }

    fn child(&self, dir: Node, name: &str) -> Result<Option<Node>, u32> {
        match &self.nodes[dir] {
            Body::Dir { names, .. } => Ok(names.get(name).copied()),
            Body::File { .. } => Err(NOTDIR),
        }
    }

    fn link(&mut self, into: Node, name: &str, node: Node) {
        if let Body::Dir { names, .. } = &mut self.nodes[into] {
            names.insert(name.to_owned(), node);
        }
        if let Body::Dir { parent, .. } = &mut self.nodes[node] {
            *parent = into;
        }
    }

    fn make(&mut self, into: Node, name: &str, body: Body) -> Result<Node, u32> {
        if matches!(self.nodes[into], Body::Dir { removed: true, .. }) {
            return Err(NOENT);
        }
        self.nodes.push(body);
        let node = self.nodes.len() - 1;
        self.link(into, name, node);
        Ok(node)
    }

    fn drop_name(&mut self, from: Node, name: &str) {
        if let Body::Dir { names, .. } = &mut self.nodes[from] {
            names.remove(name);
        }
    }

    fn empty(&self, node: Node) -> bool {
        matches!(&self.nodes[node], Body::Dir { names, .. } if names.is_empty())
    }

    pub fn open(&mut self, base: Node, path: &str, how: How) -> Result<Node, u32> {
        if how.directory && (how.create || how.exclusive || how.truncate) {
            return Err(INVAL);
        }
        let (dir, last) = self.walk(base, path)?;
        let found = match last {
            None => Some(dir),
            Some(name) => self.child(dir, name)?,
        };
        match (found, last) {
            (Some(_), _) if how.create && how.exclusive => Err(EXIST),
            (Some(node), _) if self.is_dir(node) => {
                if how.create || how.write || how.truncate {
                    Err(ISDIR)
                } else {
                    Ok(node)
                }
            }
            (Some(_), _) if how.directory => Err(NOTDIR),
            (Some(node), _) => {
                if how.truncate {
                    self.set_size(node, 0);
                }
                Ok(node)
            }
            (None, Some(name)) if how.create => self.make(dir, name, Body::File { size: 0 }),
            (None, _) => Err(NOENT),
        }
    }

    pub fn create_dir(&mut self, base: Node, path: &str) -> Result<(), u32> {
        let (at, name) = self.named(base, path)?;
        match self.child(at, name)? {
            Some(_) => Err(EXIST),
            None => self.make(at, name, dir(at)).map(drop),
        }
    }

    pub fn remove_dir(&mut self, base: Node, path: &str) -> Result<(), u32> {
        let (at, name) = self.named(base, path)?;
        let node = self.child(at, name)?.ok_or(NOENT)?;
        if !self.is_dir(node) {
            return Err(NOTDIR);
        }
        if !self.empty(node) {
            return Err(NOTEMPTY);
        }
        self.remove(at, name, node);
        Ok(())
    }

    fn remove(&mut self, at: Node, name: &str, node: Node) {
        self.drop_name(at, name);
        if let Body::Dir { removed, .. } = &mut self.nodes[node] {
            *removed = true;
        }
    }

    pub fn unlink(&mut self, base: Node, path: &str) -> Result<(), u32> {
        let (at, name) = self.named(base, path)?;
        let node = self.child(at, name)?.ok_or(NOENT)?;
        if self.is_dir(node) {
            return Err(ISDIR);
        }
        self.drop_name(at, name);
        Ok(())
    }

    pub fn rename(&mut self, from: (Node, &str), to: (Node, &str)) -> Result<(), u32> {
        let (from_dir, from_name) = self.named(from.0, from.1)?;
        let (to_dir, to_name) = self.named(to.0, to.1)?;
        let moved = self.child(from_dir, from_name)?.ok_or(NOENT)?;
        let replaced = self.child(to_dir, to_name)?;
        if self.is_dir(moved) && self.within(to_dir, moved) {
            return Err(INVAL);
        }
        if matches!(self.nodes[to_dir], Body::Dir { removed: true, .. }) {
            return Err(NOENT);
        }
        match replaced {
            Some(same) if same == moved => return Ok(()),
            Some(other) if self.is_dir(other) && self.within(from_dir, other) => return Err(NOTEMPTY),
            Some(other) => match (self.is_dir(moved), self.is_dir(other)) {
                (true, false) => return Err(NOTDIR),
                (false, true) => return Err(ISDIR),
                (true, true) if !self.empty(other) => return Err(NOTEMPTY),
                _ => self.remove(to_dir, to_name, other),
            },
            None => {}
        }
        self.drop_name(from_dir, from_name);
        self.link(to_dir, to_name, moved);
        Ok(())
    }

    /// Whether a directory is another one or below it.
    fn within(&self, mut node: Node, above: Node) -> bool {
        loop {
            match self.nodes[node] {
                _ if node == above => return true,
                Body::Dir { parent, .. } if parent != node => node = parent,
                _ => return false,
            }
        }
    }

    /// Whether there is a directory for what a path names.
    pub fn find(&self, base: Node, path: &str) -> Result<(), u32> {
        self.named(base, path).map(drop)
    }

    fn named<'p>(&self, base: Node, path: &'p str) -> Result<(Node, &'p str), u32> {
        let (dir, last) = self.walk(base, path)?;
        // The pool of paths that are made, moved and removed has none that ends in dots.
        Ok((dir, last.ok_or(INVAL)?))
    }
}

fn dir(parent: Node) -> Body {
    Body::Dir { names: BTreeMap::new(), parent, removed: false }
}
