//! Writes the changes that tests made in overlays to the host's directories: snapshots that were accepted, regressions that
//! were found.

use crate::model::change::{KeptChange, KeptNode};
use crate::model::{EntryRole, Report};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, mkdirat, open, openat2, unlinkat};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

/// What became of the changes that a run kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrittenBack {
    /// Paths that the host now has as the tests left them; as reports name them.
    pub written: Vec<String>,
    /// Changes that were not made.
    pub refused: Vec<RefusedChange>,
    /// How many tests had their changes left out because they did not pass.
    pub left_out: usize,
}

/// A change that was not made to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedChange {
    /// The path, as reports name it.
    pub path: String,
    /// Why, and which tests made the change.
    pub why: String,
}

impl Display for RefusedChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

impl Report {
    /// Makes the changes that tests made in overlays in the host's directories, if they were
    /// [kept](crate::RunnerBuilder::keep_changes): those of tests that passed, or of all tests. A file that two tests leave
    /// differently is not changed, and is named. Nothing outside of the granted directories is written, and no symbolic
    /// link is followed.
    pub fn write_back(&self, of_all: bool) -> WrittenBack {
        let mut done = WrittenBack::default();
        // Sorted by directory and path: a directory comes before what it holds.
        let mut wanted: BTreeMap<(&Path, &str), Vec<&KeptChange>> = BTreeMap::new();
        let mut left_out = BTreeSet::new();
        let replaced = ReplacedPaths::by(self.kept.iter().filter(|change| of_all || change.passed));
        for change in self.kept.iter().filter(|change| !replaced.holds(change)) {
            if of_all || change.passed {
                wanted.entry((&change.host, &change.path)).or_default().push(change);
            } else {
                left_out.insert((&change.module, &change.test));
            }
        }
        done.left_out = left_out.len();
        for ((host, path), changes) in wanted {
            let Some((first, others)) = changes.split_first() else { continue };
            let other = others.iter().find(|other| other.now != first.now);
            let made = match (other, &first.now) {
                (Some(other), _) => Err(format!("{} and {} leave it differently", by(first), by(other))),
                (None, KeptNode::Refused(why)) => Err(format!("{why} ({})", by(first))),
                (None, now) => make(host, path, now).map_err(|error| format!("{error} ({})", by(first))),
            };
            match made {
                Ok(Made::Changed) => done.written.push(first.report_as.clone()),
                Ok(Made::AsItWas) => {}
                Err(why) => done.refused.push(RefusedChange { path: first.report_as.clone(), why }),
            }
        }
        done
    }
}

/// What the tests and the teardown changed after the set-up: if they changed the same path again, the set-up's change does
/// not count.
#[derive(Default)]
struct ReplacedPaths<'r> {
    changed: BTreeSet<(&'r str, &'r Path, &'r str)>,
    removed: BTreeSet<(&'r str, &'r Path, &'r str)>,
}

impl<'r> ReplacedPaths<'r> {
    fn by(kept: impl Iterator<Item = &'r KeptChange>) -> Self {
        let mut all = Self::default();
        for change in kept.filter(|change| change.role != Some(EntryRole::Setup)) {
            let place = (&*change.module, &*change.host, &*change.path);
            all.changed.insert(place);
            if change.now == KeptNode::Nothing {
                all.removed.insert(place);
            }
        }
        all
    }

    /// Whether this is a change of a set-up that was replaced: by a change of the same path, or by the removal of a folder
    /// above it.
    fn holds(&self, change: &KeptChange) -> bool {
        let place = |path| (&*change.module, &*change.host, path);
        let mut above = change.path.match_indices('/').map(|(end, _)| &change.path[..end]);
        change.role == Some(EntryRole::Setup)
            && (self.changed.contains(&place(&*change.path)) || above.any(|path| self.removed.contains(&place(path))))
    }
}

/// What making a change came to.
enum Made {
    Changed,
    /// The path was to be removed, and does not exist.
    AsItWas,
}

fn by(change: &KeptChange) -> String {
    format!("{} {}", change.module, change.test)
}

/// Makes one change below a directory.
fn make(host: &Path, path: &str, now: &KeptNode) -> Result<Made, Errno> {
    match change(host, path, now) {
        Err(Errno::NOENT) if *now == KeptNode::Nothing => Ok(Made::AsItWas),
        changed => changed.map(|()| Made::Changed),
    }
}

fn change(host: &Path, path: &str, now: &KeptNode) -> Result<(), Errno> {
    let root = open(host, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let dir = if dir.is_empty() { root } else { beneath(&root, dir, OFlags::DIRECTORY)? };
    match now {
        KeptNode::File(contents) => {
            let file = beneath(&dir, name, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC)?;
            File::from(file).write_all(contents).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        }
        KeptNode::Directory => match mkdirat(&dir, name, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) => beneath(&dir, name, OFlags::DIRECTORY).map(drop),
            made => made,
        },
        KeptNode::Nothing => match unlinkat(&dir, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => unlinkat(&dir, name, AtFlags::REMOVEDIR),
            removed => removed,
        },
        KeptNode::Refused(_) => Ok(()),
    }
}

fn beneath(dir: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o666) } else { Mode::empty() };
    openat2(dir, path, flags | OFlags::CLOEXEC, mode, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;
    use std::fs;

    fn change(host: &Path, test: &str, path: &str, now: KeptNode) -> KeptChange {
        let (module, report_as) = ("m".to_owned(), path.to_owned());
        KeptChange {
            module,
            test: test.into(),
            role: None,
            passed: test != "fails",
            report_as,
            host: host.into(),
            path: path.into(),
            now,
        }
    }

    fn report(kept: Vec<KeptChange>) -> Report {
        Report { kept, ..samples::report(Vec::new()) }
    }

    fn file(text: &str) -> KeptNode {
        KeptNode::File(text.as_bytes().to_vec())
    }

    #[test]
    fn changes_of_passing_tests_reach_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let host = dir.path();
        fs::write(host.join("old"), "a longer text").unwrap();
        fs::write(host.join("gone"), "").unwrap();
        let kept = vec![
            change(host, "a", "old", file("new")),
            change(host, "a", "made/deep", KeptNode::Directory),
            change(host, "a", "made", KeptNode::Directory),
            change(host, "a", "made/deep/file", file("x")),
            change(host, "b", "made/deep/file", file("x")),
            change(host, "b", "gone", KeptNode::Nothing),
            change(host, "fails", "failed", file("y")),
        ];
        let done = report(kept.clone()).write_back(false);
        assert_eq!(done.written, ["gone", "made", "made/deep", "made/deep/file", "old"]);
        assert_eq!((done.refused, done.left_out), (Vec::new(), 1));
        assert_eq!(fs::read_to_string(host.join("old")).unwrap(), "new");
        assert_eq!(fs::read_to_string(host.join("made/deep/file")).unwrap(), "x");
        assert!(!host.join("gone").exists() && !host.join("failed").exists());
        assert_eq!(report(kept).write_back(true).left_out, 0);
        assert!(host.join("failed").exists());
    }

    /// If a test or the teardown changes again what the set-up had changed, the later change counts.
    #[test]
    fn what_a_set_up_changed_yields_to_what_came_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let host = dir.path();
        fs::write(host.join("gone"), "").unwrap();
        let of = |role, test, path, now| KeptChange { role: Some(role), ..change(host, test, path, now) };
        let setup = |path, now| of(EntryRole::Setup, "set-up", path, now);
        let teardown = |path, now| of(EntryRole::Teardown, "teardown", path, now);
        let kept = vec![
            setup("kept", file("1")),
            setup("changed", file("1")),
            setup("failed", file("1")),
            setup("torn", KeptNode::Directory),
            setup("torn/down", file("1")),
            setup("torn-not", file("1")),
            change(host, "a", "changed", file("2")),
            change(host, "fails", "failed", file("2")),
            teardown("torn", KeptNode::Nothing),
            teardown("gone", KeptNode::Nothing),
            KeptChange { module: "n".to_owned(), ..setup("of-another", file("1")) },
            teardown("of-another", file("1")),
        ];
        let done = report(kept).write_back(false);
        assert_eq!(done.written, ["changed", "failed", "gone", "kept", "of-another", "torn-not"]);
        assert_eq!((&done.refused, done.left_out), (&Vec::new(), 1));
        assert_eq!(fs::read_to_string(host.join("changed")).unwrap(), "2");
        assert_eq!(fs::read_to_string(host.join("failed")).unwrap(), "1");
        assert!(!host.join("torn").exists() && !host.join("gone").exists());
    }

    #[test]
    fn what_is_not_clear_is_left_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let (host, outside) = (dir.path().join("host"), dir.path().join("outside"));
        fs::create_dir(&host).unwrap();
        fs::write(&outside, "safe").unwrap();
        std::os::unix::fs::symlink(&outside, host.join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path(), host.join("up")).unwrap();
        let kept = vec![
            change(&host, "a", "same", file("1")),
            change(&host, "b", "same", file("2")),
            change(&host, "a", "link", file("bad")),
            change(&host, "a", "up/outside", file("bad")),
            change(&host, "a", "../outside", file("bad")),
            change(&host, "a", "l", KeptNode::Refused("it is a symbolic link".into())),
        ];
        let done = report(kept).write_back(false);
        let refused: Vec<String> = done.refused.iter().map(ToString::to_string).collect();
        assert!(done.written.is_empty(), "{done:?}");
        assert!(refused.contains(&"same: m a and m b leave it differently".to_owned()), "{refused:?}");
        assert!(refused.contains(&"l: it is a symbolic link (m a)".to_owned()), "{refused:?}");
        assert_eq!(refused.len(), 5);
        assert_eq!(fs::read_to_string(&outside).unwrap(), "safe");
        assert!(!host.join("same").exists());
    }
}
