use super::*;
use crate::sandbox::wasi::host::HostCount;
use crate::sandbox::wasi::oracle::seeds::picture;
use crate::sandbox::wasi::scratch::store::Work;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tempfile::TempDir;

/// A directory of the host, an overlay over it, and the count of descriptors.
struct Over {
    host: TempDir,
    fs: Scratch,
    root: NodeId,
    count: HostCount,
}

fn over(plant: impl FnOnce(&Path)) -> Over {
    over_with(scratch(), plant)
}

fn over_with(mut fs: Scratch, plant: impl FnOnce(&Path)) -> Over {
    let host = tempfile::tempdir().unwrap();
    plant(host.path());
    let mut count = HostCount::default();
    let root = fs.overlay(&Lower::open(host.path()).unwrap(), &mut count);
    Over { host, fs, root, count }
}

/// `a`, `b/inner/deep`, `b/other`, `c`.
fn planted(at: &Path) {
    fs::create_dir_all(at.join("b/inner")).unwrap();
    for (path, text) in [("c", "CCC"), ("a", "A"), ("b/inner/deep", "deep"), ("b/other", "other")] {
        fs::write(at.join(path), text).unwrap();
    }
}

impl Over {
    fn names(&mut self, path: &str) -> Vec<String> {
        let dir = self.fs.lookup(self.root, path, true).unwrap();
        self.fs.read_dir(dir).unwrap().skip(2).map(|entry| entry.name.to_owned()).collect()
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>> {
        let node = self.fs.open(self.root, path, READ, 2)?.node;
        let bytes = content(&self.fs, node);
        self.fs.release(node).unwrap();
        Ok(bytes)
    }

    fn write(&mut self, path: &str, offset: u64, bytes: &[u8]) -> Result<usize> {
        let node = self.fs.open(self.root, path, CREATE, 2)?.node;
        let count = self.fs.write_at(node, offset, bytes, 3);
        self.fs.release(node).unwrap();
        count
    }

    fn stat(&mut self, path: &str) -> Result<Stat> {
        self.fs.stat_path(self.root, path, false)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        self.fs.rename(self.root, from, self.root, to, 4)
    }
}

#[test]
fn nothing_is_met_before_it_is_touched() {
    let mut over = over(planted);
    assert_eq!((over.fs.nodes().count(), over.count.open()), (2, 0), "the two roots");
    assert_eq!(over.read("b/inner/deep"), Ok(b"deep".to_vec()));
    assert_eq!(over.stat("none").err(), Some(FsError::Noent));
    assert_eq!(over.fs.nodes().count(), 5, "what is on the way, and nothing beside it");
    assert_eq!(over.fs.take_work(), Work::default(), "no directory was read");
    assert_eq!(over.fs.usage(), QuotaUsage::default(), "what is below is not charged");
    audit::audit(&over.fs);
}

#[test]
fn numbers_and_times_are_not_the_host_s() {
    let mut over = over(planted);
    let (c, a) = (over.stat("c").unwrap(), over.stat("a").unwrap());
    assert_eq!((c.ino, a.ino), (3, 4), "in the order of the first touch");
    assert_eq!((c.atime, c.mtime, c.ctime, c.size, c.nlink), (1, 1, 1, 3, 1));
    assert_eq!((c.dev, over.fs.stat(over.fs.root()).unwrap().dev), (2, 1));
    let b = over.stat("b").unwrap();
    assert_eq!((b.nlink, b.size, b.kind), (1, 0, FileKind::Dir));
    over.names("b");
    assert_eq!(over.stat("b"), Ok(b), "listing it tells no more");
}

#[test]
fn listings_are_by_name_and_then_by_creation() {
    let mut over = over(planted);
    over.write("new", 0, b"").unwrap();
    over.write("Z", 0, b"").unwrap();
    over.fs.unlink(over.root, "c", 2).unwrap();
    over.write("c", 0, b"again").unwrap();
    over.stat("b").unwrap();
    assert_eq!(over.names("."), ["a", "b", "new", "Z", "c"]);
    over.rename("a", "x").unwrap();
    over.rename("new", "b2").unwrap();
    assert_eq!(over.names("."), ["x", "b", "b2", "Z", "c"], "a place is kept");
    assert_eq!(over.fs.take_work(), Work { entries: 3, ..Work::default() }, "read once");
    audit::audit(&over.fs);
}

#[test]
fn what_is_renamed_before_it_is_listed_is_listed_by_its_new_name() {
    let mut over = over(planted);
    over.write("new", 0, b"").unwrap();
    over.rename("c", "aa").unwrap();
    over.rename("new", "b/other").unwrap();
    over.rename("b/inner", "moved").unwrap();
    assert_eq!(over.names("."), ["a", "aa", "b", "moved"]);
    assert_eq!(over.names("b"), ["other"]);
    assert_eq!(over.read("moved/deep"), Ok(b"deep".to_vec()));
    audit::audit(&over.fs);
}

#[test]
fn what_is_changed_is_changed_in_memory_only() {
    let mut over = over(planted);
    let before = picture(over.host.path());
    over.write("a", 1, b"bc").unwrap();
    over.write("made", 0, b"made").unwrap();
    over.fs.unlink(over.root, "c", 2).unwrap();
    over.rename("b", "moved").unwrap();
    over.fs.remove_dir(over.root, "moved/inner", 2).unwrap_err();
    over.fs.symlink("a", over.root, "l", 2).unwrap();
    over.fs.link(over.root, "a", false, over.root, "moved/hard", 2).unwrap();
    over.write("moved/hard", 0, b"x").unwrap();
    over.fs.set_times(over.root, Some(1), Some(1), 5).unwrap();
    for (path, text) in [("a", "xbc"), ("l", "xbc"), ("moved/inner/deep", "deep"), ("moved/../made", "made")] {
        assert_eq!(over.read(path), Ok(text.into()), "{path}");
    }
    for path in ["c", "b", "b/other"] {
        assert_eq!(over.stat(path).err(), Some(FsError::Noent), "{path}");
    }
    assert_eq!(over.names("moved"), ["inner", "other", "hard"]);
    audit::audit(&over.fs);
    assert_eq!(picture(over.host.path()), before);
}

#[test]
fn what_was_removed_does_not_come_back() {
    let mut over = over(planted);
    over.fs.unlink(over.root, "b/other", 2).unwrap();
    over.fs.unlink(over.root, "b/inner/deep", 2).unwrap();
    over.fs.remove_dir(over.root, "b/inner", 2).unwrap();
    assert_eq!(over.stat("b/inner").err(), Some(FsError::Noent));
    over.fs.remove_dir(over.root, "b", 2).unwrap();
    over.fs.create_dir(over.root, "b", 2).unwrap();
    assert_eq!(over.names("b"), [""; 0]);
    over.fs.create_dir(over.root, "b/inner", 2).unwrap();
    assert_eq!(over.names("b/inner"), [""; 0]);
    audit::audit(&over.fs);
}

#[test]
fn what_is_open_stays_what_it_was() {
    let mut over = over(planted);
    let open = over.fs.open(over.root, "c", READ, 2).unwrap().node;
    over.rename("a", "c").unwrap();
    let other = over.fs.open(over.root, "b/other", READ, 2).unwrap().node;
    over.fs.unlink(over.root, "b/other", 2).unwrap();
    assert_eq!((content(&over.fs, open), content(&over.fs, other)), (b"CCC".to_vec(), b"other".to_vec()));
    assert_eq!(over.read("c"), Ok(b"A".to_vec()));
    assert_eq!(over.fs.usage(), QuotaUsage { bytes: 1, entries: 1 }, "the new name; what is below costs no entry");
    over.fs.write_at(open, 0, b"now it does", 2).unwrap();
    audit::audit(&over.fs);
    over.fs.release(open).unwrap();
    over.fs.release(other).unwrap();
    assert_eq!(over.fs.usage(), QuotaUsage { bytes: 1, entries: 1 });
}

#[test]
fn a_file_is_copied_as_far_as_it_is_kept_when_it_is_written_to() {
    let mut over = over(|at| fs::write(at.join("f"), [7; 1000]).unwrap());
    let node = over.fs.open(over.root, "f", READ, 2).unwrap().node;
    over.fs.write_at(node, 0, b"", 2).unwrap();
    over.fs.allocate(node, 0, 1000, 2).unwrap();
    assert_eq!(over.fs.usage().bytes, 0);
    over.fs.truncate(node, 10, 2).unwrap();
    assert_eq!((over.fs.usage().bytes, over.fs.take_work().bytes), (10, 10));
    over.fs.allocate(node, 0, 15, 2).unwrap();
    assert_eq!((over.fs.usage().bytes, over.fs.take_work().bytes), (15, 0));
    assert_eq!(content(&over.fs, node), [[7; 10].as_slice(), &[0; 5]].concat());
}

#[test]
fn opening_to_cut_copies_nothing() {
    let mut over = over(|at| fs::write(at.join("f"), [7; 1000]).unwrap());
    let node = over.fs.open(over.root, "f", OpenFlags { truncate: true, ..CREATE }, 2).unwrap().node;
    assert_eq!((over.fs.usage(), over.fs.take_work(), over.count.open()), (QuotaUsage::default(), Work::default(), 0));
    assert_eq!(content(&over.fs, node), b"");
    assert_eq!(over.stat("f").unwrap().size, 0);
}

#[test]
fn there_must_be_room_for_the_copy() {
    let mut over = over_with(Scratch::new(100, 1, 1), |at| {
        for name in ["large", "small"] {
            fs::write(at.join(name), vec![7; if name == "large" { 101 } else { 60 }]).unwrap();
        }
    });
    assert_eq!(over.write("large", 0, b"x"), Err(FsError::Nospc));
    assert_eq!(over.read("large").map(|bytes| bytes.len()), Ok(101));
    assert_eq!(over.write("small", 0, b"x"), Ok(1));
    assert_eq!(over.fs.usage().bytes, 60);
    over.rename("small", "s").unwrap();
    assert_eq!(over.rename("large", "l"), Err(FsError::Nospc), "a new name is an entry");
    assert_eq!(over.write("new", 0, b""), Err(FsError::Nospc));
    over.fs.unlink(over.root, "large", 2).unwrap();
    over.fs.unlink(over.root, "s", 2).unwrap();
    assert_eq!(over.fs.usage(), QuotaUsage::default());
    audit::audit(&over.fs);
}

#[test]
fn special_files_are_seen_and_moved_and_not_opened() {
    let mut over = over(|at| {
        let dir = fs::File::open(at).unwrap();
        rustix::fs::mknodat(&dir, "fifo", rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        drop(std::os::unix::net::UnixListener::bind(at.join("socket")).unwrap());
    });
    for (name, kind) in [("fifo", FileKind::Fifo), ("socket", FileKind::Socket)] {
        assert_eq!(over.stat(name).unwrap().kind, kind);
        assert_eq!(over.read(name), Err(FsError::Acces));
        assert_eq!(over.write(name, 0, b"x"), Err(FsError::Acces));
        assert_eq!(over.stat(&format!("{name}/")).err(), Some(FsError::Notdir));
        assert_eq!(over.fs.read_link(over.root, name), Err(FsError::Inval));
        over.rename(name, "x").unwrap();
        over.fs.unlink(over.root, "x", 2).unwrap();
    }
    assert_eq!(over.names("."), [""; 0]);
}

#[test]
fn links_below_lead_no_further_than_others() {
    let mut over = over(|at| {
        planted(at);
        for (target, link) in [("a", "to-a"), ("/etc/passwd", "absolute"), ("../..", "b/out"), ("../a", "b/up")] {
            std::os::unix::fs::symlink(target, at.join(link)).unwrap();
        }
        std::os::unix::fs::symlink(OsStr::from_bytes(b"\xff"), at.join("no-text")).unwrap();
    });
    assert_eq!(over.read("to-a"), Ok(b"A".to_vec()));
    assert_eq!(over.read("b/up"), Ok(b"A".to_vec()));
    assert_eq!(over.fs.read_link(over.root, "b/out"), Ok("../..".into()));
    assert_eq!(over.read("b/out"), Err(FsError::NotCapable));
    let b = over.fs.lookup(over.root, "b", true).unwrap();
    assert_eq!(over.fs.lookup(b, "up", true), Err(FsError::NotCapable));
    for (link, error) in [("absolute", FsError::NotCapable), ("no-text", FsError::Ilseq)] {
        assert_eq!(over.read(link), Err(error), "{link}");
        assert_eq!(over.fs.read_link(over.root, link), Err(error), "{link}");
        assert_eq!(over.stat(link).map(|stat| (stat.kind, stat.size)), Ok((FileKind::Symlink, 0)), "{link}");
    }
    assert_eq!(over.fs.usage(), QuotaUsage::default());
}

#[test]
fn a_tree_that_is_swapped_underneath_leads_nowhere_else() {
    let outside = tempfile::tempdir().unwrap();
    for secret in ["deep", "other", "late"] {
        fs::write(outside.path().join(secret), "secret").unwrap();
    }
    let mut over = over(planted);
    over.stat("b/inner/deep").unwrap();
    over.stat("a").unwrap();
    over.stat("c").unwrap();
    let at = over.host.path().to_owned();
    fs::rename(at.join("b"), at.join("gone")).unwrap();
    std::os::unix::fs::symlink(outside.path(), at.join("b")).unwrap();
    fs::remove_file(at.join("a")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("other"), at.join("a")).unwrap();
    fs::remove_file(at.join("c")).unwrap();
    rustix::fs::mknodat(fs::File::open(&at).unwrap(), "c", rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    // A view that has nothing open any more, as after a visit to many other directories.
    let root = over.fs.overlay(&Lower::open(&at).unwrap(), &mut over.count);
    assert_eq!(over.fs.lookup(root, "b/late", true), Err(FsError::NotCapable), "met as a link");
    assert_eq!(over.read("b/late"), Err(FsError::Noent), "the directory that was met is still the one that is open");
    assert_eq!(over.read("a"), Err(FsError::Noent));
    assert_eq!(over.read("c"), Err(FsError::Acces));
}

#[test]
fn a_directory_swapped_for_a_link_is_not_entered() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let mut over = over(planted);
    over.stat("b").unwrap();
    fs::rename(over.host.path().join("b"), over.host.path().join("gone")).unwrap();
    std::os::unix::fs::symlink(outside.path(), over.host.path().join("b")).unwrap();
    assert_eq!(over.read("b/secret"), Err(FsError::Noent));
    let b = over.fs.lookup(over.root, "b", true).unwrap();
    assert_eq!(over.fs.read_dir(b).err(), Some(FsError::Noent));
}

#[test]
fn few_host_descriptors_are_held() {
    let deep: Vec<String> = (0..40).map(|level| format!("d{level}")).collect();
    let mut over = over(|at| {
        let bottom = at.join(deep.join("/"));
        fs::create_dir_all(&bottom).unwrap();
        fs::write(bottom.join("f"), "bottom").unwrap();
        for side in 0..40 {
            fs::create_dir(at.join(format!("s{side}"))).unwrap();
        }
    });
    let path = format!("{}/f", deep.join("/"));
    assert_eq!(over.read(&path), Ok(b"bottom".to_vec()));
    for side in 0..40 {
        assert_eq!(over.stat(&format!("s{side}/none")).err(), Some(FsError::Noent));
    }
    let few = over.count.open();
    assert!((1..=8).contains(&few), "{few}");
    let open = over.fs.open(over.root, &path, READ, 2).unwrap().node;
    over.fs.open(over.root, &path, READ, 2).unwrap();
    assert!(over.count.open() <= 9, "one for the file, however often it is opened");
    over.fs.release(open).unwrap();
    over.fs.release(open).unwrap();
    assert!(over.count.open() <= 8);
    let Over { fs, count, .. } = over;
    drop(fs);
    assert_eq!(count.open(), 0);
}

#[test]
fn trees_are_file_systems_of_their_own() {
    let mut over = over(planted);
    file(&mut over.fs, "scratch", b"x");
    let scratch = over.fs.root();
    let fs = &mut over.fs;
    assert_eq!(fs.rename(scratch, "scratch", over.root, "a", 2), Err(FsError::Xdev));
    assert_eq!(fs.rename(over.root, "a", scratch, "none", 2), Err(FsError::Xdev));
    assert_eq!(fs.link(over.root, "a", false, scratch, "new", 2), Err(FsError::Xdev));
    assert_eq!(fs.link(over.root, "a", false, scratch, "scratch", 2), Err(FsError::Exist));
    over.write("new", 0, b"written").unwrap();
    assert_eq!(tree(&over.fs), ["scratch"], "what is written to an overlay is no residue");
    assert_eq!(over.fs.usage(), QuotaUsage { bytes: 7 + 1 + 3 + 7, entries: 2 }, "and one quota holds for both");
    audit::audit(&over.fs);
}

#[test]
fn tests_do_not_see_each_other() {
    let host = tempfile::tempdir().unwrap();
    planted(host.path());
    let lower = Lower::open(host.path()).unwrap();
    let mut worlds = [scratch(), scratch()].map(|mut fs| {
        let root = fs.overlay(&lower, &mut HostCount::default());
        assert_eq!(fs.overlay(&lower, &mut HostCount::default()), root, "one directory is one overlay");
        (fs, root)
    });
    let [(first, root), (second, other)] = &mut worlds;
    first.unlink(*root, "a", 2).unwrap();
    first.create_dir(*root, "new", 2).unwrap();
    assert!(second.lookup(*other, "a", true).is_ok());
    assert_eq!(second.lookup(*other, "new", true), Err(FsError::Noent));
}

#[test]
fn hard_links_below_are_files_of_their_own() {
    let mut over = over(|at| {
        fs::write(at.join("a"), "same").unwrap();
        fs::hard_link(at.join("a"), at.join("b")).unwrap();
    });
    over.write("a", 0, b"t").unwrap();
    assert_eq!((over.read("a"), over.read("b")), (Ok(b"tame".to_vec()), Ok(b"same".to_vec())));
    assert_eq!(over.stat("a").unwrap().nlink, 1);
}

#[test]
fn names_that_are_no_text_are_not_there() {
    let mut over = over(|at| {
        fs::create_dir(at.join("d")).unwrap();
        fs::write(at.join("d").join(OsStr::from_bytes(b"\xff")), "").unwrap();
    });
    assert_eq!(over.names("d"), [""; 0]);
    over.fs.remove_dir(over.root, "d", 2).unwrap();
}

#[test]
fn a_file_cut_by_the_host_meanwhile_is_as_short_as_it_is() {
    let mut over = over(planted);
    assert_eq!(over.stat("c").unwrap().size, 3);
    fs::write(over.host.path().join("c"), "C").unwrap();
    assert_eq!(over.write("c", 0, b"x"), Ok(1));
    assert_eq!((over.read("c"), over.fs.usage().bytes), (Ok(b"x".to_vec()), 1));
    fs::write(over.host.path().join("a"), "longer now").unwrap();
    assert_eq!(over.stat("a").unwrap().size, 10);
    fs::write(over.host.path().join("a"), "longer now than it was").unwrap();
    assert_eq!(over.read("a"), Ok(b"longer now".to_vec()), "a size does not change that a test has been told");
}

#[test]
fn what_is_remembered_of_files_below_is_counted_once() {
    let mut over = over(|at| {
        planted(at);
        std::os::unix::fs::symlink("b/inner", at.join("link")).unwrap();
    });
    assert_eq!(over.fs.met(), QuotaUsage::default());
    over.read("b/inner/deep").unwrap();
    let on_the_way =
        QuotaUsage { bytes: ("b".len() * 2 + "inner".len() + "b/inner".len() + "deep".len()) as u64, entries: 3 };
    assert_eq!(over.fs.met(), on_the_way, "names, and the paths of the directories");
    over.names(".");
    over.names(".");
    let bytes = on_the_way.bytes + ("a".len() + "c".len() + "link".len() + "b/inner".len()) as u64;
    assert_eq!(over.fs.met(), QuotaUsage { bytes, entries: 6 });
    over.fs.unlink(over.root, "a", 2).unwrap();
    assert_eq!(over.fs.met().entries, 6, "that it is gone is remembered too");
    assert_eq!(over.fs.usage(), QuotaUsage::default());
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_shows_of_processes_is_below_no_overlay() {
    let mut fs = scratch();
    let root = fs.overlay(&Lower::open(Path::new("/")).unwrap(), &mut HostCount::default());
    for path in ["proc/self/environ", "proc/self/cmdline", "sys/kernel/mm"] {
        assert!(matches!(fs.stat_path(root, path, true), Err(FsError::Acces)), "{path}");
    }
    assert!(Lower::open(Path::new("/proc")).unwrap_err().to_string().contains("is never granted"));
}
