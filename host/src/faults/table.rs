//! What was found, by place in the user's code: paths that come to the same are one entry.

use super::judge::Wrong;
use crate::model::Frame;
use crate::report::faults::{FaultFinding, FaultPath, FindingKind};
use std::collections::BTreeMap;

/// A place as a reader tells it: function, file and line.
type PlaceKey = (String, Option<String>, Option<u32>);

/// By what entries are told apart: what is wrong, the place of the call that fails, and where the resource was acquired or the panic
/// happened.
type Key = (FindingKind, String, [[Option<PlaceKey>; 2]; 2]);

/// The entries of one module.
#[derive(Default)]
pub struct Table {
    found: Vec<FaultFinding>,
    known: BTreeMap<Key, usize>,
}

/// The innermost place, which may be a dependency's, and the innermost of the user's own.
fn place(stack: &[Frame]) -> [Option<PlaceKey>; 2] {
    [stack.first(), Frame::innermost_own(stack)]
        .map(|frame| frame.map(|frame| (frame.function.clone(), frame.file.clone(), frame.line)))
}

impl Table {
    /// Enters what is wrong on a path: `stack` is that of the call that fails, of the last where there are several.
    pub fn add(&mut self, wrong: &Wrong, stack: &[Frame], path: FaultPath) {
        let key = (wrong.kind, wrong.what.clone(), [place(stack), place(&wrong.place)]);
        let index = *self.known.entry(key).or_insert_with(|| {
            self.found.push(FaultFinding {
                kind: wrong.kind,
                what: wrong.what.clone(),
                object: wrong.object.clone(),
                accepted: None,
                stack: stack.to_vec(),
                place: wrong.place.clone(),
                message: wrong.message.clone(),
                paths: Vec::new(),
            });
            self.found.len() - 1
        });
        self.found[index].paths.push(path);
    }

    /// The entries, by what is wrong and then by place.
    pub fn finish(mut self) -> Vec<FaultFinding> {
        let at = |found: &FaultFinding| {
            let own = Frame::innermost_own(&found.stack);
            own.map(|frame| (frame.file.clone(), frame.line, frame.function.clone()))
        };
        self.found.sort_by(|a, b| (a.kind, at(a), &a.what).cmp(&(b.kind, at(b), &b.what)));
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_come_to_the_same_at_one_place_are_one_entry() {
        let mut table = Table::default();
        let wrong = |what: &str| Wrong {
            kind: FindingKind::Leak,
            what: what.to_owned(),
            object: String::new(),
            place: Vec::new(),
            message: None,
        };
        let path = |test: &str, fault: &str| FaultPath { test: test.to_owned(), faults: vec![fault.to_owned()] };
        let save = |line| [Frame::new("std::fs::write").of_library("std"), Frame::new("save").at("src/store.rs", line)];
        table.add(&wrong("leaks 1 file"), &save(41), path("a", "write:3=ENOSPC"));
        table.add(&wrong("leaks 1 file"), &save(7), path("a", "write:1=ENOSPC"));
        table.add(&wrong("leaks 1 file"), &save(41), path("b", "write:1=EIO"));
        table.add(&wrong("leaks 2 files"), &save(41), path("b", "write:2=EIO"));
        let found = table.finish();
        let told: Vec<_> = found.iter().map(|found| (found.stack[1].line, &*found.what, found.paths.len())).collect();
        assert_eq!(told, [(Some(7), "leaks 1 file", 1), (Some(41), "leaks 1 file", 2), (Some(41), "leaks 2 files", 1)]);
    }
}
