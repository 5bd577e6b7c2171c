use super::contents::{BLOCK, Contents};
use super::directory::Directory;
use super::lower::{FoundBelow, Lower, OpenFile, Overlay, View};
use super::node::{Body, FileBelow, Node, Tree};
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::host::HostCount;
use crate::sandbox::wasi::resolve::NAME_MAX;
use crate::sandbox::wasi::resolve::{FsError, Result};
use std::sync::Arc;

impl Scratch {
    /// The root of the overlay over `lower`, which is made at the first request. It cannot be removed, and need not be
    /// retained. Host descriptors are counted in `host`.
    pub fn overlay(&mut self, lower: &Lower, host: &mut HostCount) -> NodeId {
        if let Some(overlay) = self.overlays.iter().find(|overlay| overlay.view.is_of(lower)) {
            return overlay.root;
        }
        // Tree 0 is the scratch file system.
        let tree = Tree::try_from(self.overlays.len() + 1).unwrap_or(Tree::MAX);
        let root = self.next_id();
        self.insert(Node::new(root.ino, tree, Body::Dir(Directory::over(root, "".into())), self.start));
        self.overlays.push(Overlay { root, view: View::new(lower, host.share()) });
        root
    }

    /// The node that a name in a directory stands for. A removed directory has no names, whatever their length. Below an
    /// overlay, only the name that is asked for is looked for, at the first request.
    pub(super) fn child(&mut self, dir: NodeId, name: &str) -> Result<Option<NodeId>> {
        let names = self.dir(dir)?;
        if name.len() > NAME_MAX && self.node(dir)?.nlink > 0 {
            return Err(FsError::Nametoolong);
        }
        if let Some(node) = names.get(name) {
            return Ok(Some(node));
        }
        let Some(path) = names.unread().filter(|_| !names.has_met(name)).map(Arc::clone) else {
            return Ok(None);
        };
        match self.view(dir)?.find(&path, name)? {
            Some(found) => self.meet(dir, &path, name.into(), found).map(Some),
            None => Ok(None),
        }
    }

    /// Meets all names of the directory below that were not met yet. Listing a directory needs that, and so does the
    /// question whether it is empty. Host work: its entries, once.
    pub(super) fn meet_all(&mut self, dir: NodeId) -> Result<()> {
        let Some(path) = self.dir(dir)?.unread().map(Arc::clone) else {
            return Ok(());
        };
        let listed = self.view(dir)?.list(&path)?;
        self.work.entries += listed.len() as u64;
        for (name, found) in listed {
            if !self.dir(dir)?.has_met(&name) {
                self.meet(dir, &path, name, found)?;
            }
        }
        self.dir_mut(dir)?.all_met();
        Ok(())
    }

    /// Makes the node for a name found below. It is not charged against the quota, since the user granted it. What is
    /// remembered of it is counted.
    fn meet(&mut self, dir: NodeId, path: &Arc<str>, name: Arc<str>, found: FoundBelow) -> Result<NodeId> {
        let is_dir = matches!(found, FoundBelow::Dir);
        let body = match found {
            FoundBelow::File { size } => {
                Body::FileBelow(FileBelow { dir: Arc::clone(path), name: Arc::clone(&name), size, open: None })
            }
            FoundBelow::Dir if path.is_empty() => Body::Dir(Directory::over(dir, Arc::clone(&name))),
            FoundBelow::Dir => Body::Dir(Directory::over(dir, format!("{path}/{name}").into())),
            FoundBelow::Symlink(target) => Body::Symlink { target, below: true },
            FoundBelow::Special(kind) => Body::Special(kind),
        };
        self.met.entries += 1;
        self.met.bytes += name.len() as u64 + remembered(&body);
        let node = self.insert(Node::new(self.next_id().ino, self.node(dir)?.tree, body, self.start));
        self.dir_mut(dir)?.meet(name, node);
        if is_dir {
            self.node_mut(dir)?.nlink += 1;
        }
        Ok(node)
    }

    /// Opens the host's file if this one is still below. It stays open until the last handle is released.
    pub(super) fn open_below(&mut self, node: NodeId) -> Result<()> {
        let Body::FileBelow(FileBelow { dir, name, open: None, .. }) = &self.node(node)?.body else {
            return Ok(());
        };
        let (dir, name) = (Arc::clone(dir), Arc::clone(name));
        let opened = self.view(node)?.open(&dir, &name)?;
        if let Body::FileBelow(file) = &mut self.node_mut(node)?.body {
            file.open = Some(Arc::new(opened));
        }
        Ok(())
    }

    /// Copies the first `keep` bytes of a file below into memory, and drops the rest: from here on the file is the test's.
    /// Host work: the bytes copied.
    pub(super) fn copy_up(&mut self, node: NodeId, keep: u64) -> Result<()> {
        let Body::FileBelow(FileBelow { size, .. }) = self.node(node)?.body else {
            return Ok(());
        };
        let len = size.min(keep);
        if len > 0 {
            self.open_below(node)?;
        }
        self.quota.charge(len, 0)?;
        let Body::FileBelow(file) = &self.node(node)?.body else {
            return Err(FsError::Badf);
        };
        match copy(file.open.as_deref(), len) {
            Ok(data) => {
                // The host's file may be shorter by now.
                let copied = data.size();
                self.quota.refund(len - copied, 0);
                self.work.bytes += copied;
                self.node_mut(node)?.body = Body::File(data);
                Ok(())
            }
            Err(error) => {
                self.quota.refund(len, 0);
                Err(error)
            }
        }
    }

    fn view(&mut self, node: NodeId) -> Result<&mut View> {
        let index = self.node(node)?.tree.checked_sub(1).ok_or(FsError::Io)?;
        self.overlays.get_mut(index as usize).map(|overlay| &mut overlay.view).ok_or(FsError::Io)
    }
}

/// How many bytes the node of a name found below keeps for itself, without the name.
fn remembered(body: &Body) -> u64 {
    match body {
        Body::Symlink { target: Ok(target), .. } => target.len() as u64,
        Body::Dir(dir) => dir.unread().map_or(0, |path| path.len() as u64),
        _ => 0,
    }
}

/// Reads the first `len` bytes. If `len` is 0, no file is needed.
fn copy(file: Option<&OpenFile>, len: u64) -> Result<Contents> {
    let mut data = Contents::default();
    let Some(file) = file else { return Ok(data) };
    let mut buf = [0; BLOCK as usize];
    while data.size() < len {
        let part = &mut buf[..usize::try_from(len - data.size()).unwrap_or(usize::MAX).min(BLOCK as usize)];
        let count = file.read_at(data.size(), part)?;
        if count == 0 {
            break;
        }
        data.write_all(&part[..count])?;
    }
    Ok(data)
}
