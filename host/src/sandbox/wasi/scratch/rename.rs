use super::error::{FsError, Result};
use super::node::{Body, Nanos, NodeId};
use super::path::{Last, Place};
use super::store::Scratch;
use std::sync::Arc;

/// One end of a rename: a name in a directory.
#[derive(Clone, Copy)]
struct End<'p> {
    dir: NodeId,
    name: &'p str,
}

impl<'p> End<'p> {
    fn of(place: Place<'p>) -> Result<Self> {
        match place.last {
            Last::Name(name) => Ok(Self { dir: place.dir, name }),
            Last::Dot | Last::DotDot => Err(FsError::Busy),
        }
    }
}

impl Scratch {
    /// Moves a name. A file replaces a file, a directory an empty directory; handles on what is replaced stay valid. Two names of
    /// the same file stay as they are.
    ///
    /// A listing under way sees a file that is moved within its directory once: it keeps its position there.
    ///
    /// # Errors
    /// Those of [`Scratch::lookup`]; `Busy` (`.` and `..`), `Inval` (a directory into itself), `Isdir` and `Notdir` (a file
    /// over a directory and the reverse), `Notempty`, `Nospc` (a longer name).
    pub fn rename(&mut self, from_base: NodeId, from: &str, to_base: NodeId, to: &str, now: Nanos) -> Result<()> {
        let from_place = self.place(from_base, from)?;
        let to_place = self.place(to_base, to)?;
        let (from, to) = (End::of(from_place)?, End::of(to_place)?);
        let moved = self.child(from.dir, from.name)?.ok_or(FsError::Noent)?;
        let target = self.child(to.dir, to.name)?;
        let is_dir = self.node(moved)?.is_dir();
        if !is_dir && (from_place.slash || to_place.slash) {
            return Err(FsError::Notdir);
        }
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
        self.charge_for(from, to, target.is_some())?;
        self.move_name(from, to, target, now)
    }

    fn check_replaceable(&self, target: NodeId, by_dir: bool) -> Result<()> {
        match &self.node(target)?.body {
            Body::Dir(_) if !by_dir => Err(FsError::Isdir),
            Body::Dir(dir) if dir.is_empty() => Ok(()),
            Body::Dir(_) => Err(FsError::Notempty),
            _ if by_dir => Err(FsError::Notdir),
            _ => Ok(()),
        }
    }

    /// The last step that can fail. A name that is replaced is already paid for.
    fn charge_for(&mut self, from: End, to: End, replaces: bool) -> Result<()> {
        if from.dir != to.dir && !replaces {
            self.check_room(to.dir)?;
        }
        let old = from.name.len() as u64;
        let new = if replaces { 0 } else { to.name.len() as u64 };
        self.quota.charge(new.saturating_sub(old), 0)?;
        self.quota.refund(old.saturating_sub(new), 0);
        Ok(())
    }

    fn move_name(&mut self, from: End, to: End, target: Option<NodeId>, now: Nanos) -> Result<()> {
        let entry = self.dir_mut(from.dir)?.remove(from.name).ok_or(FsError::Noent)?;
        let replaced = self.dir_mut(to.dir)?.remove(to.name);
        let name: Arc<str> = to.name.into();
        let into = self.dir_mut(to.dir)?;
        // A new position would let a listing that renames what it meets go on for ever.
        match replaced {
            Some(replaced) => into.place(name, entry.node, replaced.position),
            None if from.dir == to.dir => into.place(name, entry.node, entry.position),
            None => into.append(name, entry.node),
        }
        let moved = self.node_mut(entry.node)?;
        moved.ctime = now;
        if let Body::Dir(dir) = &mut moved.body {
            dir.parent = to.dir;
            self.node_mut(from.dir)?.nlink -= 1;
            // A directory that is replaced counted already.
            if target.is_none() {
                self.node_mut(to.dir)?.nlink += 1;
            }
        }
        self.node_mut(from.dir)?.modified(now);
        self.node_mut(to.dir)?.modified(now);
        target.map_or(Ok(()), |target| self.unname(target, now))
    }

    /// Whether `dir` is `ancestor` or below it. Host work: the depth of `dir`.
    fn is_within(&self, mut dir: NodeId, ancestor: NodeId) -> Result<bool> {
        while dir != ancestor {
            if dir == NodeId::ROOT || self.node(dir)?.nlink == 0 {
                return Ok(false);
            }
            dir = self.dir(dir)?.parent;
        }
        Ok(true)
    }
}
