//! What a test did to the directories below its overlays.

use super::kind::FileKind;
use super::lower::Lower;
use super::node::Body;
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::{FsError, PATH_MAX, Result};

/// A name in an overlay that is not what it is below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path, relative to the overlay's root.
    pub path: String,
    /// What it is now; none where it was removed.
    pub now: Option<ChangedNode>,
}

/// What a changed name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedNode {
    /// The node.
    pub id: NodeId,
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes, as in [`super::Stat::size`].
    pub size: u64,
}

/// Everything that a test changed in one overlay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// In path order: by name in each directory, and what is below a directory right after it.
    pub listed: Vec<Change>,
    /// How many more there are at least than are listed.
    pub omitted: u64,
}

impl Scratch {
    /// What a test changed in the overlay over `lower`: the first `max` names. A directory that it moved is one change, and
    /// what it holds is not looked at.
    pub fn changes(&self, lower: &Lower, max: usize) -> Changes {
        let mut changes = Changes::default();
        let Some(root) = self.root_over(lower) else { return changes };
        let mut path = String::new();
        // On the heap, not by recursion: the guest chooses the depth.
        let mut open = vec![(self.changed_names(root), 0)];
        while let Some((names, prefix)) = open.last_mut() {
            let prefix = *prefix;
            let Some((name, entry)) = names.next() else {
                open.pop();
                continue;
            };
            path.truncate(prefix);
            path.push_str(name);
            if path.len() >= PATH_MAX {
                changes.omitted += 1;
                continue;
            }
            let Some(entry) = entry else {
                changes.push(Change { path: path.clone(), now: None }, max);
                continue;
            };
            let Ok(node) = self.node(entry.node) else { continue };
            let is_found = self.began.is_some_and(|began| began.found_as_it_is(node));
            let is_changed = !is_found && (entry.paid || matches!(node.body, Body::File(_)));
            if is_changed {
                let now = Some(ChangedNode { id: entry.node, kind: node.kind(), size: node.size() });
                changes.push(Change { path: path.clone(), now }, max);
            }
            if let Body::Dir(dir) = &node.body
                && !(entry.paid && dir.was_below)
            {
                path.push('/');
                open.push((self.changed_names(entry.node), path.len()));
            }
        }
        changes
    }

    /// The contents of a file, as the test left them.
    ///
    /// # Errors
    /// It is not a file, the host's file cannot be read, or it has holes that would not fit in the quota.
    pub fn contents(&mut self, file: NodeId) -> Result<Vec<u8>> {
        self.open_below(file)?;
        let node = self.node(file)?;
        if matches!(node.body, Body::File(_)) && node.size() > self.quota.max.bytes {
            return Err(FsError::Fbig);
        }
        let size = usize::try_from(node.size()).map_err(|_| FsError::Fbig)?;
        let mut contents = Vec::new();
        contents.try_reserve_exact(size).map_err(|_| FsError::Fbig)?;
        contents.resize(size, 0);
        let mut read = 0;
        while read < size {
            match self.read_at(file, read as u64, &mut contents[read..])? {
                0 => break,
                count => read += count,
            }
        }
        contents.truncate(read);
        Ok(contents)
    }

    fn root_over(&self, lower: &Lower) -> Option<NodeId> {
        self.overlays.iter().find(|overlay| overlay.is_over(lower)).map(|overlay| overlay.root)
    }

    /// The names that may have changed in a directory: those that are there, and those that the test removed.
    fn changed_names(&self, dir: NodeId) -> impl Iterator<Item = (&str, Option<super::directory::Entry>)> {
        self.dir(dir).into_iter().flat_map(|dir| dir.with_removed())
    }
}

impl Changes {
    fn push(&mut self, change: Change, max: usize) {
        if self.listed.len() < max {
            self.listed.push(change);
        } else {
            self.omitted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::wasi::host::HostCount;
    use crate::sandbox::wasi::scratch::OpenFlags;
    use std::fs;

    fn write(fs: &mut Scratch, root: NodeId, path: &str, text: &str) {
        let how = OpenFlags { write: true, create: true, truncate: true, ..OpenFlags::default() };
        let file = fs.open(root, path, how, 2).unwrap().node;
        fs.write_at(file, 0, text.as_bytes(), 2).unwrap();
        fs.release(file).unwrap();
    }

    /// Each change as `path`, what is there now, and its contents if that is a file.
    fn told(fs: &mut Scratch, lower: &Lower, max: usize) -> (Vec<String>, u64) {
        let Changes { listed, omitted } = fs.changes(lower, max);
        let tell = |change: Change| match change.now {
            None => format!("{} gone", change.path),
            Some(ChangedNode { id, kind: FileKind::File, size }) => {
                let contents = fs.contents(id).unwrap();
                assert_eq!(contents.len() as u64, size);
                format!("{} {}", change.path, String::from_utf8(contents).unwrap())
            }
            Some(now) => format!("{} {:?}", change.path, now.kind),
        };
        (listed.into_iter().map(tell).collect(), omitted)
    }

    #[test]
    fn whatever_is_not_as_it_was_is_told_and_nothing_else() {
        let host = tempfile::tempdir().unwrap();
        for (path, text) in [("a", "A"), ("b/one", "1"), ("b/two", "2"), ("b/three", "3"), ("c/x", "X"), ("read", "R")]
        {
            fs::create_dir_all(host.path().join(path).parent().unwrap()).unwrap();
            fs::write(host.path().join(path), text).unwrap();
        }
        let lower = Lower::open(host.path()).unwrap();
        let mut fs = Scratch::new(1 << 20, 100, 1);
        assert_eq!(told(&mut fs, &lower, 9), (Vec::new(), 0), "the overlay was never asked for");
        let root = fs.overlay(&lower, &mut HostCount::default());
        let read = fs.open(root, "read", OpenFlags::default(), 2).unwrap().node;
        fs.release(read).unwrap();
        assert_eq!(fs.read_dir(root).unwrap().count(), 6);
        assert_eq!(told(&mut fs, &lower, 9), (Vec::new(), 0), "it was only read");
        write(&mut fs, root, "a", "other");
        write(&mut fs, root, "b/new", "N");
        fs.unlink(root, "b/one", 2).unwrap();
        fs.rename(root, "b/two", root, "b/moved", 2).unwrap();
        // Removed and made again, and made and removed again.
        fs.unlink(root, "b/three", 2).unwrap();
        write(&mut fs, root, "b/three", "again");
        write(&mut fs, root, "b/four", "4");
        fs.unlink(root, "b/four", 2).unwrap();
        fs.create_dir(root, "d", 2).unwrap();
        write(&mut fs, root, "d/in it", "I");
        fs.symlink("a", root, "e", 2).unwrap();
        fs.rename(root, "c", root, "f", 2).unwrap();
        let expected = [
            "a other",
            "b/moved 2",
            "b/new N",
            "b/one gone",
            "b/three again",
            "b/two gone",
            "c gone",
            "d Dir",
            "d/in it I",
            "e Symlink",
            "f Dir",
        ];
        assert_eq!(told(&mut fs, &lower, 99), (expected.map(str::to_owned).to_vec(), 0));
        let (first, omitted) = told(&mut fs, &lower, 4);
        assert_eq!((&first[..], omitted), (&expected.map(str::to_owned)[..4], 7));
    }

    #[test]
    fn holes_beyond_the_quota_are_not_written_out() {
        let mut fs = Scratch::new(1 << 20, 100, 1);
        let root = fs.root();
        write(&mut fs, root, "a", "kept");
        let file = fs.lookup(root, "a", false).unwrap();
        for size in [i64::MAX as u64, (1 << 20) + 1] {
            fs.truncate(file, size, 2).unwrap();
            assert_eq!(fs.contents(file), Err(FsError::Fbig));
        }
        fs.truncate(file, 6, 2).unwrap();
        assert_eq!(fs.contents(file).unwrap(), b"kept\0\0");
    }
}
