//! The accepted findings of `airtight faults`: an entry each, under `[[fault]]`.

use super::accepted_fault::AcceptedFault;
use super::rules::Grounds;
use super::update::{BaselineUpdate, NewGrounds, ground};
use super::usage::has_expired;
use super::{Baseline, HEAD};
use crate::model::{BaselineUse, Date, FindingId};
use std::collections::BTreeSet;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// The findings of `airtight faults`, each with the first test that shows it.
pub(crate) type FoundFaults<'a> = [(FindingId<'a>, &'a str)];

impl AcceptedFault {
    fn new(id: &FindingId<'_>, test: &str, grounds: &NewGrounds) -> Self {
        let [function, file, place] = [id.function, id.file, id.place].map(|text| text.map(str::to_owned));
        let (module, object) = (id.module.to_owned(), id.object.to_owned());
        let grounds = Grounds { reason: grounds.reason.clone(), expires: grounds.expires };
        Self { module, test: test.to_owned(), kind: id.kind, object, function, file, place, grounds }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.decor_mut().set_prefix("\n");
        let kind = self.kind.name().to_owned();
        let object = Some(&self.object).filter(|object| !object.is_empty());
        let texts = [
            ("module", Some(&self.module)),
            ("test", Some(&self.test)),
            ("kind", Some(&kind)),
            ("object", object),
            ("function", self.function.as_ref()),
            ("file", self.file.as_ref()),
            ("place", self.place.as_ref()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                table.insert(key, value(text));
            }
        }
        ground(&mut table, &self.grounds);
        table
    }
}

impl Baseline {
    /// Why a finding is accepted: the reason of its entry, or words that no reason is given. `None` if it is not accepted.
    pub(crate) fn accepts_fault(&self, id: &FindingId<'_>) -> Option<&str> {
        let accepted = self.faults.iter().find(|fault| fault.id() == *id)?;
        Some(accepted.grounds.reason.as_deref().unwrap_or("no reason is given"))
    }

    /// Compares the entries with the findings, on this day. `swept` are the tests, by module, for which every fault was tried:
    /// an entry of such a test that was not found is gone.
    pub(crate) fn used_by_faults(
        &self,
        found: &FoundFaults<'_>,
        swept: &BTreeSet<(&str, &str)>,
        date: Option<Date>,
    ) -> BaselineUse {
        let mut usage =
            BaselineUse { file: self.file.clone(), date, entries: self.faults.len(), ..BaselineUse::default() };
        for fault in &self.faults {
            let is_used = found.iter().any(|(id, _)| *id == fault.id());
            let is_gone = !is_used && swept.contains(&(&*fault.module, &*fault.test));
            usage.judged += usize::from(is_used || is_gone);
            if is_gone {
                usage.gone.push(fault.entry());
            } else if is_used && has_expired(&fault.grounds, date) {
                usage.expired.push(fault.entry());
            }
        }
        usage
    }

    /// The text of a baseline that accepts the findings, made from the text of this one.
    pub(crate) fn updated_by_faults(
        &self,
        text: &str,
        found: &FoundFaults<'_>,
        swept: &BTreeSet<(&str, &str)>,
        grounds: &NewGrounds,
    ) -> BaselineUpdate {
        let gone = self.used_by_faults(found, swept, None).gone;
        let there: BTreeSet<FindingId<'_>> = found.iter().map(|(id, _)| *id).collect();
        let was_looked_for = |fault: &AcceptedFault| swept.contains(&(&*fault.module, &*fault.test));
        let keep: Vec<bool> =
            self.faults.iter().map(|fault| there.contains(&fault.id()) || !was_looked_for(fault)).collect();
        let mut added: Vec<AcceptedFault> = Vec::new();
        for (id, test) in found.iter().filter(|(id, _)| self.accepts_fault(id).is_none()) {
            if added.iter().all(|known| known.id() != *id) {
                added.push(AcceptedFault::new(id, test, grounds));
            }
        }
        // This baseline was read from the text, so that it is TOML.
        let mut document: DocumentMut = text.parse().unwrap_or_default();
        let old = document.remove("fault").and_then(|item| item.into_array_of_tables().ok()).unwrap_or_default();
        let mut tables = ArrayOfTables::new();
        old.into_iter().zip(&keep).filter(|(_, keep)| **keep).for_each(|(table, _)| tables.push(table));
        added.iter().for_each(|fault| tables.push(fault.table()));
        if !tables.is_empty() {
            document.insert("fault", Item::ArrayOfTables(tables));
        }
        let rewritten = document.to_string();
        BaselineUpdate {
            text: if text.trim().is_empty() { format!("{HEAD}{rewritten}") } else { rewritten },
            added: added.iter().map(AcceptedFault::entry).collect(),
            kept: keep.iter().filter(|keep| **keep).count(),
            gone,
            refused: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FindingKind;

    fn id(object: &'static str) -> FindingId<'static> {
        let (function, file) = (Some("store::save"), Some("src/store.rs"));
        FindingId { module: "shop", kind: FindingKind::Leak, object, function, file, place: Some("store::open") }
    }

    fn read(text: &str) -> Baseline {
        Baseline::from_str(text, "baseline.toml").unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_accepts_the_same() {
        let (a, b) = (id("file /tmp/a"), id("file /tmp/b"));
        let swept = BTreeSet::from([("shop", "saves")]);
        let grounds =
            NewGrounds { reason: Some("until the store is new".to_owned()), expires: "2027-01-31".parse().ok() };
        let first = Baseline::default().updated_by_faults("", &[(a, "saves"), (b, "saves")], &swept, &grounds);
        insta::assert_snapshot!(first.text);
        let baseline = read(&first.text);
        assert_eq!(baseline.accepts_fault(&a), Some("until the store is new"));
        assert_eq!(baseline.accepts_fault(&id("file /tmp/c")), None);
        // A finding that is not there any more: its entry goes if its test was swept, and stays if not.
        let later = baseline.updated_by_faults(&first.text, &[(b, "saves")], &swept, &NewGrounds::default());
        assert_eq!((later.added.len(), later.kept, later.gone.len()), (0, 1, 1));
        assert!(read(&later.text).accepts_fault(&a).is_none());
        let part = baseline.updated_by_faults(&first.text, &[(b, "saves")], &BTreeSet::new(), &NewGrounds::default());
        assert_eq!((part.kept, part.text), (2, first.text));
        let day = |text: &str| baseline.used_by_faults(&[(a, "saves")], &swept, text.parse().ok()).expired.len();
        assert_eq!((day("2027-01-31"), day("2027-02-01")), (0, 1));
    }

    #[test]
    fn an_entry_says_what_it_accepts() {
        let wrong = |text: &str| Baseline::from_str(text, "baseline.toml").unwrap_err().to_string();
        assert!(wrong("[[fault]]\nmodule = \"m\"\n").contains("`test`"));
        assert!(wrong("[[fault]]\nmodule = \"m\"\ntest = \"t\"\nkind = \"lie\"\n").contains("lie"));
        assert!(wrong("[[fault]]\nmodul = \"m\"\n").contains("did you mean `module`?"));
    }
}
