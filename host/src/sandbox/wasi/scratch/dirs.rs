use super::directory::Directory;
use super::node::{Body, Nanos};
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::{FsError, ParentAndName, Result, check};
use std::sync::Arc;

impl Scratch {
    /// Makes an empty directory, which is not retained.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Exist`, `Nospc`.
    pub fn create_dir(&mut self, base: NodeId, path: &str, now: Nanos) -> Result<NodeId> {
        let place = self.place(base, path)?;
        let name = place.to_make()?;
        if self.child(place.dir, name)?.is_some() {
            return Err(FsError::Exist);
        }
        self.create(place.dir, name.into(), Body::Dir(Directory::new(place.dir)), now)
    }

    /// Makes a symbolic link to a relative path, which need not exist.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`], also for the target, which must be neither empty nor absolute; `Exist`, `Nospc`.
    pub fn symlink(&mut self, target: &str, base: NodeId, path: &str, now: Nanos) -> Result<NodeId> {
        check(target)?;
        let place = self.place(base, path)?;
        let name = self.free_file_name(place)?;
        self.create(place.dir, name.into(), Body::Symlink { target: Ok(target.into()), below: false }, now)
    }

    /// Gives a file a second name. If `from` is a symbolic link, the link itself gets the name, unless `follow` is set.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Exist`, `Nospc`, `Perm` (a directory), `Xdev`.
    pub fn link(
        &mut self,
        from_base: NodeId,
        from: &str,
        follow: bool,
        to_base: NodeId,
        to: &str,
        now: Nanos,
    ) -> Result<()> {
        let node = self.lookup(from_base, from, follow)?;
        let place = self.place(to_base, to)?;
        let name = self.free_file_name(place)?;
        self.check_room(place.dir)?;
        if self.node(node)?.tree != self.node(place.dir)?.tree {
            return Err(FsError::Xdev);
        }
        if self.node(node)?.is_dir() {
            return Err(FsError::Perm);
        }
        self.quota.charge(name.len() as u64, 1)?;
        self.append(place.dir, name.into(), node, now)?;
        let linked = self.node_mut(node)?;
        linked.nlink += 1;
        linked.ctime = now;
        Ok(())
    }

    /// Removes an empty directory. A handle on it stays valid, but no name can be made in it.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Inval` (the path ends in `.`), `Notdir`, `Notempty` (also where it ends in `..`).
    pub fn remove_dir(&mut self, base: NodeId, path: &str, now: Nanos) -> Result<()> {
        let place = self.place(base, path)?;
        let name = place.to_remove_dir()?;
        let node = self.child(place.dir, name)?.ok_or(FsError::Noent)?;
        self.meet_all(node)?;
        if !self.dir(node)?.is_empty() {
            return Err(FsError::Notempty);
        }
        self.node_mut(place.dir)?.nlink -= 1;
        self.remove_name(place.dir, name, now)
    }

    /// Removes a name that is not a directory's. The contents stay as long as a handle or another name holds them.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Isdir`.
    pub fn unlink(&mut self, base: NodeId, path: &str, now: Nanos) -> Result<()> {
        let place = self.place(base, path)?;
        let name = place.to_unlink()?;
        let node = self.child(place.dir, name)?.ok_or(FsError::Noent)?;
        place.check_unlink(&self.what(node)?)?;
        self.remove_name(place.dir, name, now)
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Inval` if the file is not a symbolic link, `NotCapable` if it is one below an overlay that is
    /// absolute.
    pub fn read_link(&mut self, base: NodeId, path: &str) -> Result<Arc<str>> {
        let node = self.lookup(base, path, false)?;
        match &self.node(node)?.body {
            Body::Symlink { target, .. } => target.clone(),
            _ => Err(FsError::Inval),
        }
    }

    /// The name to be made, checked to be free for a file.
    fn free_file_name<'p>(&mut self, place: ParentAndName<NodeId, &'p str>) -> Result<&'p str> {
        let name = place.to_make()?;
        let taken = self.child(place.dir, name)?.map(|taken| self.what(taken)).transpose()?;
        place.check_free_for_file(taken.as_ref())?;
        Ok(name)
    }

    fn remove_name(&mut self, dir: NodeId, name: &str, now: Nanos) -> Result<()> {
        let entry = self.dir_mut(dir)?.remove(name).ok_or(FsError::Noent)?;
        if entry.paid {
            self.quota.refund(name.len() as u64, 0);
        }
        self.node_mut(dir)?.modified(now);
        self.unname(entry, now)
    }
}
