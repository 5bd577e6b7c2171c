use super::kind::FileKind;
use super::node::{Body, Node, SCRATCH};
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::PATH_MAX;

/// A file that the test left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidueFile {
    /// Its path, relative to the root.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes, as in [`super::Stat::size`].
    pub size: u64,
}

/// Everything that has a name in the scratch file system. Files written to an overlay are not residue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Residue {
    /// In path order: by name in each directory, and what is below a directory right after it.
    pub files: Vec<ResidueFile>,
    /// How many more files there are, without directories, than are listed.
    pub omitted_files: u64,
    /// How many more directories there are than are listed.
    pub omitted_dirs: u64,
}

impl Scratch {
    /// What has this path, relative to the root, without following links.
    pub fn at(&self, path: &str) -> Option<NodeId> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        parts.try_fold(NodeId::ROOT, |dir, part| self.names_of(dir).find(|(name, _)| &**name == part).map(|(_, id)| id))
    }

    /// What is left: the first `max` names, of those whose path is short enough to be opened. The rest is counted.
    pub fn residue(&self, max: usize) -> Residue {
        if self.usage().entries == 0 {
            return Residue::default();
        }
        let is_found = |node: &Node| self.first_own.is_some_and(|first| node.ino < first);
        let mut omitted_own = (0, 0);
        let mut files = Vec::new();
        let mut path = String::new();
        // Kept on the heap, not by recursion: the guest chooses the depth.
        let mut open = vec![(self.names_of(NodeId::ROOT), 0)];
        while let Some((names, prefix)) = open.last_mut() {
            let prefix = *prefix;
            let Some((name, id)) = names.next().filter(|_| files.len() < max || self.first_own.is_some()) else {
                open.pop();
                continue;
            };
            path.truncate(prefix);
            path.push_str(name);
            let Ok(node) = self.node(id) else { continue };
            let is_listed = path.len() < PATH_MAX && files.len() < max;
            if is_found(node) {
                // A directory that was there before the test is not the test's own, but may hold files that are.
            } else if is_listed {
                files.push(ResidueFile { path: path.clone(), kind: node.kind(), size: node.size() });
            } else {
                *(if node.is_dir() { &mut omitted_own.1 } else { &mut omitted_own.0 }) += 1;
            }
            if path.len() >= PATH_MAX {
                continue;
            }
            if node.is_dir() {
                path.push('/');
                open.push((self.names_of(id), path.len()));
            }
        }
        if self.first_own.is_some() {
            return Residue { files, omitted_files: omitted_own.0, omitted_dirs: omitted_own.1 };
        }
        let nodes = self.nodes().filter(|node| node.tree == SCRATCH);
        let (mut names, mut dirs) = (0, 0);
        for node in nodes {
            if let Body::Dir(dir) = &node.body {
                names += dir.len();
                // A removed directory is still here while it is open.
                dirs += u64::from(node.nlink > 0 && node.ino != NodeId::ROOT.ino);
            }
        }
        let listed_dirs = files.iter().filter(|file| file.kind == FileKind::Dir).count() as u64;
        let (omitted, omitted_dirs) = (names - files.len() as u64, dirs - listed_dirs);
        Residue { omitted_files: omitted - omitted_dirs, omitted_dirs, files }
    }

    fn names_of(&self, dir: NodeId) -> impl Iterator<Item = (&str, NodeId)> {
        self.dir(dir).into_iter().flat_map(|dir| dir.by_name())
    }
}
