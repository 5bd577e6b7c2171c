use super::*;

#[test]
fn a_file_moves_and_replaces() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    let (a, b) = (file(&mut fs, "a", b"A"), file(&mut fs, "d/b", b"B"));
    rename(&mut fs, "a", "d/b").unwrap();
    assert_eq!(lookup(&mut fs, "d/b"), Ok(a));
    assert_eq!(fs.stat(b), Err(FsError::Badf));
    rename(&mut fs, "d/b", "c").unwrap();
    assert_eq!(tree(&fs), ["c", "d"]);
    audit::audit(&fs);
}

#[test]
fn what_is_open_survives_being_replaced() {
    let mut fs = scratch();
    let old = open(&mut fs, "f", CREATE).unwrap();
    fs.write_at(old, 0, b"old", 2).unwrap();
    let new = file(&mut fs, "tmp", b"new");
    rename(&mut fs, "tmp", "f").unwrap();
    assert_eq!((content(&fs, old), content(&fs, new)), (b"old".to_vec(), b"new".to_vec()));
    audit::audit(&fs);
    fs.release(old).unwrap();
    assert_eq!(fs.usage(), QuotaUsage { bytes: 4, entries: 1 });
}

#[test]
fn a_directory_replaces_only_an_empty_directory() {
    let mut fs = scratch();
    let moved = dir(&mut fs, "source");
    file(&mut fs, "source/f", b"");
    dir(&mut fs, "empty");
    dir(&mut fs, "full");
    file(&mut fs, "full/g", b"");
    assert_eq!(rename(&mut fs, "source", "full"), Err(FsError::Notempty));
    assert_eq!(rename(&mut fs, "source", "full/g"), Err(FsError::Notdir));
    assert_eq!(rename(&mut fs, "full/g", "empty"), Err(FsError::Isdir));
    rename(&mut fs, "source/", "empty/").unwrap();
    assert_eq!(lookup(&mut fs, "empty"), Ok(moved));
    assert_eq!(tree(&fs), ["empty", "empty/f", "full", "full/g"]);
    rename(&mut fs, "empty", "full/moved").unwrap();
    assert_eq!(fs.stat(fs.root()).unwrap().nlink, 3);
    audit::audit(&fs);
}

#[test]
fn a_directory_does_not_move_below_itself_nor_over_its_parent() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    dir(&mut fs, "d/e");
    file(&mut fs, "d/e/f", b"");
    for to in ["d/x", "d/e", "d/e/x", "d/e/../x", "d/x/"] {
        assert_eq!(rename(&mut fs, "d", to), Err(FsError::Inval), "{to}");
    }
    for from in ["d/e", "d/e/f"] {
        assert_eq!(rename(&mut fs, from, "d"), Err(FsError::Notempty), "{from}");
    }
    symlink(&mut fs, "d/e", "l");
    assert_eq!(rename(&mut fs, "d", "l/x"), Err(FsError::Inval));
    let base = lookup(&mut fs, "d/e").unwrap();
    assert_eq!(fs.rename(fs.root(), "d", base, "x", 2), Err(FsError::Inval));
    audit::audit(&fs);
}

#[test]
fn two_names_of_one_file_stay() {
    let mut fs = scratch();
    file(&mut fs, "a", b"");
    dir(&mut fs, "d");
    fs.link(fs.root(), "a", false, fs.root(), "b", 2).unwrap();
    rename(&mut fs, "a", "b").unwrap();
    rename(&mut fs, "a", "a").unwrap();
    rename(&mut fs, "d", "d/").unwrap();
    assert_eq!(tree(&fs), ["a", "b", "d"]);
}

#[test]
fn links_are_moved_not_followed() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    symlink(&mut fs, "d", "l");
    assert_eq!(rename(&mut fs, "l/", "m"), Err(FsError::Notdir));
    assert_eq!(rename(&mut fs, "l", "m/"), Err(FsError::Notdir));
    rename(&mut fs, "l", "m").unwrap();
    assert_eq!(fs.read_link(fs.root(), "m"), Ok("d".into()));
    file(&mut fs, "f", b"");
    rename(&mut fs, "f", "m").unwrap();
    assert_eq!(tree(&fs), ["d", "m"]);
}

#[test]
fn dots_cannot_be_renamed() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    for dots in [".", "d/.", "d/.."] {
        assert_eq!(rename(&mut fs, dots, "x"), Err(FsError::Busy), "{dots}");
        assert_eq!(rename(&mut fs, "d", dots), Err(FsError::Busy), "{dots}");
    }
    assert_eq!(rename(&mut fs, "none", "x"), Err(FsError::Noent));
}
