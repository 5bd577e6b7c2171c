//! The suppression of one leak, ready to be pasted into a baseline.

use super::pattern::Glob;
use super::rules::RuleKind;
use crate::model::{Frame, Resource};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

/// How many frames a suppression names. Valgrind prints all frames, and its users delete most of them.
const FRAMES: usize = 4;

/// The TOML of a suppression that accepts this leak, and similar ones in every test. `retained` says whether the leak is heap
/// blocks that static data reaches.
#[must_use]
pub fn suppression_text(leak: &Resource, retained: bool) -> String {
    let kind = RuleKind { kind: leak.kind, retained }.word();
    let mut table = Table::new();
    let place = Frame::innermost_own(&leak.stack).map(|frame| frame.function.as_str());
    let of = leak.path.as_deref().or(place).unwrap_or("of an unknown place");
    table.insert("name", value(format!("{kind} {of}")));
    table.insert("kind", value(kind));
    if let Some(path) = &leak.path {
        table.insert("path", value(Glob::quote(path)));
    }
    if !leak.stack.is_empty() {
        table.insert("frames", value(frames(&leak.stack)));
    }
    let mut tables = ArrayOfTables::new();
    tables.push(table);
    let mut document = DocumentMut::new();
    document.insert("suppress", Item::ArrayOfTables(tables));
    document.to_string()
}

/// Patterns for the innermost frames. A frame that stands for several calls becomes `...`.
fn frames(stack: &[Frame]) -> Array {
    let lines = stack.iter().take(FRAMES).map(|frame| match frame.folded {
        true => "...".to_owned(),
        false => format!("fun:{}", Glob::quote(&frame.function)),
    });
    lines.collect()
}
