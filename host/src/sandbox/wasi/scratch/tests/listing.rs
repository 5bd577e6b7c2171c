use super::*;

fn names(fs: &mut Scratch) -> Vec<String> {
    fs.read_dir(fs.root()).unwrap().map(|entry| entry.name.to_owned()).collect()
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
    assert_eq!(names(&mut fs), [".", "..", "c", "a", "b", "d", "l"]);
    let kinds: Vec<_> = fs.read_dir(fs.root()).unwrap().skip(4).map(|entry| entry.kind).collect();
    assert_eq!(kinds, [FileKind::File, FileKind::Dir, FileKind::Symlink]);
    let dots: Vec<_> = fs.read_dir(sub).unwrap().map(|entry| entry.ino).collect();
    assert_eq!(dots, [sub.ino(), fs.root().ino()]);
    let node = lookup(&mut fs, "a").unwrap();
    assert_eq!(fs.read_dir(node).err(), Some(FsError::Notdir));
}

#[test]
fn what_is_made_anew_comes_last() {
    let mut fs = three();
    fs.unlink(fs.root(), "c", 2).unwrap();
    fs.unlink(fs.root(), "a", 2).unwrap();
    file(&mut fs, "new", b"");
    file(&mut fs, "c", b"");
    assert_eq!(names(&mut fs), [".", "..", "b", "new", "c"]);
}

#[test]
fn a_renamed_file_keeps_its_place() {
    let mut fs = three();
    rename(&mut fs, "c", "c.bak").unwrap();
    file(&mut fs, "c", b"");
    assert_eq!(names(&mut fs), [".", "..", "c.bak", "a", "b", "c"]);
}

#[test]
fn a_replaced_name_keeps_its_place() {
    let mut fs = three();
    dir(&mut fs, "d");
    file(&mut fs, "d/x", b"");
    rename(&mut fs, "d/x", "a").unwrap();
    assert_eq!(names(&mut fs), [".", "..", "c", "a", "b", "d"]);
}
