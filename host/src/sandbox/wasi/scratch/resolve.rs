use super::node::Body;
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::{self, FoundName, FsError, ParentAndName, PathTarget, Result, Tree, What};

impl Tree for Scratch {
    type Dir = NodeId;
    type Node = NodeId;
    type Mark = NodeId;
    type Error = FsError;

    fn find(&mut self, dir: &NodeId, name: &str) -> Result<Option<FoundName<NodeId>>> {
        let Some(node) = self.child(*dir, name)? else {
            return Ok(None);
        };
        Ok(Some(FoundName { node, what: self.what(node)? }))
    }

    fn enter(&mut self, found: &NodeId) -> Result<NodeId> {
        self.dir(*found).map(|_| *found)
    }

    fn mark(&mut self, dir: &NodeId) -> Result<NodeId> {
        Ok(*dir)
    }

    fn leave(&mut self, _: &NodeId, above: NodeId) -> Result<NodeId> {
        Ok(above)
    }

    fn count_step(&mut self) {
        self.work.steps += 1;
    }
}

impl Scratch {
    /// Resolves a path relative to the directory `base`. A final symbolic link is followed if `follow` is set or a slash
    /// follows it. The result is not retained.
    ///
    /// # Errors
    /// `Badf`, `Inval`, `Loop`, `Nametoolong`, `Noent`, `NotCapable`, `Notdir`; below an overlay also `Acces`, `Ilseq`, `Io` and
    /// `Nfile`.
    pub fn lookup(&mut self, base: NodeId, path: &str, follow: bool) -> Result<NodeId> {
        self.dir(base)?;
        Ok(match resolve::lookup(self, &base, path, follow)? {
            PathTarget::Dir(node) | PathTarget::Named(FoundName { node, .. }) => node,
        })
    }

    /// Resolves all but the final component, for calls that make, move or remove a name and never follow it.
    pub(super) fn place<'p>(&mut self, base: NodeId, path: &'p str) -> Result<ParentAndName<NodeId, &'p str>> {
        self.dir(base)?;
        resolve::place(self, &base, path)
    }

    /// The kind of a file, for path resolution.
    pub(super) fn what(&self, node: NodeId) -> Result<What> {
        Ok(match &self.node(node)?.body {
            Body::Dir(_) => What::Dir,
            Body::Symlink { target, .. } => What::Link(target.clone()),
            Body::File(_) | Body::FileBelow(_) | Body::Special(_) => What::Other,
        })
    }
}
