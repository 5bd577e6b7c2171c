use super::*;

#[test]
fn directories_count_their_subdirectories() {
    let mut fs = scratch();
    let top = dir(&mut fs, "d");
    dir(&mut fs, "d/x");
    dir(&mut fs, "d/y/");
    file(&mut fs, "d/f", b"");
    assert_eq!(fs.stat(top).unwrap().nlink, 4);
    fs.remove_dir(fs.root(), "d/x/", 2).unwrap();
    assert_eq!(fs.stat(top).unwrap().nlink, 3);
    assert_eq!(fs.stat(top).unwrap().size, 0);
    assert_eq!(fs.stat(fs.root()).unwrap().nlink, 3);
}

#[test]
fn a_taken_name_is_refused_whatever_holds_it() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    file(&mut fs, "f", b"");
    symlink(&mut fs, "none", "l");
    for path in ["d", "d/", "f", "f/", "l", ".", "d/.", "d/.."] {
        assert_eq!(fs.create_dir(fs.root(), path, 2), Err(FsError::Exist), "{path}");
    }
    for path in ["d", "d/", "f", "l", ".", "d/.."] {
        assert_eq!(fs.symlink("x", fs.root(), path, 2), Err(FsError::Exist), "{path}");
        assert_eq!(fs.link(fs.root(), "f", false, fs.root(), path, 2), Err(FsError::Exist), "{path}");
    }
    assert_eq!(fs.symlink("x", fs.root(), "f/", 2), Err(FsError::Notdir));
    assert_eq!(fs.symlink("x", fs.root(), "new/", 2), Err(FsError::Noent));
    assert_eq!(fs.link(fs.root(), "f", false, fs.root(), "new/", 2), Err(FsError::Noent));
    assert_eq!(fs.create_dir(fs.root(), "none/d", 2), Err(FsError::Noent));
    assert_eq!(fs.create_dir(fs.root(), "f/d", 2), Err(FsError::Notdir));
}

#[test]
fn only_empty_directories_are_removed_and_only_by_name() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    file(&mut fs, "d/f", b"");
    symlink(&mut fs, "d", "l");
    for (path, error) in [
        ("d", FsError::Notempty),
        ("d/f", FsError::Notdir),
        ("l", FsError::Notdir),
        ("l/", FsError::Notdir),
        (".", FsError::Inval),
        ("d/.", FsError::Inval),
        ("d/..", FsError::Notempty),
        ("..", FsError::NotCapable),
        ("none", FsError::Noent),
    ] {
        assert_eq!(fs.remove_dir(fs.root(), path, 2), Err(error), "{path}");
    }
    fs.unlink(fs.root(), "d/f", 2).unwrap();
    fs.remove_dir(fs.root(), "d", 2).unwrap();
    assert_eq!(tree(&fs), ["l"]);
}

#[test]
fn unlink_leaves_directories_alone() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    file(&mut fs, "f", b"");
    symlink(&mut fs, "d", "l");
    for (path, error) in [
        ("d", FsError::Isdir),
        ("d/", FsError::Isdir),
        (".", FsError::Isdir),
        ("d/..", FsError::Isdir),
        ("f/", FsError::Notdir),
        ("l/", FsError::Notdir),
        ("none", FsError::Noent),
        ("none/", FsError::Noent),
    ] {
        assert_eq!(fs.unlink(fs.root(), path, 2), Err(error), "{path}");
    }
    fs.unlink(fs.root(), "l", 2).unwrap();
    assert_eq!(tree(&fs), ["d", "f"]);
}

#[test]
fn nothing_is_made_in_a_removed_directory() {
    let mut fs = scratch();
    let file = file(&mut fs, "f", b"");
    let gone = dir(&mut fs, "d");
    fs.retain(gone).unwrap();
    fs.remove_dir(fs.root(), "d", 2).unwrap();
    assert_eq!(fs.stat(gone).unwrap().nlink, 0);
    assert_eq!(fs.lookup(gone, ".", true), Ok(gone));
    assert_eq!(fs.lookup(gone, "..", true), Err(FsError::NotCapable));
    assert_eq!(fs.create_dir(gone, "x", 2), Err(FsError::Noent));
    assert_eq!(fs.create_dir(gone, &"x".repeat(NAME_MAX + 1), 2), Err(FsError::Noent));
    assert_eq!(fs.symlink("x", gone, "x", 2), Err(FsError::Noent));
    assert_eq!(fs.open(gone, "x", CREATE, 2), Err(FsError::Noent));
    assert_eq!(fs.link(fs.root(), "f", false, gone, "x", 2), Err(FsError::Noent));
    // Linux looks at the directory first, and then at the file to be linked there.
    assert_eq!(fs.link(fs.root(), ".", false, gone, "x", 2), Err(FsError::Noent));
    assert_eq!(fs.rename(fs.root(), "f", gone, "x", 2), Err(FsError::Noent));
    assert!(fs.read_dir(gone).is_err_and(|error| error == FsError::Noent));
    audit::audit(&fs);
    fs.release(gone).unwrap();
    assert_eq!(fs.stat(gone), Err(FsError::Badf));
    assert!(fs.stat(file).is_ok());
}

#[test]
fn hard_links_share_one_file() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    let node = file(&mut fs, "f", b"shared");
    fs.link(fs.root(), "f", false, fs.root(), "d/g", 2).unwrap();
    assert_eq!(lookup(&mut fs, "d/g"), Ok(node));
    assert_eq!(fs.stat(node).unwrap().nlink, 2);
    fs.unlink(fs.root(), "f", 2).unwrap();
    assert_eq!(content(&fs, node), b"shared");
    assert_eq!(fs.link(fs.root(), "d", false, fs.root(), "e", 2), Err(FsError::Perm));
    audit::audit(&fs);
}

#[test]
fn a_link_to_a_link_is_to_the_link_unless_followed() {
    let mut fs = scratch();
    let node = file(&mut fs, "f", b"");
    symlink(&mut fs, "f", "l");
    fs.link(fs.root(), "l", false, fs.root(), "same-link", 2).unwrap();
    fs.link(fs.root(), "l", true, fs.root(), "same-file", 2).unwrap();
    assert_eq!(fs.read_link(fs.root(), "same-link"), Ok("f".into()));
    assert_eq!(fs.lookup(fs.root(), "same-file", false), Ok(node));
}

#[test]
fn link_targets_are_kept_as_written_but_never_absolute() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    symlink(&mut fs, "../no/such//thing/", "l");
    assert_eq!(fs.read_link(fs.root(), "l"), Ok("../no/such//thing/".into()));
    assert_eq!(fs.stat_path(fs.root(), "l", false).map(|stat| (stat.kind, stat.size)), Ok((FileKind::Symlink, 18)));
    assert_eq!(fs.read_link(fs.root(), "d"), Err(FsError::Inval));
    let long = "x".repeat(PATH_MAX);
    for (target, error) in [
        ("/", FsError::NotCapable),
        ("/etc/passwd", FsError::NotCapable),
        ("", FsError::Noent),
        ("a\0b", FsError::Inval),
        (&long, FsError::Nametoolong),
    ] {
        assert_eq!(fs.symlink(target, fs.root(), "new", 2), Err(error), "{target}");
    }
}
