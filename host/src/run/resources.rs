//! From what a test left, without its heap, to entries of the report: with names and lines, and one entry for resources
//! that were acquired alike.

use super::bounds::{Room, bytes_of_stack};
use super::subtests::ScopeNames;
use crate::ledger::{Access, Handle, Kind, Outliving, ScopeId, Stack};
use crate::model::change::{Change, ChangeKind, KeptChange, KeptNode};
use crate::model::{
    OutlivedRecord, Resource, ResourceKind, SocketRecord, TestRecord, ThreadRecord, TrackedRecord, Verdict,
};
use crate::sandbox::wasi::{FileKind, GoroutineDumps, OverlayChange, Remains};
use crate::symbols::Symbols;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Whether nothing was left or changed: nothing for which [`held`], [`outlived`], [`left_behind`] or [`describe_changes`]
/// has an entry.
pub fn is_nothing(remains: &Remains) -> bool {
    remains.open.is_empty()
        && remains.tracked.is_empty()
        && remains.outlived.listed.is_empty()
        && remains.residue.is_empty()
        && remains.changes.is_empty()
        && remains.goroutines == GoroutineDumps::default()
}

/// What the test still held: a leak after a normal finish; after any other ending, the host took it back. In the order of
/// the first acquisition.
pub fn held(remains: &Remains, scopes: ScopeNames<'_>, symbols: &Symbols) -> Vec<Resource> {
    handles(&remains.open, scopes, symbols)
}

/// Files that stay although nobody holds them: a leak after a normal finish, of no interest after any other ending.
pub fn left_behind(remains: &Remains, scope: &str) -> Vec<Resource> {
    residue(remains, scope)
}

/// The entries for open handles. If there are too many, those beyond the room share one entry for each kind and scope.
fn handles(open: &[Handle], scopes: ScopeNames<'_>, symbols: &Symbols) -> Vec<Resource> {
    let mut entries: Vec<Resource> = Vec::new();
    let mut known = HashMap::new();
    let mut more: BTreeMap<(Kind, ScopeId), Resource> = BTreeMap::new();
    let mut places = HashSet::new();
    let mut room = Room::new();
    for handle in open {
        let place =
            (handle.kind, &handle.tracked, &handle.path, handle.access, handle.scope, &handle.stack, &handle.waits);
        if let Some(index) = known.get(&place) {
            let entry: &mut Resource = &mut entries[*index];
            add(entry, handle);
            if let (Some(sum), Some(more)) = (&mut entry.socket, socket(handle)) {
                sum.unread = added(sum.unread, more.unread);
                sum.unaccepted = added(sum.unaccepted, more.unaccepted);
            }
        } else if room.is_full() {
            let all = more.entry((handle.kind, handle.scope)).or_insert_with(|| Resource {
                count: 0,
                ..Resource::new(kind(handle.kind), scopes.name(handle.scope), Vec::new())
            });
            add(all, handle);
            all.omitted_places += u64::from(places.insert(place));
        } else {
            let entry = entry(handle, scopes.name(handle.scope), symbols);
            room.take(&entry);
            known.insert(place, entries.len());
            entries.push(entry);
        }
    }
    entries.extend(more.into_values());
    entries
}

/// Counts one more handle in an entry.
fn add(entry: &mut Resource, handle: &Handle) {
    entry.count += 1;
    entry.bytes_read = entry.bytes_read.saturating_add(handle.bytes_read);
    entry.bytes_written = entry.bytes_written.saturating_add(handle.bytes_written);
}

/// The entries for files and directories left in the scratch file system, in the order of their paths. The last entries
/// count those that are not listed.
fn residue(remains: &Remains, scope: &str) -> Vec<Resource> {
    let entry = |kind, count| Resource { count, ..Resource::new(kind, scope, Vec::new()) };
    let listed = remains.residue.iter().map(|left| {
        let kind = if left.bytes.is_some() { ResourceKind::Residue } else { ResourceKind::ResidueDir };
        Resource { path: Some(left.path.clone()), bytes: left.bytes, ..entry(kind, 1) }
    });
    let more =
        [(ResourceKind::Residue, remains.residue_omitted), (ResourceKind::ResidueDir, remains.residue_dirs_omitted)];
    let more = more.into_iter().filter(|(_, count)| *count > 0).map(|(kind, count)| entry(kind, count));
    listed.chain(more).collect()
}

/// What a test changed in overlays, by grant and path.
pub fn describe_changes(remains: &Remains) -> Vec<Change> {
    let change = |change: &OverlayChange| match change.now {
        Some((FileKind::File, size)) => Change::new(&*change.report_as, ChangeKind::Written, Some(size)),
        Some((FileKind::Dir, _)) => Change::new(&*change.report_as, ChangeKind::Directory, None),
        // A test can move a pipe or device of the directory below the overlay. All else that is neither file nor directory
        // is a link that the test made.
        Some(_) => Change::new(&*change.report_as, ChangeKind::Link, None),
        None => Change::new(&*change.report_as, ChangeKind::Removed, None),
    };
    remains.changes.iter().map(change).collect()
}

/// The paths of what a test left in the scratch file system or changed in overlays.
pub fn left_files(remains: &Remains) -> Vec<String> {
    let residue = remains.residue.iter().map(|left| left.path.clone());
    residue.chain(remains.changes.iter().map(|change| change.report_as.to_string())).collect()
}

/// The changes of overlays, to be made in the host's directories.
pub fn kept_changes(changes: Vec<OverlayChange>, (module, test): (&str, &TestRecord)) -> Vec<KeptChange> {
    let kept = |change: OverlayChange| KeptChange {
        module: module.to_owned(),
        test: test.name.to_string(),
        role: test.role,
        passed: test.verdict == Verdict::Pass,
        report_as: change.report_as.to_string(),
        host: change.host.to_path_buf(),
        path: change.path,
        now: match (change.now, change.contents) {
            (None, _) => KeptNode::Nothing,
            (Some((FileKind::File, _)), Some(Ok(contents))) => KeptNode::File(contents),
            (Some((FileKind::File, _)), Some(Err(why))) => KeptNode::Refused(why),
            (Some((FileKind::Dir, _)), _) => KeptNode::Directory,
            (Some(_), _) => KeptNode::Refused("it is not a file; links are not written back".to_owned()),
        },
    };
    changes.into_iter().map(kept).collect()
}

fn entry(handle: &Handle, scope: String, symbols: &Symbols) -> Resource {
    Resource {
        kind: kind(handle.kind),
        tracked: handle.tracked.as_deref().map(str::to_owned),
        count: 1,
        path: handle.path.as_deref().map(str::to_owned),
        fd: Some(handle.fd).filter(|_| handle.has_descriptor()),
        bytes: None,
        mode: handle.access.word().map(str::to_owned),
        bytes_read: handle.bytes_read,
        bytes_written: handle.bytes_written,
        socket: socket(handle),
        thread: (handle.kind == Kind::Task).then(|| waiting(handle, symbols)),
        blocks: None,
        scope,
        stack: handle.stack.as_deref().map(|stack| symbols.frames(stack)).unwrap_or_default(),
        omitted_places: 0,
        accepted: None,
    }
}

/// What a task that is not done is waiting for.
fn waiting(task: &Handle, symbols: &Symbols) -> ThreadRecord {
    let does = if task.waits.is_some() { "waits" } else { "waits for nothing that could wake it" };
    let stack = task.waits.as_deref().map(|stack| symbols.frames(stack)).unwrap_or_default();
    ThreadRecord { does: does.to_owned(), stack, ..ThreadRecord::default() }
}

/// The counts of the user's own kinds of resources.
pub fn tracked(remains: &Remains) -> Vec<TrackedRecord> {
    let counts = remains.tracked.iter();
    counts.map(|(name, count)| TrackedRecord::new(&**name, count.total, count.peak, count.open - count.found)).collect()
}

/// What subtests acquired and what was only released after they had ended. Also how many of these are not listed.
pub fn outlived(remains: &Remains, scopes: ScopeNames<'_>, symbols: &Symbols) -> (Vec<OutlivedRecord>, u64) {
    let frames = |stack: Option<&Stack>| stack.map(|stack| symbols.frames(stack)).unwrap_or_default();
    let record = |outliving: &Outliving| {
        let Outliving { first, released, count, peak } = outliving;
        let scope = scopes.name(first.scope);
        OutlivedRecord {
            tracked: first.tracked.as_deref().map(str::to_owned),
            count: *count,
            peak: (*peak).into(),
            path: first.path.as_deref().map(str::to_owned),
            released: frames(released.as_ref()),
            ..OutlivedRecord::new(kind(first.kind), scope, frames(first.stack.as_ref()))
        }
    };
    let mut room = Room::new();
    let mut omitted = remains.outlived.omitted;
    let mut records = Vec::new();
    for outliving in &remains.outlived.listed {
        if room.is_full() {
            omitted += outliving.count;
            continue;
        }
        let record = record(outliving);
        let path = record.path.as_ref().map_or(0, String::len);
        room.take_bytes(path + bytes_of_stack(&record.stack) + bytes_of_stack(&record.released));
        records.push(record);
    }
    (records, omitted)
}

/// What reports call this kind of handle.
pub fn kind(kind: Kind) -> ResourceKind {
    match kind {
        Kind::File | Kind::Stream => ResourceKind::File,
        Kind::Dir => ResourceKind::Dir,
        Kind::Socket => ResourceKind::Socket,
        Kind::Tracked => ResourceKind::Tracked,
        Kind::Task => ResourceKind::AsyncTask,
    }
}

/// The record of a socket; `None` if there is nothing to say.
fn socket(handle: &Handle) -> Option<SocketRecord> {
    let ends = handle.socket?;
    // A listening socket has neither unread bytes nor a peer.
    let listens = handle.access == Access::None && ends.peer.is_none();
    let record = SocketRecord {
        local: ends.local.map(|address| address.to_string()),
        peer: ends.peer.map(|address| address.to_string()),
        unread: ends.waiting.filter(|_| !listens),
        unaccepted: ends.waiting.filter(|_| listens),
    };
    (record != SocketRecord::default()).then_some(record)
}

/// The sum of two figures; `None` if one of them is not known.
fn added(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    Some(a?.saturating_add(b?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Acquisition, Ledger, Origin};
    use crate::sandbox::wasi::LeftoverFile;
    use crate::symbols::PathRoots;

    #[test]
    fn of_too_many_paths_the_last_are_one_entry_of_each_kind() {
        let mut ledger = Ledger::default();
        let mut opened = |kind: Kind, path: u64| {
            let path = Some(format!("/tmp/{path}").into());
            let (fd, access, origin) = (5, Access::Read, Origin::Test);
            let id = ledger.acquire(Acquisition { kind, path, fd, access, origin, stack: None });
            ledger.read(id, 3);
            ledger.get(id).unwrap().clone()
        };
        let mut open: Vec<Handle> = (0..5000).map(|path| opened(Kind::File, path)).collect();
        open.extend([4000, 4000, 0].map(|path| opened(Kind::File, path)));
        open.extend([7, 8].map(|path| opened(Kind::Dir, path)));
        let symbols = Symbols::of_bytes(&[], PathRoots::default());
        let entries = handles(&open, ScopeNames { test: "t", forked: None, subtests: &[] }, &symbols);
        assert_eq!(entries.iter().map(|entry| entry.count).sum::<u64>(), 5005);
        assert_eq!(entries.iter().map(|entry| entry.bytes_read).sum::<u64>(), 3 * 5005);
        let [first, .., files, dirs] = &entries[..] else { panic!("{}", entries.len()) };
        assert_eq!((first.count, first.path.as_deref(), first.omitted_places), (2, Some("/tmp/0"), 0));
        let listed = entries.len() as u64 - 2;
        assert!((100..=1000).contains(&listed), "{listed}");
        assert_eq!((files.kind, files.path.as_deref()), (ResourceKind::File, None));
        assert_eq!((files.omitted_places, files.count), (5000 - listed, 5002 - listed));
        assert_eq!((dirs.kind, dirs.omitted_places, dirs.count), (ResourceKind::Dir, 2, 2));
    }

    #[test]
    fn what_is_too_much_to_be_listed_is_counted() {
        let left = |nth: u64| LeftoverFile { path: format!("/tmp/{nth}"), bytes: Some(nth).filter(|nth| *nth > 0) };
        let mut remains = Remains { residue: (0..2).map(left).collect(), ..Remains::default() };
        let told = |remains: &Remains| -> Vec<_> {
            residue(remains, "t").into_iter().map(|left| (left.kind, left.count, left.bytes)).collect()
        };
        let listed = [(ResourceKind::ResidueDir, 1, None), (ResourceKind::Residue, 1, Some(1))];
        assert_eq!(told(&remains), listed);
        (remains.residue_omitted, remains.residue_dirs_omitted) = (40, 2);
        let more = [(ResourceKind::Residue, 40, None), (ResourceKind::ResidueDir, 2, None)];
        assert_eq!(told(&remains), [listed, more].concat());
        assert!(residue(&remains, "t")[2..].iter().all(|left| left.path.is_none()));
    }
}
