//! The text of a baseline that accepts the leaks of a report. Entries that are there stay as they were written, with reasons,
//! days and comments. Entries that are gone are removed, and new ones are added at the end.

use super::rules::NamedLeak;
use super::{Baseline, Grounds, HEAD};
use crate::model::resource::LeakAction;
use crate::model::{BaselineEntry, Canonical, Date, Details, Resource, Verdict};
use std::collections::BTreeSet;
use toml_edit::{ArrayOfTables, Datetime, DocumentMut, Item, Table, value};

/// Why new leaks are accepted, and until when.
#[derive(Debug, Clone, Default)]
pub struct NewGrounds {
    /// The reason. Without one, the entry says that nobody has looked at it yet.
    pub reason: Option<String>,
    /// The last day on which the new entries accept anything.
    pub expires: Option<Date>,
}

/// The new text of a baseline, and what changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BaselineUpdate {
    /// The text of its file.
    pub text: String,
    /// The new entries, by module and test.
    pub added: Vec<BaselineEntry>,
    /// How many entries stay as they are.
    pub kept: usize,
    /// The entries that were removed because their leaks are gone.
    pub gone: Vec<BaselineEntry>,
    /// Tests that fail all the same because of what they left, and why a baseline cannot accept it; a line each.
    pub refused: Vec<String>,
}

impl Baseline {
    /// The text that accepts the leaks of a report, made from the text that this baseline was read from. `action` says what a
    /// leak of a test does to its verdict. Its arguments are module, test, leak, and whether the leak is retained heap blocks.
    #[must_use]
    pub fn updated(
        &self,
        text: &str,
        report: &Canonical,
        action: &dyn Fn(&str, &str, &Resource, bool) -> LeakAction,
        grounds: &NewGrounds,
    ) -> BaselineUpdate {
        let mut now = report.clone();
        let mut found = Found::default();
        for module in &mut now.modules {
            for test in &mut module.tests {
                let id = (&*module.name, &*test.name);
                let verdict = test.verdict;
                let Some(details) = test.details.as_deref_mut() else { continue };
                details.accepted = self.accept(id, &mut details.leaks, &mut details.retained);
                if matches!(verdict, Verdict::Pass | Verdict::Leak) {
                    found.look_at(id, verdict, details, action, grounds);
                }
            }
        }
        let usage = self.used_in(&now, None);
        let gone: BTreeSet<_> = usage.gone.iter().map(|entry| (&entry.module, &entry.test, &entry.what)).collect();
        let is_gone =
            |leak: &NamedLeak| gone.contains(&(&Some(leak.module.clone()), &Some(leak.test.clone()), &leak.label()));
        let keep: Vec<bool> = self.named.iter().map(|leak| !is_gone(leak)).collect();
        BaselineUpdate {
            text: rewritten(text, &keep, &found.leaks),
            added: found.leaks.iter().map(entry).collect(),
            kept: keep.iter().filter(|keep| **keep).count(),
            gone: usage.gone,
            refused: found.refused,
        }
    }
}

/// What a report has that the baseline does not accept yet.
#[derive(Default)]
struct Found {
    leaks: Vec<NamedLeak>,
    refused: Vec<String>,
}

impl Found {
    fn look_at(
        &mut self,
        (module, test): (&str, &str),
        verdict: Verdict,
        details: &Details,
        action: &dyn Fn(&str, &str, &Resource, bool) -> LeakAction,
        grounds: &NewGrounds,
    ) {
        let leaks = details.leaks.iter().map(|leak| (leak, false));
        let all = leaks.chain(details.retained.iter().map(|leak| (leak, true)));
        let fails = |(leak, retained): &(&Resource, bool)| action(module, test, leak, *retained) == LeakAction::Fail;
        let (mut explained, mut untold) = (false, 0);
        for (leak, retained) in all.filter(fails) {
            explained = true;
            if leak.accepted.is_some() {
                continue;
            }
            if leak.omitted_places > 0 {
                untold += leak.omitted_places;
                continue;
            }
            let grounds = Grounds { reason: grounds.reason.clone(), expires: grounds.expires };
            let named = NamedLeak::accepting(module, test, leak, retained, grounds);
            if !self.leaks.contains(&named) {
                self.leaks.push(named);
            }
        }
        if untold > 0 {
            self.refused
                .push(format!("{module} {test}: {untold} further places have no entry of their own in a report"));
        } else if verdict == Verdict::Leak && !explained {
            self.refused
                .push(format!("{module} {test}: it leaks by what has no place, such as growth from round to round"));
        }
    }
}

fn entry(leak: &NamedLeak) -> BaselineEntry {
    let NamedLeak { module, test, grounds, .. } = leak;
    BaselineEntry {
        module: Some(module.clone()),
        test: Some(test.clone()),
        what: leak.label(),
        expires: grounds.expires,
        reason: grounds.reason.clone(),
    }
}

/// The text with the entries that are kept, and the new ones behind them.
fn rewritten(text: &str, keep: &[bool], new: &[NamedLeak]) -> String {
    let fresh = text.trim().is_empty();
    // The baseline was read from the text, so that it is TOML.
    let mut document: DocumentMut = text.parse().unwrap_or_default();
    let old = document.remove("accepted").and_then(|item| item.into_array_of_tables().ok()).unwrap_or_default();
    let mut tables = ArrayOfTables::new();
    let kept = old.into_iter().zip(keep.iter().chain(std::iter::repeat(&true))).filter(|(_, keep)| **keep);
    kept.for_each(|(table, _)| tables.push(table));
    new.iter().for_each(|leak| tables.push(table(leak)));
    if !tables.is_empty() {
        document.insert("accepted", Item::ArrayOfTables(tables));
    }
    let text = document.to_string();
    if fresh { format!("{HEAD}{text}") } else { text }
}

fn table(leak: &NamedLeak) -> Table {
    let NamedLeak { module, test, scope, kind, tracked, path, function, file, grounds } = leak;
    let kind = kind.word().to_owned();
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    let texts = [
        ("module", Some(module)),
        ("test", Some(test)),
        ("scope", scope.as_ref()),
        ("kind", Some(&kind)),
        ("tracked", tracked.as_ref()),
        ("path", path.as_ref()),
        ("function", function.as_ref()),
        ("file", file.as_ref()),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            table.insert(key, value(text));
        }
    }
    ground(&mut table, grounds);
    table
}

/// Writes reason and last day into an entry.
pub(super) fn ground(table: &mut Table, grounds: &Grounds) {
    table.insert("reason", value(grounds.reason.as_deref().unwrap_or("nobody has looked at it yet")));
    if let Some(day) = grounds.expires {
        let (year, month, day) = day.parts();
        let date = Some(toml_edit::Date { year, month, day });
        table.insert("expires", value(Datetime { date, time: None, offset: None }));
    }
}
