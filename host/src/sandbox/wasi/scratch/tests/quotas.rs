use super::*;
use crate::sandbox::wasi::scratch::node::Body;

#[test]
fn names_targets_and_contents_are_charged() {
    let mut fs = scratch();
    file(&mut fs, "four", b"12345");
    symlink(&mut fs, "target", "ln");
    dir(&mut fs, "dir");
    assert_eq!(fs.usage(), Usage { bytes: 4 + 5 + 6 + 2 + 3, entries: 3 });
    fs.link(fs.root(), "four", false, fs.root(), "again", 2).unwrap();
    assert_eq!(fs.usage(), Usage { bytes: 25, entries: 4 });
    fs.unlink(fs.root(), "four", 2).unwrap();
    fs.unlink(fs.root(), "again", 2).unwrap();
    fs.unlink(fs.root(), "ln", 2).unwrap();
    fs.remove_dir(fs.root(), "dir", 2).unwrap();
    assert_eq!(fs.usage(), Usage::default());
}

#[test]
fn a_write_fills_what_is_left_and_then_fails() {
    let mut fs = Scratch::new(11, 10, 1);
    let node = file(&mut fs, "f", b"1234");
    assert_eq!(fs.write_at(node, 4, b"56789012", 2), Ok(6));
    assert_eq!(content(&fs, node), b"1234567890");
    assert_eq!(fs.write_at(node, 10, b"x", 2), Err(FsError::Nospc));
    assert_eq!(fs.write_at(node, 11, b"x", 2), Err(FsError::Fbig));
    assert_eq!(fs.write_at(node, u64::MAX, b"xy", 2), Err(FsError::Fbig));
    assert_eq!(fs.write_at(node, 8, b"abcd", 2), Ok(2), "overwriting needs no room");
    fs.truncate(node, 3, 2).unwrap();
    assert_eq!(fs.write_at(node, 9, b"xyz", 2), Ok(1), "the hole is charged");
    audit::audit(&fs);
}

#[test]
fn huge_sizes_fail_at_once() {
    let mut fs = scratch();
    let node = file(&mut fs, "f", b"kept");
    for size in [(1 << 20) + 1, 1 << 60, u64::MAX] {
        assert_eq!(fs.truncate(node, size, 2), Err(FsError::Fbig), "{size}");
        assert_eq!(fs.allocate(node, 1, size - 1, 2), Err(FsError::Fbig), "{size}");
    }
    assert_eq!(fs.truncate(node, 1 << 20, 2), Err(FsError::Nospc), "the name takes a byte");
    assert_eq!(content(&fs, node), b"kept");
    // A quota beyond what a host has: the refusal comes from the allocator.
    let mut fs = Scratch::new(u64::MAX, 10, 1);
    let node = file(&mut fs, "f", b"kept");
    assert_eq!(fs.truncate(node, 1 << 60, 2), Err(FsError::Nospc));
    assert_eq!(fs.truncate(node, u64::MAX - 1, 2), Err(FsError::Nospc));
    assert_eq!(fs.write_at(node, 1 << 60, b"x", 2), Err(FsError::Nospc));
    audit::audit(&fs);
}

#[test]
fn cut_contents_are_given_back_to_the_host() {
    let mut fs = scratch();
    let node = file(&mut fs, "f", &[1; 100_000]);
    fs.truncate(node, 10, 2).unwrap();
    let Body::File(data) = &fs.node(node).unwrap().body else { unreachable!() };
    assert!(data.capacity() <= 20);
}

#[test]
fn entries_are_limited_and_come_back() {
    let mut fs = Scratch::new(1000, 3, 1);
    file(&mut fs, "a", b"");
    symlink(&mut fs, "a", "b");
    dir(&mut fs, "c");
    let root = fs.root();
    assert_eq!(open(&mut fs, "d", CREATE), Err(FsError::Nospc));
    assert_eq!(fs.create_dir(root, "d", 2), Err(FsError::Nospc));
    assert_eq!(fs.symlink("a", root, "d", 2), Err(FsError::Nospc));
    assert_eq!(fs.link(root, "a", false, root, "d", 2), Err(FsError::Nospc));
    rename(&mut fs, "a", "d").unwrap();
    fs.remove_dir(root, "c", 2).unwrap();
    let held = open(&mut fs, "e", CREATE).unwrap();
    fs.unlink(root, "e", 2).unwrap();
    assert_eq!(open(&mut fs, "f", CREATE), Err(FsError::Nospc), "unlinked but open");
    fs.release(held).unwrap();
    open(&mut fs, "f", CREATE).unwrap();
    audit::audit(&fs);
}

#[test]
fn a_longer_name_is_charged_and_refused_whole() {
    let mut fs = Scratch::new(8, 3, 1);
    file(&mut fs, "aa", b"123");
    assert_eq!(rename(&mut fs, "aa", "bbbbbb"), Err(FsError::Nospc));
    assert_eq!(tree(&fs), ["aa"]);
    rename(&mut fs, "aa", "bbbbb").unwrap();
    assert_eq!(fs.usage().bytes, 8);
    rename(&mut fs, "bbbbb", "c").unwrap();
    assert_eq!(fs.usage().bytes, 4);
    file(&mut fs, "dddd", b"");
    rename(&mut fs, "c", "dddd").unwrap();
    assert_eq!(fs.usage(), Usage { bytes: 7, entries: 1 });
}

#[test]
fn an_empty_quota_allows_nothing() {
    let mut fs = Scratch::new(0, 0, 1);
    assert_eq!(open(&mut fs, "f", CREATE), Err(FsError::Nospc));
    assert_eq!(fs.create_dir(fs.root(), "d", 1), Err(FsError::Nospc));
    assert_eq!(tree(&fs), [""; 0]);
}

#[test]
fn residue_is_in_path_order_and_limited() {
    let mut fs = scratch();
    for path in ["b", "a"] {
        dir(&mut fs, path);
    }
    for path in ["a.txt", "b/z", "b/y", "a/x"] {
        file(&mut fs, path, path.as_bytes());
    }
    symlink(&mut fs, "../a", "b/l");
    assert_eq!(tree(&fs), ["a", "a/x", "a.txt", "b", "b/l", "b/y", "b/z"]);
    let first = fs.residue(2);
    assert_eq!(first.omitted, 5);
    assert_eq!(first.files[0], ResidueFile { path: "a".into(), kind: FileKind::Dir, size: 0 });
    assert_eq!(first.files[1], ResidueFile { path: "a/x".into(), kind: FileKind::File, size: 3 });
    assert_eq!(fs.residue(0).omitted, 7);
}
