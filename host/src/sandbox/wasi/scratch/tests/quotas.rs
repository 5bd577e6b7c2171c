use super::*;
use crate::model::Limit;
use crate::sandbox::wasi::resolve::SIZE_MAX;
use crate::sandbox::wasi::scratch::contents::BLOCK;
use crate::sandbox::wasi::scratch::node::Body;

#[test]
fn names_targets_and_contents_are_charged() {
    let mut fs = scratch();
    file(&mut fs, "four", b"12345");
    symlink(&mut fs, "target", "ln");
    dir(&mut fs, "dir");
    assert_eq!(fs.usage(), QuotaUsage { bytes: 4 + 5 + 6 + 2 + 3, entries: 3 });
    fs.link(fs.root(), "four", false, fs.root(), "again", 2).unwrap();
    assert_eq!(fs.usage(), QuotaUsage { bytes: 25, entries: 4 });
    fs.unlink(fs.root(), "four", 2).unwrap();
    fs.unlink(fs.root(), "again", 2).unwrap();
    fs.unlink(fs.root(), "ln", 2).unwrap();
    fs.remove_dir(fs.root(), "dir", 2).unwrap();
    assert_eq!(fs.usage(), QuotaUsage::default());
}

#[test]
fn a_write_fills_what_is_left_and_then_fails() {
    let mut fs = Scratch::new(11, 10, 1);
    let node = file(&mut fs, "f", b"1234");
    assert_eq!(fs.write_at(node, 4, b"56789012", 2), Ok(6));
    assert_eq!(content(&fs, node), b"1234567890");
    assert_eq!(fs.write_at(node, 10, b"x", 2), Err(FsError::Nospc));
    assert_eq!(fs.write_at(node, 11, b"x", 2), Err(FsError::Nospc));
    assert_eq!(fs.write_at(node, u64::MAX, b"xy", 2), Err(FsError::Fbig));
    assert_eq!(fs.write_at(node, 8, b"abcd", 2), Ok(2), "overwriting needs no room");
    fs.truncate(node, 3, 2).unwrap();
    assert_eq!(fs.write_at(node, 9, b"xyz", 2), Ok(1), "the hole is in a block that is written to");
    audit::audit(&fs);
}

#[test]
fn a_size_is_no_room() {
    let mut fs = Scratch::new(3 * BLOCK, 10, 1);
    let node = file(&mut fs, "f", b"kept");
    fs.truncate(node, 4 << 30, 2).unwrap();
    assert_eq!((fs.stat(node).unwrap().size, fs.usage().bytes), (4 << 30, 1 + BLOCK));
    let mut buf = [0xAA; 6];
    assert_eq!(fs.read_at(node, 2, &mut buf), Ok(6));
    assert_eq!(&buf, b"pt\0\0\0\0");
    assert_eq!(fs.read_at(node, (4 << 30) - 2, &mut buf), Ok(2));
    assert_eq!(fs.write_at(node, 2 << 30, b"x", 2), Ok(1));
    assert_eq!(fs.usage().bytes, 1 + 2 * BLOCK);
    assert_eq!(fs.refused(), None);
    assert_eq!(fs.write_at(node, 3 << 30, b"x", 2), Err(FsError::Nospc));
    assert_eq!(fs.allocate(node, 1 << 30, BLOCK, 2), Err(FsError::Nospc), "there is no room to reserve");
    assert_eq!(fs.refused(), Some(Limit::Scratch));
    fs.truncate(node, 4, 2).unwrap();
    assert_eq!((content(&fs, node), fs.usage().bytes), (b"kept".to_vec(), 5));
    fs.allocate(node, 0, 2 * BLOCK, 2).unwrap();
    assert_eq!(fs.usage().bytes, 1 + 2 * BLOCK);
    assert_eq!(fs.write_at(node, 0, &[1; 2 * BLOCK as usize], 2), Ok(2 * BLOCK as usize));
    assert_eq!(fs.usage().bytes, 1 + 2 * BLOCK, "the room was reserved");
    audit::audit(&fs);
}

#[test]
fn no_file_is_larger_than_on_linux() {
    let mut fs = Scratch::new(u64::MAX, 10, 1);
    let node = file(&mut fs, "f", b"kept");
    for size in [1 << 63, u64::MAX - 1, u64::MAX] {
        assert_eq!(fs.truncate(node, size, 2), Err(FsError::Fbig), "{size}");
        assert_eq!(fs.allocate(node, 1, size - 1, 2), Err(FsError::Fbig), "{size}");
        assert_eq!(fs.write_at(node, size, b"x", 2), Err(FsError::Fbig), "{size}");
    }
    assert_eq!(fs.allocate(node, u64::MAX, 2, 2), Err(FsError::Fbig));
    assert_eq!(fs.write_at(node, SIZE_MAX - 2, b"xyz", 2), Ok(2));
    assert_eq!(fs.write_at(node, SIZE_MAX, b"x", 2), Err(FsError::Fbig));
    assert_eq!(fs.stat(node).unwrap().size, SIZE_MAX);
    fs.truncate(node, 4, 2).unwrap();
    assert_eq!(content(&fs, node), b"kept");
    audit::audit(&fs);
}

#[test]
fn a_part_of_a_block_takes_a_whole_one_only_before_the_end() {
    let mut fs = Scratch::new(BLOCK, 10, 1);
    let node = file(&mut fs, "f", b"kept");
    assert_eq!(fs.truncate(node, BLOCK, 2), Err(FsError::Nospc), "the name takes a byte");
    assert_eq!(fs.truncate(node, u64::MAX >> 1, 2), Err(FsError::Nospc));
    assert_eq!(content(&fs, node), b"kept");
    fs.truncate(node, BLOCK - 1, 2).unwrap();
    fs.truncate(node, 0, 2).unwrap();
    fs.truncate(node, u64::MAX >> 1, 2).unwrap();
    assert_eq!(fs.usage().bytes, 1);
}

#[test]
fn cut_contents_are_given_back_to_the_host() {
    let mut fs = scratch();
    let node = file(&mut fs, "f", &[1; 100_000]);
    fs.truncate(node, 10, 2).unwrap();
    let Body::File(data) = &fs.node(node).unwrap().body else { unreachable!() };
    assert!(data.allocated() <= 100);
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
    assert_eq!(fs.usage(), QuotaUsage { bytes: 7, entries: 1 });
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
    assert_eq!((first.omitted_files, first.omitted_dirs), (4, 1));
    assert_eq!(first.files[0], ResidueFile { path: "a".into(), kind: FileKind::Dir, size: 0 });
    assert_eq!(first.files[1], ResidueFile { path: "a/x".into(), kind: FileKind::File, size: 3 });
    let none = fs.residue(0);
    assert_eq!((none.omitted_files, none.omitted_dirs), (5, 2));
}
