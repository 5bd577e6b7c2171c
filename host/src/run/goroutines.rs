//! Entries for goroutines that had not ended: those of the test, and those that were started before it.

use super::bounds::end_list;
use crate::harness::go::{Goroutine, goroutines};
use crate::model::{Frame, Resource, ResourceKind, SETUP_SCOPE, ThreadRecord};
use crate::sandbox::wasi::GoroutineDumps;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// What Go's runtime adds to the state of a goroutine that is blocked for ever.
const FOR_EVER: &str = " (leaked)";

/// Functions of Go's library in which one of its own goroutines stays for ever, once it was needed. The user cannot end it.
const RESIDENTS: [&str; 2] = ["os/signal.loop", "os/signal.signal_recv"];

/// The entries for goroutines that had not ended. Goroutines that were started at one place and do the same share an entry;
/// entries are in the order in which their first goroutine was started. Goroutines of TestMain and of package
/// initialisation come last, if this test is the one to tell of them.
pub fn left(dumps: &GoroutineDumps, test: &str, tells_setup: bool) -> Vec<Resource> {
    let before = numbers(dumps.before.as_deref());
    let after: Vec<Goroutine> = others(dumps.after.as_deref()).filter(|one| !before.contains(&one.number)).collect();
    let of_test: HashSet<u64> = after.iter().map(|one| one.number).collect();
    let exit = dumps.exit.as_deref().filter(|_| tells_setup);
    let of_setup = others(exit).filter(|one| !of_test.contains(&one.number)).collect();
    let mut entries = entries(after, test);
    entries.extend(self::entries(of_setup, SETUP_SCOPE));
    entries
}

fn numbers(dump: Option<&str>) -> HashSet<u64> {
    dump.map(|dump| goroutines(dump, usize::MAX).0).unwrap_or_default().into_iter().map(|one| one.number).collect()
}

/// The goroutines of a dump without the first, which wrote the dump, without that of `main`, and without those that the
/// user cannot end.
fn others(dump: Option<&str>) -> impl Iterator<Item = Goroutine> {
    let all = dump.map(|dump| goroutines(dump, usize::MAX).0).unwrap_or_default();
    all.into_iter().skip(1).filter(|one| one.number != 1 && !is_resident(one))
}

/// Whether the user has no way to end this goroutine.
fn is_resident(goroutine: &Goroutine) -> bool {
    let of_runtime = goroutine.created.as_ref().is_none_or(|by| by.function.starts_with("runtime."));
    of_runtime || goroutine.stack.iter().any(|frame| RESIDENTS.contains(&&*frame.function))
}

fn entries(mut goroutines: Vec<Goroutine>, scope: &str) -> Vec<Resource> {
    goroutines.sort_by_key(|one| one.number);
    let mut entries: Vec<Resource> = Vec::new();
    let mut known: HashMap<(Vec<Frame>, ThreadRecord), usize> = HashMap::new();
    for goroutine in goroutines {
        let created: Vec<Frame> = goroutine.created.iter().cloned().collect();
        let number = u32::try_from(goroutine.number).unwrap_or(u32::MAX);
        let record = ThreadRecord {
            number,
            does: does(&goroutine.state),
            stack: goroutine.user_frames(),
            ..ThreadRecord::default()
        };
        let alike = ThreadRecord { number: 0, ..record.clone() };
        match known.entry((created, alike)) {
            Entry::Occupied(same) => entries[*same.get()].count += 1,
            Entry::Vacant(new) => {
                let created = new.key().0.clone();
                entries.push(Resource { thread: Some(record), ..Resource::new(ResourceKind::Task, scope, created) });
                new.insert(entries.len() - 1);
            }
        }
    }
    end_list(entries)
}

/// What a goroutine does, from its state. How long it has done so is left out: the sandbox's time decides that.
fn does(state: &str) -> String {
    let what = state.split(", ").next().unwrap_or(state);
    match what.strip_suffix(FOR_EVER) {
        Some(what) => format!("is blocked for ever ({what})"),
        None => format!("is still there ({what})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goroutine(number: u64, state: &str, function: &str, created: &str) -> String {
        format!(
            "goroutine {number} [{state}]:\n{function}()\n\t/h/m/a_test.go:{number} +0x1\ncreated by {created} in goroutine 1\n\t/h/m/a_test.go:3 +0x2\n\n"
        )
    }

    fn told(dumps: &GoroutineDumps) -> Vec<String> {
        let told = |left: &Resource| {
            let thread = left.thread.as_ref().unwrap();
            format!("{} {} {} {}", left.scope, left.count, thread.number, thread.does)
        };
        left(dumps, "TestA", true).iter().map(told).collect()
    }

    #[test]
    fn what_was_there_before_is_what_was_set_up() {
        let main = "goroutine 1 [chan receive]:\nmain.main()\n\t_testmain.go:7 +0x1\n\n";
        let own = goroutine(6, "running", "m.TestA", "testing.(*T).Run");
        let beat = goroutine(4, "select", "m.beat", "m.TestMain");
        let sender = goroutine(7, "chan send (leaked), 2 minutes", "m.TestA.func1", "m.TestA");
        let signals = goroutine(9, "syscall", "os/signal.loop", "os/signal.Notify.func1");
        let dumps = GoroutineDumps {
            before: Some(format!("{own}{main}{beat}")),
            after: Some(format!("{own}{main}{beat}{sender}{signals}")),
            exit: Some(format!("{main}{beat}{sender}{signals}")),
        };
        assert_eq!(
            told(&dumps),
            ["TestA 1 7 is blocked for ever (chan send)", &format!("{SETUP_SCOPE} 1 4 is still there (select)")]
        );
        let ended = GoroutineDumps { exit: None, ..dumps.clone() };
        assert_eq!(told(&ended), ["TestA 1 7 is blocked for ever (chan send)"], "TestMain has ended its own");
        assert_eq!(told(&GoroutineDumps::default()), [""; 0]);
        assert_eq!(left(&dumps, "TestA", false).len(), 1, "another test tells what was set up");
    }

    #[test]
    fn equal_ones_are_one_entry() {
        let own = goroutine(6, "running", "m.TestA", "testing.(*T).Run");
        let one = |number: u64| goroutine(number, "sleep", "m.f", "m.TestA").replace(&format!(":{number} "), ":5 ");
        let dumps = GoroutineDumps {
            after: Some(format!("{own}{}{}{}", one(9), one(8), goroutine(7, "select", "m.g", "m.TestA"))),
            ..GoroutineDumps::default()
        };
        assert_eq!(told(&dumps), ["TestA 1 7 is still there (select)", "TestA 2 8 is still there (sleep)"]);
    }
}
