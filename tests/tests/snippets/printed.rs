//! Whether an output that a page shows was printed.

use airtight_tests::package_dir;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A line without what differs from run to run: figures are one letter, and runs of spaces one space.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    for word in line.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        let mut letters = word.chars().peekable();
        while let Some(letter) = letters.next() {
            if !letter.is_ascii_digit() {
                plain.push(letter);
                continue;
            }
            plain.push('N');
            // The rest of `1,048,576` and of `0.028`, but not the comma behind a figure.
            loop {
                let mut ahead = letters.clone();
                match (ahead.next(), ahead.next()) {
                    (Some(next), _) if next.is_ascii_digit() => {}
                    (Some(',' | '.'), Some(after)) if after.is_ascii_digit() => {}
                    _ => break,
                }
                letters.next();
            }
        }
    }
    // The place of a time that is padded.
    plain.replace("[ ", "[")
}

/// Whether all lines of a block are among those of a text.
pub fn holds(text: &str, block: &str) -> bool {
    let lines: BTreeSet<String> = text.lines().map(plain).collect();
    block.lines().map(plain).all(|line| line.is_empty() || lines.contains(&line))
}

/// Whether a snapshot, or what an example promises, has all lines of a block.
pub fn in_a_snapshot(block: &str) -> bool {
    static SNAPSHOTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let root = package_dir().join("..");
        let mut paths = Vec::new();
        for folder in ["examples", "host/src", "tests/tests"] {
            collect(&root.join(folder), &mut paths);
        }
        paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
    });
    SNAPSHOTS.iter().any(|snapshot| holds(snapshot, block))
}

/// Files below a folder that hold what is printed.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" {
                collect(&path, paths);
            }
        } else if name.ends_with(".snap") || (name.starts_with("expected") && name.ends_with(".txt")) {
            paths.push(path);
        }
    }
}

#[test]
fn figures_and_padding_do_not_count_and_words_do() {
    let printed = "        PASS [   0.004s] store tests::loads\n  1,048,576 bytes, 7 more\n";
    assert!(holds(printed, "PASS [ 12.5s] store tests::loads\n"));
    assert!(holds(printed, "1 bytes, 9,000 more\n") && !holds(printed, "1 bytes; 9 more\n"));
    assert!(!holds(printed, "PASS [ 12.5s] store tests::saves\n"));
}
