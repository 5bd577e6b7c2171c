//! The settings that profiles and overrides share, and the table in which every setting belongs.

use super::check::{At, Checker, Value};
use super::clock;
use super::errors::Problem;
use super::suggest::nearest;
use crate::model::{HeapKind, Leftover, Limit, Source};
use crate::policy::{LeakAction, LeakPatch, LeakSetting, PolicyPatch};
use std::collections::BTreeMap;

pub(super) const FILE: &[&str] = &[
    "profile",
    "cache-size",
    "module-size",
    "function-weight",
    "module-weight",
    "single-pass-weight",
    "compile-time",
    "compile-memory",
];
/// Settings of profiles and overrides, beside limits.
const SHARED: &[&str] = &["clock", "clock-start", "leaks", "heap", "tracked", "env", "args", "stdin"];
/// Settings of profiles alone, beside limits.
const PROFILE: &[&str] = &[
    "heap-accounting",
    "panic",
    "threads",
    "setup-test",
    "gate",
    "baseline",
    "seed",
    "outbound",
    "inherits",
    "dir",
    "socket",
    "overrides",
];
pub(super) const OVERRIDE: &[&str] = &["filter", "module", "package", "threads", "grants"];
pub(super) const DIR: &[&str] = &["guest", "host", "mode", "name"];
pub(super) const SOCKET: &[&str] = &["name", "listen", "connect", "connect-to", "on-request"];
const HEAP: &[(&str, bool)] = &[("required", true), ("where-possible", false)];
const ACTIONS: &[(&str, LeakAction)] =
    &[("fail", LeakAction::Fail), ("show", LeakAction::Show), ("ignore", LeakAction::Ignore)];

/// The settings that profiles and overrides share.
pub(super) fn shared() -> Vec<&'static str> {
    limits(true).chain(SHARED.iter().copied()).collect()
}

/// The settings that only profiles have.
pub(super) fn of_profiles() -> Vec<&'static str> {
    limits(false).chain(PROFILE.iter().copied()).collect()
}

/// The limits that an override can set, or those that it cannot.
fn limits(by_override: bool) -> impl Iterator<Item = &'static str> {
    let wanted = move |limit: &Limit| limit.can_be_set_by(Source::Override) == by_override;
    Limit::ALL.into_iter().filter(wanted).map(Limit::name)
}

/// The variable in which the host lists a guest's sockets.
const RESERVED_VARIABLE: &str = "AIRTIGHT_SOCKETS";

/// Reads a limit that `source` can set, or another setting that profiles and overrides share. Returns false if `key` is
/// neither.
pub(super) fn read(
    check: &mut Checker<'_>,
    at: &At,
    key: &str,
    value: &Value<'_>,
    (source, patch): (Source, &mut PolicyPatch),
) -> bool {
    match key {
        "clock" | "clock-start" => clock::read(check, at, key, value, &mut patch.clock),
        "leaks" => patch.leaks = leaks(check, at, value),
        "heap" => patch.heap_required = check.choice(at, value, "what is demanded of the heap", HEAP),
        "tracked" => patch.tracked = tracked(check, at, value),
        "env" => patch.env = env(check, at, value),
        "args" => patch.args = check.texts(at, value, "an argument"),
        "stdin" => patch.stdin = check.string(at, value).map(|text| text.as_bytes().to_vec()),
        other => match Limit::from_name(other).filter(|limit| limit.can_be_set_by(source)) {
            Some(limit) => patch.limits.set(limit, limit_value(check, at, value, limit)),
            None => return false,
        },
    }
    true
}

/// The first setting that needs heap accounting: a limit on the heap, or `heap = "required"`.
pub(super) fn heap_limit(patch: &PolicyPatch) -> Option<&'static str> {
    let limit = patch.limits.iter().find(|(limit, _)| limit.row().heap.is_some()).map(|(limit, _)| limit.name());
    limit.or((patch.heap_required == Some(true)).then_some("heap"))
}

/// Reports a key that its table does not have.
pub(super) fn unknown(check: &mut Checker<'_>, table: &At, key: &str, offset: usize, known: Vec<&'static str>) {
    let at = At { offset, key: table.key.clone() };
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

/// Where a setting belongs, in words for an error; `None` if there is no such setting.
fn home(key: &str) -> Option<String> {
    let home = match key {
        "seed" => "it has one value a run, so that the report can name it: set it in the profile",
        "heap-accounting" => "it is compiled into the modules, so it has one value a run: set it in the profile",
        "setup-test" => "it is for all tests of a module: set it in the profile",
        "gate" => "it is for a whole run: set it in the profile",
        "baseline" => "it is for a whole run: set it in the profile; its entries name modules and tests",
        "panic" => "it is compiled into std, so it has one value a run: set it in the profile",
        "threads" => "it belongs to a profile, or to an override with `package`, such as [[profile.default.overrides]]",
        "on-request" => "a directory with a `name` is given on request, one without to every test",
        key if FILE.contains(&key) => "write it at the top of the file, before the first table",
        key if PROFILE.contains(&key) => "it belongs to a profile, such as [profile.default]",
        key if shared().contains(&key) => {
            "it belongs to a profile, such as [profile.default], or to one of its overrides"
        }
        key if OVERRIDE.contains(&key) => "it belongs to an override, such as [[profile.default.overrides]]",
        key => return Limit::from_name(key).map(|limit| format!("{}: set it in the profile", limit.row().elsewhere)),
    };
    Some(home.to_owned())
}

fn leaks(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> LeakPatch {
    let mut patch = LeakPatch::default();
    let Some(table) = check.table(at, value) else { return patch };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let problem = match (LeakSetting::from_key(name), name) {
            (Some(setting), _) => {
                patch.set(setting, check.choice(&at.key(name, value), value, "an action", ACTIONS));
                continue;
            }
            (None, "lost") => {
                let home = "what is lost is called `heap` here: write leaks = { heap = \"fail\" }".to_owned();
                Problem::Misplaced { key: "lost".to_owned(), home }
            }
            (None, other) => {
                let known = LeakSetting::ALL.map(LeakSetting::key).to_vec();
                let nearest = nearest(other, known.iter().copied()).map(str::to_owned);
                Problem::UnknownKey { key: other.to_owned(), nearest, known }
            }
        };
        check.fail(&At { offset: key.span().start, key: at.key.clone() }, problem);
    }
    patch
}

/// The value of a limit. The limits `lost` and `retained` are numbers of bytes: for an action such as "fail" the error says
/// that it belongs in `leaks`.
fn limit_value(check: &mut Checker<'_>, at: &At, value: &Value<'_>, limit: Limit) -> Option<u64> {
    let action = value.get_ref().as_str().filter(|text| ACTIONS.iter().any(|(action, _)| action == text));
    let leftover = limit.row().heap.and_then(|figure| match figure.kind {
        HeapKind::Leftover(Leftover::Lost) => Some("heap"),
        HeapKind::Leftover(Leftover::Retained) => Some("retained"),
        HeapKind::Tally(_) => None,
    });
    if let (Some(action), Some(kind)) = (action, leftover) {
        let problem =
            format!("it is a number of bytes; what they do to the verdict is leaks = {{ {kind} = {action:?} }}");
        check.fail(at, Problem::Contradiction(problem));
        return None;
    }
    check.limit(at, value, limit)
}

/// The most resources of each of the user's own kinds.
fn tracked(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> BTreeMap<String, u64> {
    let table = check.table(at, value).into_iter().flatten();
    let limits = table.filter_map(|(kind, value)| {
        let most = check.integer(&at.key(kind.get_ref(), value), value, 0..=u64::MAX)?;
        Some((kind.get_ref().to_string(), most))
    });
    limits.collect()
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
