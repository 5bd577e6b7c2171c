//! Reads the file as it is written, and checks every value by itself. Checks that concern several profiles are in `resolve`.

use super::check::{At, Checker, Value};
use super::errors::Problem;
use super::gate::{self, Gate};
use super::grants::{self, RawDir, RawSocket};
use super::settings::{self, FILE, OVERRIDE};
use crate::model::Source;
use crate::model::units::Quantity;
use crate::policy::PolicyPatch;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use toml::de::DeTable;

/// A whole file.
#[derive(Default)]
pub(super) struct RawConfig {
    pub cache_size: Option<u64>,
    pub module_size: Option<u64>,
    pub function_weight: Option<u64>,
    pub module_weight: Option<u64>,
    pub single_pass_weight: Option<u64>,
    /// In milliseconds.
    pub compile_time: Option<u64>,
    pub compile_memory: Option<u64>,
    pub profiles: BTreeMap<String, RawProfile>,
}

/// One `[profile.NAME]`.
#[derive(Default)]
pub(super) struct RawProfile {
    pub inherits: Option<(At, String)>,
    pub patch: PolicyPatch,
    pub heap_accounting: Option<(At, bool)>,
    pub unwinds: Option<bool>,
    pub threads: Option<bool>,
    pub setup_test: Option<String>,
    pub gate: Gate,
    pub baseline: Option<PathBuf>,
    pub seed: Option<u64>,
    pub outbound: Option<BTreeSet<SocketAddr>>,
    pub dirs: Vec<RawDir>,
    pub sockets: Vec<RawSocket>,
    pub overrides: Vec<RawOverride>,
}

/// One `[[profile.NAME.overrides]]`.
#[derive(Default)]
pub(super) struct RawOverride {
    pub filter: Option<String>,
    pub module: Option<String>,
    pub package: Option<String>,
    pub threads: Option<bool>,
    pub patch: PolicyPatch,
    pub grants: Vec<String>,
    pub grants_at: At,
}

/// Reads a document; relative host paths start at `base`.
pub(super) fn read(check: &mut Checker<'_>, document: &DeTable<'_>, base: &Path) -> RawConfig {
    let mut raw = RawConfig::default();
    for (key, value) in document {
        let at = At::default().key(key.get_ref(), value);
        match key.get_ref().as_ref() {
            "cache-size" => raw.cache_size = check.quantity(&at, value, Quantity::Size),
            "module-size" => raw.module_size = check.positive_size(&at, value),
            "function-weight" => raw.function_weight = check.integer(&at, value, 1..=u64::MAX),
            "module-weight" => raw.module_weight = check.integer(&at, value, 1..=u64::MAX),
            "single-pass-weight" => raw.single_pass_weight = check.integer(&at, value, 1..=u64::MAX),
            "compile-time" => raw.compile_time = check.quantity(&at, value, Quantity::Duration),
            "compile-memory" => raw.compile_memory = check.positive_size(&at, value),
            "profile" => raw.profiles = profiles(check, &at, value, base),
            other => settings::unknown(check, &At::default(), other, key.span().start, FILE.to_vec()),
        }
    }
    raw
}

fn profiles(check: &mut Checker<'_>, at: &At, value: &Value<'_>, base: &Path) -> BTreeMap<String, RawProfile> {
    let mut profiles = BTreeMap::new();
    for (key, value) in check.table(at, value).into_iter().flatten() {
        // A setting in `[profile]` itself: the name of the profile was forgotten.
        let is_setting = |key: &str| settings::shared().contains(&key) || settings::of_profiles().contains(&key);
        if !value.get_ref().is_table() && is_setting(key.get_ref()) {
            settings::unknown(check, at, key.get_ref(), key.span().start, Vec::new());
            continue;
        }
        let at = at.key(key.get_ref(), value);
        if let Some(table) = check.table(&at, value) {
            profiles.insert(key.get_ref().to_string(), profile(check, &at, table, base));
        }
    }
    profiles
}

fn profile(check: &mut Checker<'_>, place: &At, table: &DeTable<'_>, base: &Path) -> RawProfile {
    let mut raw = RawProfile::default();
    for (key, value) in table {
        let at = place.key(key.get_ref(), value);
        match key.get_ref().as_ref() {
            "inherits" => raw.inherits = check.string(&at, value).map(|name| (at.clone(), name.to_owned())),
            "heap-accounting" => raw.heap_accounting = check.boolean(&at, value).map(|on| (at, on)),
            "panic" => {
                raw.unwinds = check.choice(&at, value, "what a panic does", &[("abort", false), ("unwind", true)])
            }
            "threads" => raw.threads = check.boolean(&at, value),
            "setup-test" => raw.setup_test = check.string(&at, value).map(str::to_owned),
            "gate" => raw.gate = gate::read(check, &at, value, base),
            "baseline" => raw.baseline = baseline(check, &at, value).map(|path| base.join(path)),
            "seed" => raw.seed = check.integer(&at, value, 0..=u64::MAX),
            "outbound" => {
                raw.outbound = check.texts(&at, value, "an address").map(|all| grants::outbound(check, &at, &all))
            }
            "dir" => {
                let tables = check.tables(&at, value, "an array of tables, each under [[profile.NAME.dir]]");
                raw.dirs = tables.into_iter().map(|(at, table)| grants::dir(check, at, table, base)).collect();
            }
            "socket" => {
                let tables = check.tables(&at, value, "an array of tables, each under [[profile.NAME.socket]]");
                raw.sockets = tables.into_iter().map(|(at, table)| grants::socket(check, at, table, base)).collect();
            }
            "overrides" => {
                let tables = check.tables(&at, value, "an array of tables, each under [[profile.NAME.overrides]]");
                raw.overrides = tables.into_iter().map(|(at, table)| overriding(check, &at, table)).collect();
            }
            other if settings::read(check, &at, other, value, (Source::Profile, &mut raw.patch)) => {}
            other => {
                let known = [settings::shared(), settings::of_profiles()].concat();
                settings::unknown(check, place, other, key.span().start, known);
            }
        }
    }
    raw
}

fn overriding(check: &mut Checker<'_>, place: &At, table: &DeTable<'_>) -> RawOverride {
    let mut raw = RawOverride::default();
    for (key, value) in table {
        let at = place.key(key.get_ref(), value);
        match key.get_ref().as_ref() {
            "filter" => raw.filter = check.string(&at, value).map(str::to_owned),
            "module" => raw.module = check.string(&at, value).map(str::to_owned),
            "package" => raw.package = check.string(&at, value).map(str::to_owned),
            "threads" => {
                raw.threads = check.boolean(&at, value);
                let part = ["filter", "module"].into_iter().find(|key| table.contains_key(*key));
                let problem = match part {
                    Some(part) => format!(
                        "a package is built for threads as a whole, so this cannot be of a `{part}`: put it into an override with \
                         `package` alone"
                    ),
                    None if table.contains_key("package") => continue,
                    None => "a package is built for threads as a whole: name it with `package`".to_owned(),
                };
                check.fail(&at, Problem::Contradiction(problem));
            }
            "grants" => {
                raw.grants = check.texts(&at, value, "a grant's name").unwrap_or_default();
                raw.grants_at = at;
            }
            other if settings::read(check, &at, other, value, (Source::Override, &mut raw.patch)) => {}
            other => {
                let known = [OVERRIDE, &settings::shared()].concat();
                settings::unknown(check, place, other, key.span().start, known);
            }
        }
    }
    if !["filter", "module", "package"].into_iter().any(|key| table.contains_key(key)) {
        let what = "`filter`, a part of the names of tests (or `module`, of modules, or `package`, a whole name), is";
        check.fail(place, Problem::Missing(what));
    }
    raw
}

/// The path of the baseline. It has to lie within the workspace: `airtight baseline` writes to this file, and a stranger may
/// have written the profile.
fn baseline(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<PathBuf> {
    let text = check.string(at, value)?;
    let path = PathBuf::from(text);
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Some(path);
    }
    let rule = "name one within the workspace, or another with --baseline";
    check.fail(at, Problem::Text { text: text.to_owned(), what: "the file of accepted leaks", rule });
    None
}
