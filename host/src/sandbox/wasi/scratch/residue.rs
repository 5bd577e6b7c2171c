use super::node::{Body, FileKind, NodeId, SCRATCH};
use super::store::Scratch;
use crate::sandbox::wasi::resolve::PATH_MAX;

/// A file that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidueFile {
    /// Its path, relative to the root.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes, as in [`super::Stat::size`].
    pub size: u64,
}

/// Everything that has a name in the scratch file system; what is written to an overlay is not residue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Residue {
    /// In path order: by name in each directory, and what is below a directory right after it.
    pub files: Vec<ResidueFile>,
    /// How many more there are than could be listed.
    pub omitted: u64,
}

impl Scratch {
    /// What is left: the first `max` names, of those whose path is short enough to be opened. The rest is counted.
    pub fn residue(&self, max: usize) -> Residue {
        if self.usage().entries == 0 {
            return Residue::default();
        }
        let mut files = Vec::new();
        let mut path = String::new();
        // On the heap, not by recursion: the guest chooses the depth.
        let mut open = vec![(self.names_of(NodeId::ROOT), 0)];
        while let Some((names, prefix)) = open.last_mut() {
            let prefix = *prefix;
            let Some((name, id)) = names.next().filter(|_| files.len() < max) else {
                open.pop();
                continue;
            };
            path.truncate(prefix);
            path.push_str(name);
            let Ok(node) = self.node(id) else { continue };
            if path.len() >= PATH_MAX {
                continue;
            }
            files.push(ResidueFile { path: path.clone(), kind: node.kind(), size: node.size() });
            if node.is_dir() {
                path.push('/');
                open.push((self.names_of(id), path.len()));
            }
        }
        let nodes = self.nodes().filter(|node| node.tree == SCRATCH);
        let names: u64 = nodes.map(|node| if let Body::Dir(dir) = &node.body { dir.len() } else { 0 }).sum();
        Residue { omitted: names - files.len() as u64, files }
    }

    fn names_of(&self, dir: NodeId) -> impl Iterator<Item = (&str, NodeId)> {
        self.dir(dir).into_iter().flat_map(|dir| dir.by_name())
    }
}
