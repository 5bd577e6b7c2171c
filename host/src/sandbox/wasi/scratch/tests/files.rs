use super::*;

#[test]
fn an_unused_file_system_allocates_nothing() {
    let fs = scratch();
    let debug = format!("{fs:?}");
    assert!(debug.contains("nodes: []") && debug.contains("free: []"), "{debug}");
    assert_eq!(fs.residue(10), Residue::default());
    assert_eq!(fs.usage(), QuotaUsage::default());
}

#[test]
fn inode_numbers_are_never_used_twice_and_stale_nodes_are_refused() {
    let mut fs = scratch();
    let first = file(&mut fs, "a", b"old");
    fs.unlink(fs.root(), "a", 2).unwrap();
    let second = file(&mut fs, "a", b"new");
    assert!(second.ino() > first.ino());
    assert_eq!(second.slot, first.slot, "the slot is used again");
    assert_eq!(fs.stat(first), Err(FsError::Badf));
    assert_eq!(fs.read_at(first, 0, &mut [0]), Err(FsError::Badf));
    assert_eq!(fs.write_at(first, 0, b"x", 2), Err(FsError::Badf));
    assert_eq!(fs.retain(first), Err(FsError::Badf));
    assert_eq!(fs.release(second), Err(FsError::Badf), "it has no handle");
}

#[test]
fn writes_extend_overwrite_and_leave_holes_of_zeros() {
    let mut fs = scratch();
    let node = file(&mut fs, "a", b"hello");
    assert_eq!(fs.write_at(node, 3, b"p me", 2), Ok(4));
    assert_eq!(content(&fs, node), b"help me");
    assert_eq!(fs.write_at(node, 9, b"!", 2), Ok(1));
    assert_eq!(content(&fs, node), b"help me\0\0!");
    assert_eq!(fs.write_at(node, 0, b"H", 2), Ok(1));
    assert_eq!(content(&fs, node), b"Help me\0\0!");
    let before = fs.stat(node);
    assert_eq!(fs.write_at(node, 1 << 40, b"", 9), Ok(0));
    assert_eq!(fs.stat(node), before, "an empty write changes nothing");
}

#[test]
fn reads_end_with_the_file() {
    let mut fs = scratch();
    let node = file(&mut fs, "a", b"hello");
    let mut buf = [0; 4];
    assert_eq!(fs.read_at(node, 3, &mut buf), Ok(2));
    assert_eq!(&buf[..2], b"lo");
    for offset in [5, 6, u64::MAX] {
        assert_eq!(fs.read_at(node, offset, &mut buf), Ok(0));
    }
}

#[test]
fn truncate_cuts_and_extends_and_cut_bytes_do_not_come_back() {
    let mut fs = scratch();
    let node = file(&mut fs, "a", b"secret");
    fs.truncate(node, 2, 2).unwrap();
    fs.truncate(node, 4, 2).unwrap();
    assert_eq!(content(&fs, node), b"se\0\0");
    fs.allocate(node, 1, 2, 2).unwrap();
    assert_eq!(content(&fs, node), b"se\0\0", "allocate never cuts");
    fs.allocate(node, 4, 2, 2).unwrap();
    assert_eq!(content(&fs, node), b"se\0\0\0\0");
    assert_eq!(fs.allocate(node, 4, 0, 2), Err(FsError::Inval));
    assert_eq!(fs.allocate(node, u64::MAX, 2, 2), Err(FsError::Fbig));
    audit::audit(&fs);
}

#[test]
fn only_regular_files_have_bytes() {
    let mut fs = scratch();
    let dir = dir(&mut fs, "d");
    symlink(&mut fs, "d", "l");
    let link = fs.lookup(fs.root(), "l", false).unwrap();
    for (node, error) in [(dir, FsError::Isdir), (fs.root(), FsError::Isdir), (link, FsError::Inval)] {
        assert_eq!(fs.read_at(node, 0, &mut [0]), Err(error));
        assert_eq!(fs.write_at(node, 0, b"", 2), Err(error));
        assert_eq!(fs.truncate(node, 0, 2), Err(error));
        assert_eq!(fs.allocate(node, 0, 0, 2), Err(error));
    }
}

#[test]
fn contents_outlive_the_name_until_the_last_handle_closes() {
    let mut fs = scratch();
    let node = open(&mut fs, "a", CREATE).unwrap();
    fs.retain(node).unwrap();
    fs.write_at(node, 0, b"kept", 2).unwrap();
    fs.unlink(fs.root(), "a", 2).unwrap();
    assert_eq!(fs.stat(node).unwrap().nlink, 0);
    assert_eq!(fs.usage(), QuotaUsage { bytes: 4, entries: 1 });
    fs.release(node).unwrap();
    assert_eq!(content(&fs, node), b"kept");
    fs.release(node).unwrap();
    assert_eq!(fs.stat(node), Err(FsError::Badf));
    assert_eq!(fs.usage(), QuotaUsage::default());
}

#[test]
fn open_makes_finds_and_refuses() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    let made = open(&mut fs, "f", CREATE).unwrap();
    assert_eq!(open(&mut fs, "f", CREATE), Ok(made));
    assert_eq!(open(&mut fs, "f", OpenFlags { exclusive: true, ..CREATE }), Err(FsError::Exist));
    assert_eq!(open(&mut fs, "none", READ), Err(FsError::Noent));
    assert_eq!(open(&mut fs, "none/f", CREATE), Err(FsError::Noent));
    assert_eq!(open(&mut fs, "f/f", CREATE), Err(FsError::Notdir));
    assert_eq!(open(&mut fs, "d", CREATE), Err(FsError::Isdir));
    assert_eq!(open(&mut fs, "new/", CREATE), Err(FsError::Isdir));
    assert_eq!(open(&mut fs, ".", CREATE), Err(FsError::Isdir));
    assert_eq!(open(&mut fs, ".", OpenFlags { exclusive: true, ..CREATE }), Err(FsError::Exist));
    let directory = OpenFlags { directory: true, ..READ };
    assert!(open(&mut fs, "d", directory).is_ok());
    assert_eq!(open(&mut fs, "f", directory), Err(FsError::Notdir));
    assert_eq!(open(&mut fs, "d", OpenFlags { write: true, ..READ }), Err(FsError::Isdir));
    assert_eq!(open(&mut fs, "d", OpenFlags { truncate: true, ..READ }), Err(FsError::Isdir));
    assert_eq!(open(&mut fs, "d", OpenFlags { create: true, ..directory }), Err(FsError::Inval));
    assert_eq!(tree(&fs), ["d", "f"]);
}

#[test]
fn open_follows_a_final_link_only_if_asked() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    symlink(&mut fs, "d/made", "dangling");
    let nofollow = OpenFlags { follow: false, ..CREATE };
    assert_eq!(open(&mut fs, "dangling", nofollow), Err(FsError::Loop));
    assert_eq!(open(&mut fs, "dangling", OpenFlags { follow: false, ..READ }), Err(FsError::Loop));
    assert_eq!(open(&mut fs, "dangling", OpenFlags { exclusive: true, ..CREATE }), Err(FsError::Exist));
    assert_eq!(open(&mut fs, "dangling", READ), Err(FsError::Noent));
    let made = open(&mut fs, "dangling", CREATE);
    assert_eq!(made, lookup(&mut fs, "d/made"));
}

#[test]
fn open_truncates_also_without_write() {
    let mut fs = scratch();
    let node = file(&mut fs, "f", b"bytes");
    open(&mut fs, "f", OpenFlags { truncate: true, ..READ }).unwrap();
    assert_eq!(content(&fs, node), b"");
}

#[test]
fn times_move_as_posix_says() {
    let mut fs = scratch();
    let opened = fs.open(fs.root(), "f", CREATE, 10).unwrap().node;
    let times = |fs: &Scratch, node| fs.stat(node).map(|stat| (stat.atime, stat.mtime, stat.ctime));
    assert_eq!(times(&fs, opened), Ok((10, 10, 10)));
    assert_eq!(times(&fs, fs.root()), Ok((1, 10, 10)));
    fs.write_at(opened, 0, b"x", 11).unwrap();
    assert_eq!(times(&fs, opened), Ok((10, 11, 11)));
    fs.read_at(opened, 0, &mut [0]).unwrap();
    fs.open(fs.root(), "f", CREATE, 12).unwrap();
    assert_eq!(times(&fs, opened), Ok((10, 11, 11)), "neither a read nor an open moves them");
    fs.truncate(opened, 0, 13).unwrap();
    assert_eq!(times(&fs, opened), Ok((10, 13, 13)));
    fs.link(fs.root(), "f", false, fs.root(), "g", 14).unwrap();
    assert_eq!(times(&fs, opened), Ok((10, 13, 14)));
    rename(&mut fs, "g", "h").unwrap();
    fs.unlink(fs.root(), "h", 15).unwrap();
    assert_eq!(times(&fs, opened), Ok((10, 13, 15)));
    assert_eq!(times(&fs, fs.root()), Ok((1, 15, 15)));
    fs.set_times(opened, Some(5), None, 16).unwrap();
    assert_eq!(times(&fs, opened), Ok((5, 13, 16)));
    fs.set_times(opened, None, Some(6), 17).unwrap();
    assert_eq!(times(&fs, opened), Ok((5, 6, 17)));
}
