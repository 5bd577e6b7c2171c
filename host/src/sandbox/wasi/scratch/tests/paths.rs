use super::*;

fn nested() -> Scratch {
    let mut fs = scratch();
    dir(&mut fs, "dir");
    dir(&mut fs, "dir/nested");
    file(&mut fs, "dir/nested/file", b"x");
    symlink(&mut fs, "nested", "dir/link");
    symlink(&mut fs, "dir/nested/file", "to-file");
    fs
}

#[test]
fn dots_slashes_and_links_lead_to_the_same_file() {
    let mut fs = nested();
    let file = lookup(&mut fs, "dir/nested/file").unwrap();
    for path in [
        "dir/.//nested/../../dir/nested/../nested///./file",
        "./dir/link/file",
        "dir/link/../nested/file",
        "to-file",
        "dir/../to-file",
    ] {
        assert_eq!(lookup(&mut fs, path), Ok(file), "{path}");
    }
    for path in [".", "./", ".//.", "dir/..", "dir/link/../.."] {
        assert_eq!(lookup(&mut fs, path), Ok(fs.root()), "{path}");
    }
}

#[test]
fn nothing_leads_out_of_the_base() {
    let mut fs = nested();
    for path in ["/", "//", "/dir", "..", "../", "../dir", "dir/../..", "dir/nested/../../../dir/nested/file"] {
        assert_eq!(lookup(&mut fs, path), Err(FsError::NotCapable), "{path}");
        assert_eq!(fs.create_dir(fs.root(), path, 2), Err(FsError::NotCapable), "{path}");
        assert_eq!(rename(&mut fs, "dir", path), Err(FsError::NotCapable), "{path}");
    }
    let base = lookup(&mut fs, "dir").unwrap();
    assert_eq!(fs.lookup(base, "../dir/nested", true), Err(FsError::NotCapable));
    assert_eq!(fs.lookup(base, "nested/../../dir", true), Err(FsError::NotCapable));
    assert!(fs.lookup(base, "nested/..", true).is_ok_and(|dir| dir == base));
}

#[test]
fn a_link_leads_out_only_from_a_base_that_is_too_low() {
    let mut fs = nested();
    symlink(&mut fs, "../../to-file", "dir/nested/up");
    assert_eq!(lookup(&mut fs, "dir/nested/up"), lookup(&mut fs, "to-file"));
    let base = lookup(&mut fs, "dir").unwrap();
    assert_eq!(fs.lookup(base, "nested/up", true), Err(FsError::NotCapable));
    assert!(fs.lookup(base, "nested/up", false).is_ok());
    assert_eq!(fs.open(base, "nested/up", CREATE, 2), Err(FsError::NotCapable));
}

#[test]
fn dot_dot_follows_a_moved_directory() {
    let mut fs = nested();
    let moved = lookup(&mut fs, "dir/nested").unwrap();
    dir(&mut fs, "other");
    rename(&mut fs, "dir/nested", "other/nested").unwrap();
    assert_eq!(lookup(&mut fs, "other/nested/.."), lookup(&mut fs, "other"));
    assert_eq!(fs.lookup(moved, "..", true), Err(FsError::NotCapable));
    assert!(fs.lookup(moved, "file", true).is_ok());
}

#[test]
fn a_slash_at_the_end_asks_for_a_directory() {
    let mut fs = nested();
    assert_eq!(lookup(&mut fs, "dir/nested///"), lookup(&mut fs, "dir/nested"));
    assert_eq!(fs.lookup(fs.root(), "dir/link/", false), lookup(&mut fs, "dir/nested"));
    for path in ["dir/nested/file/", "to-file/", "dir/nested/file/.", "to-file/..", "dir/nested/file/x"] {
        assert_eq!(lookup(&mut fs, path), Err(FsError::Notdir), "{path}");
    }
    assert_eq!(lookup(&mut fs, "none/"), Err(FsError::Noent));
    symlink(&mut fs, "dir/nested/file/", "slashed");
    assert_eq!(lookup(&mut fs, "slashed"), Err(FsError::Notdir));
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let mut fs = scratch();
    file(&mut fs, "0", b"");
    for link in 1..=41 {
        symlink(&mut fs, &(link - 1).to_string(), &link.to_string());
    }
    assert_eq!(lookup(&mut fs, "40"), lookup(&mut fs, "0"));
    assert_eq!(lookup(&mut fs, "41"), Err(FsError::Loop));
    symlink(&mut fs, "self", "self");
    symlink(&mut fs, "pong/x", "ping");
    symlink(&mut fs, "ping/x", "pong");
    for path in ["self", "self/x", "ping", "pong/"] {
        assert_eq!(lookup(&mut fs, path), Err(FsError::Loop), "{path}");
    }
}

#[test]
fn the_text_of_a_path_is_checked() {
    let mut fs = nested();
    let (fits, over) = ("n".repeat(NAME_MAX), "n".repeat(NAME_MAX + 1));
    file(&mut fs, &fits, b"");
    assert_eq!(lookup(&mut fs, &over), Err(FsError::Nametoolong));
    assert_eq!(lookup(&mut fs, &format!("{over}/x")), Err(FsError::Nametoolong));
    assert_eq!(lookup(&mut fs, &format!("none/{over}")), Err(FsError::Noent));
    assert_eq!(rename(&mut fs, "dir", &over), Err(FsError::Nametoolong));

    let longest = format!("{}dir", "./".repeat((PATH_MAX - 4) / 2));
    assert_eq!(longest.len(), PATH_MAX - 1);
    assert_eq!(lookup(&mut fs, &longest), lookup(&mut fs, "dir"));
    assert_eq!(lookup(&mut fs, &format!("{longest}/")), Err(FsError::Nametoolong));

    assert_eq!(lookup(&mut fs, ""), Err(FsError::Noent));
    assert_eq!(lookup(&mut fs, "dir/nested/file\0"), Err(FsError::Inval));
    assert_eq!(lookup(&mut fs, "dir\0/../.."), Err(FsError::Inval));
}

#[test]
fn a_base_must_be_a_live_directory() {
    let mut fs = nested();
    let file = lookup(&mut fs, "to-file").unwrap();
    assert_eq!(fs.lookup(file, ".", true), Err(FsError::Notdir));
    assert_eq!(fs.create_dir(file, "x", 2), Err(FsError::Notdir));
    fs.unlink(fs.root(), "dir/nested/file", 2).unwrap();
    assert_eq!(fs.lookup(file, ".", true), Err(FsError::Badf));
}
