//! The settings that profiles and overrides share, and where every setting belongs.

use super::check::{At, Checker, Value};
use super::clock;
use super::errors::Problem;
use super::suggest::nearest;
use crate::model::units::Quantity;
use crate::policy::{LeakAction, LeakPatch, PolicyPatch};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const FILE: &[&str] = &["profile", "cache-size", "module-size", "function-weight", "module-weight"];
pub(super) const SHARED: &[&str] = &[
    "memory",
    "fuel",
    "timeout",
    "output",
    "handles",
    "scratch",
    "scratch-entries",
    "io",
    "host-memory",
    "peak-heap",
    "lost",
    "retained",
    "allocations",
    "clock",
    "clock-start",
    "leaks",
    "env",
    "args",
    "stdin",
];
pub(super) const PROFILE: &[&str] =
    &["stack", "heap-accounting", "seed", "outbound", "inherits", "dir", "socket", "overrides"];
pub(super) const OVERRIDE: &[&str] = &["filter", "module", "grants"];
pub(super) const DIR: &[&str] = &["guest", "host", "mode", "name"];
pub(super) const SOCKET: &[&str] = &["name", "listen", "connect", "connect-to", "on-request"];
const LEAKS: &[&str] = &["handles", "heap", "tasks", "tracked", "retained", "residue"];
const ACTIONS: &[(&str, LeakAction)] =
    &[("fail", LeakAction::Fail), ("show", LeakAction::Show), ("ignore", LeakAction::Ignore)];

/// The variable in which the host tells the guest its sockets.
const RESERVED_VARIABLE: &str = "AIRTIGHT_SOCKETS";

/// Reads a setting that both profiles and overrides have; false where `key` is none.
pub(super) fn read(check: &mut Checker<'_>, at: &At, key: &str, value: &Value<'_>, patch: &mut PolicyPatch) -> bool {
    match key {
        "memory" => patch.memory = check.positive(at, value, Quantity::Size),
        "fuel" => patch.fuel = check.positive(at, value, Quantity::Fuel),
        "timeout" => patch.timeout = check.positive(at, value, Quantity::Duration).map(Duration::from_millis),
        "output" => patch.output = check.quantity(at, value, Quantity::Size),
        "handles" => {
            let handles = check.integer(at, value, 1..=u64::from(u32::MAX));
            patch.handles = handles.and_then(|handles| u32::try_from(handles).ok());
        }
        "scratch" => patch.scratch = check.quantity(at, value, Quantity::Size),
        "scratch-entries" => patch.scratch_entries = check.integer(at, value, 0..=u64::from(u32::MAX)),
        "clock" | "clock-start" => clock::read(check, at, key, value, &mut patch.clock),
        "io" => patch.io = check.positive(at, value, Quantity::Size),
        "host-memory" => patch.host_memory = check.positive(at, value, Quantity::Size),
        "peak-heap" => patch.peak_heap = check.quantity(at, value, Quantity::Size),
        "lost" => patch.lost = cap_of_leaks(check, at, value, "heap"),
        "retained" => patch.retained = cap_of_leaks(check, at, value, "retained"),
        "allocations" => patch.allocations = check.quantity(at, value, Quantity::Count),
        "leaks" => patch.leaks = leaks(check, at, value),
        "env" => patch.env = env(check, at, value),
        "args" => patch.args = check.texts(at, value, "an argument"),
        "stdin" => patch.stdin = check.string(at, value).map(|text| text.as_bytes().to_vec()),
        _ => return false,
    }
    true
}

/// The first limit that needs the heap to be accounted for.
pub(super) fn heap_limit(patch: &PolicyPatch) -> Option<&'static str> {
    let limits = [
        ("peak-heap", patch.peak_heap),
        ("lost", patch.lost),
        ("retained", patch.retained),
        ("allocations", patch.allocations),
    ];
    limits.into_iter().find(|(_, limit)| limit.is_some()).map(|(name, _)| name)
}

/// Reports a key that its table does not have.
pub(super) fn unknown(check: &mut Checker<'_>, table: &At, key: &str, offset: usize, known: &[&[&'static str]]) {
    let at = At { offset, key: table.key.clone() };
    let known = known.concat();
    let problem = match home(key) {
        Some(home) => Problem::Misplaced { key: key.to_owned(), home },
        None => Problem::UnknownKey {
            key: key.to_owned(),
            nearest: nearest(key, known.iter().copied()).map(str::to_owned),
            known,
        },
    };
    check.fail(&at, problem);
}

/// Where a setting belongs that was found elsewhere.
fn home(key: &str) -> Option<&'static str> {
    match key {
        "seed" => Some("it has one value a run, so that the report can name it: set it in the profile"),
        "heap-accounting" => Some("it is compiled into the modules, so it has one value a run: set it in the profile"),
        "stack" => Some("it is compiled into the engine, so it has one value a run: set it in the profile"),
        "on-request" => Some("a directory with a `name` is given on request, one without to every test"),
        key if FILE.contains(&key) => Some("write it at the top of the file, before the first table"),
        key if PROFILE.contains(&key) => Some("it belongs to a profile, such as [profile.default]"),
        key if SHARED.contains(&key) => {
            Some("it belongs to a profile, such as [profile.default], or to one of its overrides")
        }
        key if OVERRIDE.contains(&key) => Some("it belongs to an override, such as [[profile.default.overrides]]"),
        _ => None,
    }
}

fn leaks(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> LeakPatch {
    let mut patch = LeakPatch::default();
    let Some(table) = check.table(at, value) else { return patch };
    for (key, value) in table {
        let slot = match key.get_ref().as_ref() {
            "handles" => &mut patch.handles,
            "heap" => &mut patch.heap,
            "tasks" => &mut patch.tasks,
            "tracked" => &mut patch.tracked,
            "retained" => &mut patch.retained,
            "residue" => &mut patch.residue,
            "lost" => {
                let home = "what is lost is called `heap` here: write leaks = { heap = \"fail\" }";
                let problem = Problem::Misplaced { key: "lost".to_owned(), home };
                check.fail(&At { offset: key.span().start, key: at.key.clone() }, problem);
                continue;
            }
            other => {
                let nearest = nearest(other, LEAKS.iter().copied()).map(str::to_owned);
                let problem = Problem::UnknownKey { key: other.to_owned(), nearest, known: LEAKS.to_vec() };
                check.fail(&At { offset: key.span().start, key: at.key.clone() }, problem);
                continue;
            }
        };
        *slot = check.choice(&at.key(key.get_ref(), value), value, "an action", ACTIONS);
    }
    patch
}

/// A cap in bytes on what `leaks` has an action for, under the name of `kind`.
fn cap_of_leaks(check: &mut Checker<'_>, at: &At, value: &Value<'_>, kind: &str) -> Option<u64> {
    let action = value.get_ref().as_str().filter(|text| ACTIONS.iter().any(|(action, _)| action == text));
    if let Some(action) = action {
        let problem =
            format!("it is a number of bytes; what they do to the verdict is leaks = {{ {kind} = {action:?} }}");
        check.fail(at, Problem::Contradiction(problem));
        return None;
    }
    check.quantity(at, value, Quantity::Size)
}

fn env(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let Some(table) = check.table(at, value) else { return env };
    for (key, value) in table {
        let at = at.key(key.get_ref(), value);
        let name = key.get_ref().as_ref();
        let rule = match name {
            RESERVED_VARIABLE => Some("the host sets it"),
            "" => Some("it is empty"),
            name if name.contains(['=', '\0']) => Some("it may not hold `=` or NUL"),
            _ => None,
        };
        if let Some(rule) = rule {
            check.fail(&at, Problem::Text { text: name.to_owned(), what: "a variable's name", rule });
            continue;
        }
        let text = check.text(&at, value, "a variable's value");
        env.extend(text.map(|text| (name.to_owned(), text)));
    }
    env
}
