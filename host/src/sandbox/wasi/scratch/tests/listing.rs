use super::*;

fn names(fs: &mut Scratch, dir: NodeId, cookie: u64) -> Vec<String> {
    fs.read_dir(dir, cookie).unwrap().map(|entry| entry.name.to_owned()).collect()
}

fn names_at_root(fs: &mut Scratch, cookie: u64) -> Vec<String> {
    names(fs, fs.root(), cookie)
}

/// The cookie after the entry of this name.
fn after(fs: &mut Scratch, name: &str) -> u64 {
    fs.read_dir(fs.root(), 0).unwrap().find(|entry| entry.name == name).unwrap().next
}

fn first(fs: &mut Scratch, cookie: u64) -> Option<(String, u64)> {
    let entry = fs.read_dir(fs.root(), cookie).unwrap().next()?;
    Some((entry.name.to_owned(), entry.next))
}

fn three() -> Scratch {
    let mut fs = scratch();
    for name in ["c", "a", "b"] {
        file(&mut fs, name, b"");
    }
    fs
}

#[test]
fn entries_come_in_order_of_creation_after_the_dots() {
    let mut fs = three();
    let sub = dir(&mut fs, "d");
    symlink(&mut fs, "a", "l");
    assert_eq!(names_at_root(&mut fs, 0), [".", "..", "c", "a", "b", "d", "l"]);
    let cookie = after(&mut fs, "b");
    let kinds: Vec<_> = fs.read_dir(fs.root(), cookie).unwrap().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [FileKind::Dir, FileKind::Symlink]);
    let dots: Vec<_> = fs.read_dir(sub, 0).unwrap().map(|entry| entry.ino).collect();
    assert_eq!(dots, [sub.ino(), fs.root().ino()]);
    let node = lookup(&mut fs, "a").unwrap();
    assert_eq!(fs.read_dir(node, 0).err(), Some(FsError::Notdir));
}

#[test]
fn a_listing_goes_on_from_any_entry() {
    let mut fs = three();
    let all = names_at_root(&mut fs, 0);
    for (seen, name) in all.iter().enumerate() {
        let cookie = after(&mut fs, name);
        assert_eq!(names_at_root(&mut fs, cookie), all[seen + 1..]);
    }
}

#[test]
fn cookies_survive_removal_and_see_nothing_new() {
    let mut fs = three();
    let cookie = after(&mut fs, "c");
    fs.unlink(fs.root(), "c", 2).unwrap();
    fs.unlink(fs.root(), "a", 2).unwrap();
    file(&mut fs, "new", b"");
    file(&mut fs, "c", b"");
    assert_eq!(names_at_root(&mut fs, cookie), ["b"]);
    assert_eq!(names_at_root(&mut fs, 0), [".", "..", "b", "new", "c"]);
}

#[test]
fn a_loop_that_renames_or_copies_what_it_meets_ends() {
    let mut fs = three();
    let mut cookie = 0;
    let mut seen = Vec::new();
    while let Some((name, next)) = first(&mut fs, cookie) {
        cookie = next;
        if !name.starts_with('.') {
            rename(&mut fs, &name, &format!("{name}.bak")).unwrap();
            file(&mut fs, &name, b"");
        }
        seen.push(name);
    }
    assert_eq!(seen, [".", "..", "c", "a", "b"]);
    assert_eq!(names_at_root(&mut fs, 0), [".", "..", "c.bak", "a.bak", "b.bak", "c", "a", "b"]);
}

#[test]
fn a_replaced_name_keeps_its_place() {
    let mut fs = three();
    dir(&mut fs, "d");
    file(&mut fs, "d/x", b"");
    let cookie = after(&mut fs, "c");
    rename(&mut fs, "d/x", "a").unwrap();
    assert_eq!(names_at_root(&mut fs, cookie), ["a", "b", "d"]);
}

#[test]
fn a_cookie_cut_to_32_bits_goes_on_at_the_same_entry() {
    let mut fs = three();
    let cookie = after(&mut fs, "a") & u64::from(u32::MAX);
    assert_eq!(names_at_root(&mut fs, cookie), ["b"]);
}

#[test]
fn any_number_is_a_cookie() {
    let mut fs = three();
    for cookie in [1, u64::MAX, u64::MAX << 32, 1 << 32, (1 << 32) | 7, u64::from(u32::MAX), i64::MAX as u64] {
        assert!(names_at_root(&mut fs, cookie).len() <= 5, "{cookie}");
    }
}
