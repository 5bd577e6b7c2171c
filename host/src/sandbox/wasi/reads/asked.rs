//! The paths of the host that a test's calls name.

use super::super::books::Books;
use super::super::resolve::PATH_MAX;
use super::super::trace::paths_of;
use crate::ledger::HandleId;
use crate::policy::Mode;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wasi_common::snapshots::preview_1::types::Fd;
use wiggle::{GuestMemory, GuestPtr};

/// How many paths are noted of one test, at most.
const MAX_PATHS: usize = 4096;

/// A path below a granted directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AskedPath {
    /// The index of the directory among those of the policy.
    pub grant: usize,
    /// The path from that directory, without `.` and `..`; empty for the directory itself.
    pub path: String,
}

/// What a test asks of the host.
#[derive(Debug, Default)]
pub struct HostReads {
    /// The paths of the directories that the test opened.
    opened: BTreeMap<HandleId, AskedPath>,
    paths: BTreeSet<AskedPath>,
    unknown: Option<&'static str>,
}

impl HostReads {
    /// The paths that the test named.
    ///
    /// # Errors
    /// Why the paths are not everything that the test saw, in words.
    pub fn paths(self) -> Result<BTreeSet<AskedPath>, &'static str> {
        self.unknown.map_or(Ok(self.paths), Err)
    }

    /// What it asks for is not all known, for this reason.
    pub fn leave(&mut self, why: &'static str) {
        self.unknown = Some(why);
    }

    /// A call is about to be made. Gives the path that it opens, where it opens one.
    pub fn enter(
        &mut self,
        books: &Books<'_>,
        memory: &GuestMemory<'_>,
        (name, args): (&'static str, &[i64]),
    ) -> Option<AskedPath> {
        if name == "fd_readdir" {
            let listed = self.base(books, *args.first()? as u32)?;
            self.note(listed);
            return None;
        }
        let mut last = None;
        for (dir, at) in paths_of(name) {
            let Some(base) = self.base(books, args[dir] as u32) else { continue };
            if matches!(name, "path_rename" | "path_link" | "path_symlink") {
                self.unknown = Some("it renames or links below a granted directory");
            }
            // The host refuses a longer path without looking. And once something is unknown, further paths add nothing.
            if self.unknown.is_some() || args[at + 1] as u32 as usize >= PATH_MAX {
                continue;
            }
            let place = GuestPtr::<str>::new((args[at] as u32, args[at + 1] as u32));
            // A path that cannot be read is refused before the host is asked.
            let Ok(path) = memory.as_cow_str(place) else { continue };
            last = Some(self.walk(base, &path));
        }
        last.filter(|_| name == "path_open")
    }

    /// The call has opened this descriptor, at this path.
    pub fn opened(&mut self, books: &Books<'_>, fd: u32, path: AskedPath) {
        if let Ok(entry) = books.table.get(Fd::from(fd)) {
            self.opened.insert(entry.id, path);
        }
    }

    /// The path of the directory behind a descriptor, if it is granted or below a granted one.
    fn base(&self, books: &Books<'_>, fd: u32) -> Option<AskedPath> {
        let entry = books.table.get(Fd::from(fd)).ok()?;
        let Some(guest) = &entry.preopen else { return self.opened.get(&entry.id).cloned() };
        let grants = books.policy.dirs.iter();
        let grant = grants.enumerate().find(|(_, dir)| dir.guest == **guest && dir.mode != Mode::Devices)?.0;
        Some(AskedPath { grant, path: String::new() })
    }

    /// Notes a path from `base`, and each directory from which it goes up again by `..`.
    fn walk(&mut self, base: AskedPath, path: &str) -> AskedPath {
        let AskedPath { grant, path: base } = base;
        let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    self.note(AskedPath { grant, path: parts.join("/") });
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let asked = AskedPath { grant, path: parts.join("/") };
        self.note(asked.clone());
        asked
    }

    fn note(&mut self, path: AskedPath) {
        if self.paths.len() < MAX_PATHS || self.paths.contains(&path) {
            self.paths.insert(path);
        } else {
            self.unknown = Some("it asks for more paths of the host than are noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(grant: usize, path: &str) -> AskedPath {
        AskedPath { grant, path: path.to_owned() }
    }

    #[test]
    fn a_path_is_noted_with_what_it_goes_through() {
        let mut reads = HostReads::default();
        assert_eq!(reads.walk(asked(1, "a/b"), "./c//d/../e"), asked(1, "a/b/c/e"));
        assert_eq!(reads.walk(asked(0, ""), "../x"), asked(0, "x"));
        let expected = [asked(0, ""), asked(0, "x"), asked(1, "a/b/c/d"), asked(1, "a/b/c/e")];
        assert_eq!(reads.paths(), Ok(expected.into()));
    }

    #[test]
    fn a_test_that_asks_for_too_much_is_not_known() {
        let mut reads = HostReads::default();
        for nth in 0..=MAX_PATHS {
            reads.walk(asked(0, ""), &nth.to_string());
            assert_eq!(reads.unknown.is_some(), nth == MAX_PATHS);
        }
        assert!(reads.paths().is_err());
    }
}
