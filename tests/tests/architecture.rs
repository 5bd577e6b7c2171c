//! The host is built as `host/docs/architecture.md` draws it: no room of the host uses a room above it, or one beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The rooms of `host/src`, a floor a line, the ground floor first. Rooms of one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["files", "model"],
    &["ledger", "policy"],
    &["catalogue"],
    &["config", "instrument", "symbols"],
    &["sandbox"],
    &["harness"],
    &["report", "run"],
    &["faults", "pollution", "verify"],
];

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn host() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host")
}

/// Every Rust file below a directory, in the order of the names.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The rooms that a source names by `crate::room`, alone or as one of several in braces. Comments do not count: they may
/// point anywhere.
fn rooms_named(source: &str) -> BTreeSet<String> {
    let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let mut rooms = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        // `$crate::` of a macro, or the end of another word.
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(heads(group)),
            None => rooms.extend(word(rest)),
        }
    }
    rooms
}

/// The first words of the paths in braces, whose opening one is behind us.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut at_head = true;
    let mut heads = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if c.is_whitespace() => {}
            _ if at_head => {
                heads.extend(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn no_room_asks_one_above_it_or_beside_it() {
    let src = host().join("src");
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for file in sources(&src) {
        let within = file.strip_prefix(&src).unwrap();
        let room = within.iter().next().unwrap().to_str().unwrap();
        // The facade and the programs stand above all rooms.
        if within.components().count() == 1 || room == "bin" {
            continue;
        }
        let floor =
            floor_of(room).unwrap_or_else(|| panic!("`{room}` is on no floor: put it on one, here and in the drawing"));
        looked_at += 1;
        for other in rooms_named(&std::fs::read_to_string(&file).unwrap()) {
            // A macro or a type at the crate's root is not a room.
            let Some(below) = floor_of(&other) else { continue };
            if other != room && below >= floor {
                wrong.push(format!("{} names `{other}`, which is not below `{room}`", within.display()));
            }
        }
    }
    assert!(looked_at > 100, "only {looked_at} files were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_drawing() {
    let drawing = std::fs::read_to_string(host().join("docs/architecture.md")).unwrap();
    for room in FLOORS.concat() {
        assert!(host().join("src").join(room).is_dir(), "there is no room `{room}`");
        assert!(drawing.contains(&format!("{room}/")), "`{room}/` is not in host/docs/architecture.md");
    }
}

#[test]
fn names_of_rooms_are_read_as_rust_writes_them() {
    let named = |source: &str| rooms_named(source).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(named("use crate::model::{self, Frame};\nlet x = crate::run::go(); // crate::report"), "model run");
    assert_eq!(named("use crate::{policy::{A, B}, config, ledger::heap as heap};"), "config ledger policy");
    assert_eq!(named("use other_crate::sandbox; /// [`crate::run`]"), "");
}

/// Nobody tells of faults in wasi-common any more, so that as little of it as can be is used: `host/docs/advisories.md`.
#[test]
fn of_wasi_common_the_interface_alone_is_used() {
    const USED: [&str; 2] = ["snapshots::preview_1::types::", "snapshots::preview_1::wasi_snapshot_preview1"];
    let mut uses = 0;
    for file in sources(&host().join("src")) {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let code = line.split("//").next().unwrap_or_default();
            for (at, name) in code.match_indices("wasi_common") {
                let path = code[at + name.len()..].strip_prefix("::").unwrap_or_default();
                assert!(USED.iter().any(|used| path.starts_with(used)), "{}: {line}", file.display());
                uses += 1;
            }
        }
    }
    assert!(uses > 10, "only {uses} uses were found");
    let manifest = std::fs::read_to_string(host().join("Cargo.toml")).unwrap();
    for crate_name in ["wasi-common", "wiggle"] {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{crate_name} = "))).unwrap();
        assert!(line.contains("default-features = false") && !line.contains(" features = "), "{line}");
    }
}
