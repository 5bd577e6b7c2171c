use super::directory::DirectoryEntry;
use super::node::{Body, Nanos};
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::{FsError, Result};
use std::sync::Arc;

/// One end of a rename: a name in a directory.
#[derive(Clone, Copy)]
struct End<'p> {
    dir: NodeId,
    name: &'p str,
}

impl Scratch {
    /// Moves a name. A file replaces a file, and a directory an empty directory. Handles on the replaced file stay valid.
    /// If both names are of the same file, both stay.
    ///
    /// A file that is moved within its directory keeps its position in the listing.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Busy` (`.` and `..`), `Inval` (a directory into itself), `Isdir` and `Notdir` (a file
    /// over a directory and the reverse), `Notempty`, `Nospc` (a longer name), `Xdev`.
    pub fn rename(&mut self, from_base: NodeId, from: &str, to_base: NodeId, to: &str, now: Nanos) -> Result<()> {
        let from_place = self.place(from_base, from)?;
        let to_place = self.place(to_base, to)?;
        if self.node(from_place.dir)?.tree != self.node(to_place.dir)?.tree {
            return Err(FsError::Xdev);
        }
        let from = End { dir: from_place.dir, name: from_place.to_rename()? };
        let to = End { dir: to_place.dir, name: to_place.to_rename()? };
        let moved = self.child(from.dir, from.name)?.ok_or(FsError::Noent)?;
        let target = self.child(to.dir, to.name)?;
        let what = self.what(moved)?;
        from_place.check_rename(&to_place, &what)?;
        let is_dir = what.is_dir();
        if is_dir && self.is_within(to.dir, moved)? {
            return Err(FsError::Inval);
        }
        if let Some(target) = target {
            if self.node(target)?.is_dir() && self.is_within(from.dir, target)? {
                return Err(FsError::Notempty);
            }
            if target == moved {
                return Ok(());
            }
            self.check_replaceable(target, is_dir)?;
        }
        let moved = self.dir(from.dir)?.entry(from.name).ok_or(FsError::Noent)?;
        let replaced = self.dir(to.dir)?.entry(to.name);
        self.charge_for(from, to, moved, replaced)?;
        self.move_name(from, to, now)
    }

    fn check_replaceable(&mut self, target: NodeId, by_dir: bool) -> Result<()> {
        if by_dir && self.node(target)?.is_dir() {
            self.meet_all(target)?;
        }
        match &self.node(target)?.body {
            Body::Dir(_) if !by_dir => Err(FsError::Isdir),
            Body::Dir(dir) if dir.is_empty() => Ok(()),
            Body::Dir(_) => Err(FsError::Notempty),
            _ if by_dir => Err(FsError::Notdir),
            _ => Ok(()),
        }
    }

    /// Charges for the new name: the last step that can fail. A replaced name that the test made is already paid for.
    fn charge_for(
        &mut self,
        from: End,
        to: End,
        moved: DirectoryEntry,
        replaced: Option<DirectoryEntry>,
    ) -> Result<()> {
        if replaced.is_none() && from.dir != to.dir {
            self.check_room(to.dir)?;
        }
        let old = if moved.paid { from.name.len() as u64 } else { 0 };
        let new = if replaced.is_some_and(|replaced| replaced.paid) { 0 } else { to.name.len() as u64 };
        self.quota.charge(new.saturating_sub(old), u64::from(!moved.paid))?;
        self.quota.refund(old.saturating_sub(new), 0);
        Ok(())
    }

    fn move_name(&mut self, from: End, to: End, now: Nanos) -> Result<()> {
        let moved = self.dir_mut(from.dir)?.remove(from.name).ok_or(FsError::Noent)?;
        let replaced = self.dir_mut(to.dir)?.remove(to.name);
        let name: Arc<str> = to.name.into();
        let into = self.dir_mut(to.dir)?;
        match replaced {
            Some(replaced) => into.place(name, DirectoryEntry { paid: true, position: replaced.position, ..moved }),
            None if from.dir == to.dir => into.place(name, DirectoryEntry { paid: true, ..moved }),
            None => into.append(name, moved.node),
        }
        let node = self.node_mut(moved.node)?;
        node.ctime = now;
        if let Body::Dir(dir) = &mut node.body {
            dir.parent = to.dir;
            self.node_mut(from.dir)?.nlink -= 1;
            // A directory that is replaced was already counted.
            if replaced.is_none() {
                self.node_mut(to.dir)?.nlink += 1;
            }
        }
        self.node_mut(from.dir)?.modified(now);
        self.node_mut(to.dir)?.modified(now);
        replaced.map_or(Ok(()), |replaced| self.unname(replaced, now))
    }

    /// Whether `dir` is `ancestor`, or below it. Host work: the depth of `dir`.
    fn is_within(&mut self, mut dir: NodeId, ancestor: NodeId) -> Result<bool> {
        while dir != ancestor {
            let parent = self.dir(dir)?.parent;
            // A root is its own parent.
            if parent == dir || self.node(dir)?.nlink == 0 {
                return Ok(false);
            }
            self.work.steps += 1;
            dir = parent;
        }
        Ok(true)
    }
}
