//! What a hostile guest might try: depth, breadth, and paths of arbitrary text.

use super::*;
use crate::sandbox::wasi::scratch::contents::BLOCK;
use crate::sandbox::wasi::scratch::node::Body;
use proptest::prelude::*;

/// A chain of directories deeper than any path and any stack.
fn deep(levels: u64) -> (Scratch, Vec<NodeId>) {
    let mut fs = Scratch::new(u64::MAX, u64::MAX, 1);
    let mut chain = vec![fs.root()];
    for _ in 0..levels {
        let below = fs.create_dir(chain[chain.len() - 1], "d", 2).unwrap();
        chain.push(below);
    }
    (fs, chain)
}

#[test]
fn a_deep_tree_is_listed_as_far_as_paths_reach_and_dropped() {
    let (mut fs, chain) = deep(100_000);
    let residue = fs.residue(usize::MAX);
    assert_eq!(residue.files.len(), PATH_MAX / 2);
    assert_eq!((residue.omitted_files, residue.omitted_dirs), (0, 100_000 - PATH_MAX as u64 / 2));
    assert_eq!(residue.files.last().unwrap().path.len(), PATH_MAX - 1);
    let bottom = chain[chain.len() - 1];
    assert_eq!(fs.lookup(bottom, "..", true), Err(FsError::NotCapable));
    audit::audit(&fs);
}

#[test]
fn a_deep_tree_does_not_move_below_itself() {
    let (mut fs, chain) = deep(100_000);
    let bottom = chain[chain.len() - 1];
    assert_eq!(fs.rename(fs.root(), "d", bottom, "x", 2), Err(FsError::Inval));
    fs.rename(chain[50_000], "d", fs.root(), "half", 2).unwrap();
    fs.rename(fs.root(), "d", bottom, "x", 2).unwrap();
    assert_eq!(fs.rename(fs.root(), "half", bottom, "x", 2), Err(FsError::Inval));
    audit::audit(&fs);
}

#[test]
fn links_that_multiply_work_are_cut_short() {
    let mut fs = scratch();
    dir(&mut fs, "d");
    // Each link resolves the one before it 400 times: 400 to the power of 10 steps, if nothing counted them.
    let mut link = "d".to_owned();
    for level in 0..10 {
        let name = format!("l{level}");
        symlink(&mut fs, &format!("{}{link}", format!("{link}/../").repeat(399)), &name);
        link = name;
    }
    assert_eq!(lookup(&mut fs, "l0"), lookup(&mut fs, "d"));
    assert_eq!(lookup(&mut fs, &link), Err(FsError::Loop));
}

#[test]
fn what_links_and_depth_make_of_a_short_call_is_counted() {
    let mut fs = scratch();
    dir(&mut fs, "a");
    let around = "a/../".repeat(800);
    symlink(&mut fs, &format!("{around}a"), "l0");
    for level in 1..40 {
        symlink(&mut fs, &format!("{around}l{}", level - 1), &format!("l{level}"));
    }
    fs.take_work();
    assert_eq!(lookup(&mut fs, "a"), lookup(&mut fs, "a/../a"));
    assert_eq!(fs.take_work().steps, 0, "no link");
    assert_eq!(lookup(&mut fs, "l39"), lookup(&mut fs, "a"));
    assert_eq!(fs.take_work().steps, 40 * 1601);

    let (mut fs, chain) = deep(1000);
    fs.take_work();
    dir(&mut fs, "moved");
    fs.rename(fs.root(), "moved", chain[1000], "d", 2).unwrap();
    assert_eq!(fs.take_work().steps, 1000);
}

#[test]
fn a_hundred_thousand_names_in_one_directory() {
    let mut fs = Scratch::new(u64::MAX, 100_000, 1);
    for name in 0..100_000 {
        file(&mut fs, &name.to_string(), b"");
    }
    assert_eq!(open(&mut fs, "over", CREATE), Err(FsError::Nospc));
    assert_eq!(fs.read_dir(fs.root()).unwrap().count(), 100_002);
    for name in 0..100_000 {
        fs.unlink(fs.root(), &name.to_string(), 2).unwrap();
    }
    assert_eq!(fs.usage(), QuotaUsage::default());
}

#[test]
fn a_million_holes_with_a_byte_each_end_in_an_errno() {
    const QUOTA: u64 = 1 << 20;
    let mut fs = Scratch::new(QUOTA, 10, 1);
    let node = file(&mut fs, "f", b"");
    fs.truncate(node, i64::MAX as u64, 2).unwrap();
    let written = (0..1_000_000).filter(|nth| fs.write_at(node, nth * 3 * BLOCK, b"x", 2).is_ok()).count() as u64;
    assert_eq!(written, QUOTA / BLOCK - 1);
    let allocated = |fs: &Scratch| {
        let Body::File(data) = &fs.node(node).unwrap().body else { unreachable!() };
        data.allocated() as u64
    };
    assert!(allocated(&fs) < QUOTA / 10);
    fs.truncate(node, 0, 2).unwrap();
    for nth in 0..10_000 {
        fs.truncate(node, 1 << (nth % 60), 2).unwrap();
        fs.write_at(node, (nth % 7) * 1000, &[1; 3000], 2).unwrap();
        fs.allocate(node, nth % 5 * BLOCK, 10, 2).unwrap();
        assert!(allocated(&fs) < 2 * QUOTA);
        fs.truncate(node, nth % 5000, 2).unwrap();
    }
    audit::audit(&fs);
}

#[test]
fn looking_for_holes_to_reserve_is_counted() {
    let mut fs = Scratch::new(1 << 30, 10, 1);
    let node = file(&mut fs, "f", b"");
    for nth in 0..1000 {
        fs.write_at(node, nth * 2 * BLOCK, b"x", 2).unwrap();
    }
    fs.take_work();
    assert_eq!(fs.allocate(node, 0, 1 << 40, 2), Err(FsError::Nospc));
    assert_eq!(fs.take_work().entries, 1000);
}

fn populated() -> Scratch {
    let mut fs = scratch();
    dir(&mut fs, "a");
    dir(&mut fs, "a/b");
    file(&mut fs, "a/b/c", b"x");
    symlink(&mut fs, "../..", "a/b/up");
    symlink(&mut fs, "..", "a/out");
    symlink(&mut fs, "a/b/", "l");
    symlink(&mut fs, "self", "self");
    fs
}

proptest! {
    /// Any text as a path in every call: no panic, and the counts stay right.
    #[test]
    fn any_text_is_a_path(
        from in "([abl./\\x00]|up|out|self|\u{e9}|\u{1f4a9}|[^/]{250,260}){0,12}",
        to in "([abl./]|up|out|self|\\PC){0,12}",
        low in any::<bool>(),
    ) {
        let mut fs = populated();
        let base = if low { lookup(&mut fs, "a").unwrap() } else { fs.root() };
        let _ = fs.stat_path(base, &from, true);
        let _ = fs.read_link(base, &from);
        let _ = fs.symlink(&from, base, &to, 2);
        let _ = fs.create_dir(base, &from, 2);
        let _ = fs.open(base, &from, CREATE, 2).map(|opened| fs.release(opened.node));
        let _ = fs.link(base, &from, true, base, &to, 2);
        let _ = fs.rename(base, &from, base, &to, 2);
        let _ = fs.unlink(base, &from, 2);
        let _ = fs.remove_dir(base, &to, 2);
        audit::audit(&fs);
    }

    /// Whatever a resolved path passes through, it ends below its base.
    #[test]
    fn what_resolves_is_beneath_the_base(path in "((a|b|c|l|up|out|\\.|\\.\\.)/{1,2}){0,6}(a|b|c|up|out|\\.\\.)") {
        let mut fs = populated();
        let base = lookup(&mut fs, "a").unwrap();
        if let Ok(found) = fs.lookup(base, &path, true) {
            let beneath = [".", "b", "b/c"].map(|path| fs.lookup(base, path, true).unwrap());
            prop_assert!(beneath.contains(&found), "{path}");
        }
    }
}
