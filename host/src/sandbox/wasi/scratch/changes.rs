//! What a test did to the directories below its overlays.

use super::directory::{Directory, DirectoryEntry};
use super::kind::FileKind;
use super::lower::Lower;
use super::node::{Body, Node};
use super::node_id::NodeId;
use super::store::Scratch;
use crate::sandbox::wasi::resolve::{FsError, PATH_MAX, Result};
use std::collections::BTreeMap;

/// A name in an overlay that differs from the directory below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path, relative to the overlay's root.
    pub path: String,
    /// What the name stands for now; `None` if it was removed.
    pub now: Option<ChangedNode>,
}

/// What a changed name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedNode {
    /// The node.
    pub id: NodeId,
    /// The kind of file.
    pub kind: FileKind,
    /// Its size in bytes, as in [`super::Stat::size`].
    pub size: u64,
}

/// Everything that a test changed in one overlay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// In path order: by name in each directory, and what is below a directory right after it.
    pub listed: Vec<Change>,
    /// How many more changes there are, at least, than are listed.
    pub omitted: u64,
}

/// What a directory has under a name: an entry, or `None` if the name was below and was removed.
type Named = Option<DirectoryEntry>;

impl Scratch {
    /// What a test changed in the overlay over `lower`: the first `max` names. The files are compared with the directory
    /// below or, if the test began after a set-up, with the state that the set-up left. A directory that the test moved is
    /// one change: its contents are not looked at.
    pub fn changes(&self, lower: &Lower, max: usize) -> Changes {
        let mut changes = Changes::default();
        let Some(root) = self.root_over(lower) else { return changes };
        let mut path = String::new();
        // Kept on the heap, not by recursion: the guest chooses the depth.
        let mut open = vec![(self.names_in(root, self.found_dir(root)), 0)];
        while let Some((names, prefix)) = open.last_mut() {
            let prefix = *prefix;
            let Some((name, now, found)) = names.next() else {
                open.pop();
                continue;
            };
            path.truncate(prefix);
            path.push_str(name);
            if path.len() >= PATH_MAX {
                changes.omitted += 1;
                continue;
            }
            let Some(entry) = now.flatten() else {
                // The name is gone now. It is a change only if it was there before.
                if !matches!(found, Some(None)) {
                    changes.push(Change { path: path.clone(), now: None }, max);
                }
                continue;
            };
            let Ok(node) = self.node(entry.node) else { continue };
            let same = found.flatten().filter(|found| found.node == entry.node && found.paid == entry.paid);
            let is_changed = match same.and_then(|same| self.found.as_ref()?.node(same.node)) {
                Some(was) => has_other_contents(node, was),
                // A file that was met below has changed only if it was written to.
                None => entry.paid || found.is_some() || matches!(node.body, Body::File(_)),
            };
            if is_changed {
                let now = Some(ChangedNode { id: entry.node, kind: node.kind(), size: node.size() });
                changes.push(Change { path: path.clone(), now }, max);
            }
            let Body::Dir(dir) = &node.body else { continue };
            if same.is_some() || !(entry.paid && dir.was_below) {
                path.push('/');
                let found = same.and_then(|same| self.found_dir(same.node));
                open.push((self.names_in(entry.node, found), path.len()));
            }
        }
        changes
    }

    /// The contents of a file as the test left them.
    ///
    /// # Errors
    /// The node is not a file, the host's file cannot be read, or the file has holes that would not fit in the quota.
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

    /// A directory as the test found it after the set-up.
    fn found_dir(&self, dir: NodeId) -> Option<&Directory> {
        match &self.found.as_ref()?.node(dir)?.body {
            Body::Dir(dir) => Some(dir),
            _ => None,
        }
    }

    /// The names of a directory that may have changed, in the order of their bytes. Each comes with its state now, and its
    /// state when the test began. `None` stands for an unknown state: the name is as it is below, or it is not there at
    /// all.
    fn names_in<'s>(
        &'s self,
        dir: NodeId,
        found: Option<&'s Directory>,
    ) -> impl Iterator<Item = (&'s str, Option<Named>, Option<Named>)> + use<'s> {
        let now = self.dir(dir).into_iter().flat_map(Directory::with_removed);
        let mut names: BTreeMap<&str, (Option<Named>, Option<Named>)> = BTreeMap::new();
        now.for_each(|(name, now)| names.entry(name).or_default().0 = Some(now));
        let found = found.into_iter().flat_map(Directory::with_removed);
        found.for_each(|(name, found)| names.entry(name).or_default().1 = Some(found));
        names.into_iter().map(|(name, (now, found))| (name, now, found))
    }
}

/// Whether a file's contents differ from those when the test began. For a directory, its names are compared one by one.
fn has_other_contents(now: &Node, was: &Node) -> bool {
    match (&now.body, &was.body) {
        (Body::File(now), Body::File(was)) => !now.is_same(was),
        (Body::File(_), _) => true,
        _ => false,
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

    /// Each change as text: `path` and what is there now, with the contents of a file. Then the number of changes left out.
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
        // One name is removed and made again, another one made and removed again.
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

    /// A host file that is removed, made again and removed once more is gone.
    #[test]
    fn what_was_below_stays_gone_whatever_was_in_its_place() {
        let host = tempfile::tempdir().unwrap();
        fs::write(host.path().join("a"), "A").unwrap();
        let lower = Lower::open(host.path()).unwrap();
        let mut fs = Scratch::new(1 << 20, 100, 1);
        let root = fs.overlay(&lower, &mut HostCount::default());
        fs.unlink(root, "a", 2).unwrap();
        write(&mut fs, root, "a", "again");
        assert_eq!(told(&mut fs, &lower, 9).0, ["a again"]);
        fs.unlink(root, "a", 2).unwrap();
        assert_eq!(told(&mut fs, &lower, 9).0, ["a gone"]);
    }

    /// Changes of a test that begins after a set-up are those of the test itself, all of them, whatever the clock shows.
    #[test]
    fn after_a_set_up_changes_are_told_against_what_it_left() {
        let host = tempfile::tempdir().unwrap();
        for (path, text) in [("below", "B"), ("dir/x", "X"), ("gone", "G"), ("gone-too", "G"), ("moved/y", "Y")] {
            fs::create_dir_all(host.path().join(path).parent().unwrap()).unwrap();
            fs::write(host.path().join(path), text).unwrap();
        }
        let lower = Lower::open(host.path()).unwrap();
        let mut fs = Scratch::new(1 << 20, 100, 1);
        let root = fs.overlay(&lower, &mut HostCount::default());
        write(&mut fs, root, "kept", "1");
        write(&mut fs, root, "rewritten", "2");
        write(&mut fs, root, "same", "3");
        write(&mut fs, root, "removed", "4");
        write(&mut fs, root, "linked", "5");
        write(&mut fs, root, "dir/x", "of the set-up");
        fs.create_dir(root, "made", 2).unwrap();
        fs.create_dir(root, "made-and-moved", 2).unwrap();
        write(&mut fs, root, "made-and-moved/in it", "6");
        fs.unlink(root, "gone", 2).unwrap();
        fs.unlink(root, "gone-too", 2).unwrap();
        fs.rename(root, "moved", root, "moved-by-set-up", 2).unwrap();
        fs.share();
        let begin = |teardown: bool| {
            let mut begun = fs.fork(&mut HostCount::default()).unwrap();
            if teardown {
                begun.begin_teardown(1 << 20, 100)
            } else {
                begun.begin_test(1 << 20, 100)
            }
            begun
        };
        for teardown in [false, true] {
            assert_eq!(told(&mut begin(teardown), &lower, 99), (Vec::new(), 0), "it has done nothing");
        }
        let mut test = begin(false);
        write(&mut test, root, "rewritten", "7");
        write(&mut test, root, "same", "3");
        write(&mut test, root, "below", "B2");
        write(&mut test, root, "made/new", "8");
        write(&mut test, root, "moved-by-set-up/new", "9");
        write(&mut test, root, "gone", "back");
        write(&mut test, root, "gone-too", "back");
        test.unlink(root, "gone-too", 2).unwrap();
        test.unlink(root, "removed", 2).unwrap();
        test.unlink(root, "dir/x", 2).unwrap();
        test.link(root, "linked", false, root, "link", 2).unwrap();
        test.rename(root, "made-and-moved", root, "z", 2).unwrap();
        let expected = [
            "below B2",
            "dir/x gone",
            "gone back",
            "link 5",
            "made/new 8",
            "made-and-moved gone",
            "moved-by-set-up/new 9",
            "removed gone",
            "rewritten 7",
            "z Dir",
            "z/in it 6",
        ];
        let told_of_test = told(&mut test, &lower, 99).0;
        assert_eq!(told_of_test, expected.map(str::to_owned));
        assert_eq!(told(&mut begin(false), &lower, 99).0, Vec::<String>::new(), "another test sees nothing of it");
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
