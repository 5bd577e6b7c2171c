//! From raw profiles to resolved ones: inheritance, and references by name.

use super::check::{At, Checker};
use super::errors::Problem;
use super::gate::Gate;
use super::grants::{RawDir, RawSocket};
use super::profile::{Override, Profile, Requestable};
use super::raw::{RawConfig, RawOverride, RawProfile};
use super::settings;
use super::suggest::nearest;
use super::trust::{self, Given};
use crate::policy::{Policy, SocketSource};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The profile that all others start from.
pub(super) const DEFAULT: &str = "default";

/// The longest chain of profiles up to the default one. It is bounded because every profile is read again for each one that
/// inherits from it.
const MAX_DEPTH: usize = 32;

/// Checks how settings depend on each other: inheritance, duplicates, names that nothing has.
pub(super) fn check_links(check: &mut Checker<'_>, raw: &RawConfig) {
    for (name, profile) in &raw.profiles {
        duplicates(check, profile);
        if let Some(lineage) = lineage(check, raw, name) {
            let merged = MergedGrants::new(&lineage);
            // The names of a profile and of those it inherits from have to be unique together.
            unique(check, "name", merged.names());
            connections(check, &merged);
            judged_unmeasured(check, name, &lineage);
            requests(check, name, &lineage, &merged);
        }
    }
}

/// A profile and the profiles that it inherits from, in the order from the default profile down to itself. `None`, with an
/// error, if the chain leads to a profile that does not exist, goes in a circle, or is too long.
fn lineage<'r>(check: &mut Checker<'_>, raw: &'r RawConfig, name: &str) -> Option<Vec<&'r RawProfile>> {
    let mut names = vec![name.to_owned()];
    let mut lineage = Vec::new();
    loop {
        let current = names.last().map_or(DEFAULT, String::as_str);
        let profile = raw.profiles.get(current);
        lineage.extend(profile);
        let next = match profile.and_then(|profile| profile.inherits.as_ref()) {
            Some((at, _)) if current == DEFAULT => {
                let problem = "`default` is what all profiles start from, and cannot inherit; remove the setting";
                check.fail(at, Problem::Contradiction(problem.to_owned()));
                return None;
            }
            Some((at, next)) => {
                parent_exists(check, raw, at, next)?;
                next.clone()
            }
            None if current == DEFAULT => break,
            None => DEFAULT.to_owned(),
        };
        if let Some(start) = names.iter().position(|known| *known == next) {
            report_circle(check, raw, &names[start..]);
            return None;
        }
        if names.len() > MAX_DEPTH {
            let inherits = raw.profiles.get(name).and_then(|profile| profile.inherits.as_ref());
            inherits.into_iter().for_each(|(at, _)| check.fail(at, Problem::Deep(MAX_DEPTH)));
            return None;
        }
        names.push(next);
    }
    lineage.reverse();
    Some(lineage)
}

fn parent_exists(check: &mut Checker<'_>, raw: &RawConfig, at: &At, name: &str) -> Option<()> {
    if name == DEFAULT || raw.profiles.contains_key(name) {
        return Some(());
    }
    if check.is_full() {
        return None;
    }
    let known: Vec<_> = raw.profiles.keys().cloned().collect();
    let problem = unresolved("profile", name, "in this file".to_owned(), known);
    check.fail(at, problem);
    None
}

/// Reports a circle. The error is the same for every profile in the circle, so that it is kept once.
fn report_circle(check: &mut Checker<'_>, raw: &RawConfig, circle: &[String]) {
    let place = |name: &String| raw.profiles.get(name).and_then(|profile| profile.inherits.as_ref()).map(|(at, _)| at);
    let Some(first) = (0..circle.len()).min_by_key(|nth| place(&circle[*nth]).map(|at| at.offset)) else { return };
    let around = circle.iter().cycle().skip(first).take(circle.len() + 1).cloned().collect();
    if let Some(at) = place(&circle[first]) {
        check.fail(at, Problem::Circle(around));
    }
}

/// Directories and sockets of a lineage. One of a nearer profile replaces an inherited one with the same guest path or name.
struct MergedGrants<'r> {
    dirs: Vec<&'r RawDir>,
    sockets: Vec<&'r RawSocket>,
}

impl<'r> MergedGrants<'r> {
    fn new(lineage: &[&'r RawProfile]) -> Self {
        let mut merged = Self { dirs: Vec::new(), sockets: Vec::new() };
        for profile in lineage {
            let of_dirs = |part: fn(&RawDir) -> &Option<String>| -> BTreeSet<&str> {
                profile.dirs.iter().filter_map(|dir| part(dir).as_deref()).collect()
            };
            let (guests, names) = (of_dirs(|dir| &dir.guest), of_dirs(|dir| &dir.name));
            let sockets: BTreeSet<&str> = profile.sockets.iter().filter_map(|socket| socket.name.as_deref()).collect();
            let has = |names: &BTreeSet<&str>, name: &Option<String>| {
                name.as_deref().is_some_and(|name| names.contains(name))
            };
            merged.dirs.retain(|old| !has(&guests, &old.guest) && !has(&names, &old.name));
            merged.sockets.retain(|old| !has(&sockets, &old.name));
            merged.dirs.extend(&profile.dirs);
            merged.sockets.extend(&profile.sockets);
        }
        merged
    }

    /// Names of all grants, with their places.
    fn names(&self) -> impl Iterator<Item = (&'r str, &'r At)> {
        let dirs = self.dirs.iter().map(|dir| (&dir.name, &dir.at));
        let sockets = self.sockets.iter().map(|socket| (&socket.name, &socket.at));
        dirs.chain(sockets).filter_map(|(name, at)| Some((name.as_deref()?, at)))
    }
}

fn duplicates(check: &mut Checker<'_>, profile: &RawProfile) {
    let guests = profile.dirs.iter().filter_map(|dir| Some((dir.guest.as_deref()?, &dir.at)));
    unique(check, "guest path", guests);
    let own = MergedGrants::new(&[profile]);
    unique(check, "name", own.names());
}

fn unique<'r>(check: &mut Checker<'_>, what: &'static str, names: impl Iterator<Item = (&'r str, &'r At)>) {
    let mut names: Vec<_> = names.collect();
    names.sort_by_key(|(_, at)| at.offset);
    let mut seen = BTreeMap::new();
    for (name, at) in names {
        if let Some(first) = seen.get(name) {
            check.fail(at, Problem::Duplicate { what, value: name.to_owned(), first: *first });
        } else {
            seen.insert(name, check.line(at.offset));
        }
    }
}

/// Checks that every `connect-to` names a listening socket, and that every test with the connecting socket has the listening
/// one, too.
fn connections(check: &mut Checker<'_>, merged: &MergedGrants<'_>) {
    for socket in &merged.sockets {
        let Some(SocketSource::ConnectTo(target)) = &socket.source else { continue };
        let at = &socket.source_at;
        let listener = merged.sockets.iter().find(|other| other.name.as_ref() == Some(target));
        match listener.map(|listener| (listener, &listener.source)) {
            // A listener whose address is wrong has its own error.
            Some((listener, source)) if source.as_ref().is_none_or(SocketSource::listens) => {
                if listener.on_request && !socket.on_request {
                    let problem =
                        format!("`{target}` is given on request only, so this must be too: add on-request = true");
                    check.fail(at, Problem::Contradiction(problem));
                }
            }
            Some(_) => {
                let problem = format!("`{target}` is not a listening socket");
                check.fail(at, Problem::Contradiction(problem));
            }
            None => {
                let listening = |socket: &&&RawSocket| socket.source.as_ref().is_some_and(SocketSource::listens);
                let known = merged.sockets.iter().filter(listening).filter_map(|socket| socket.name.clone()).collect();
                check.fail(at, unresolved("listening socket", target, "in this profile".to_owned(), known));
            }
        }
    }
}

/// Checks that overrides grant only what the profile names. An inherited override that was wrong already in the profile it
/// comes from is not reported again.
fn requests(check: &mut Checker<'_>, profile: &str, lineage: &[&RawProfile], merged: &MergedGrants<'_>) {
    let Some((own, inherited)) = lineage.split_last() else { return };
    let names =
        |merged: &MergedGrants<'_>| -> BTreeSet<String> { merged.names().map(|(name, _)| name.to_owned()).collect() };
    let (before, now) = (names(&MergedGrants::new(inherited)), names(merged));
    let mut require = |overriding: &RawOverride, grant: &str| {
        if !now.contains(grant) && !check.is_full() {
            let known = merged.names().map(|(name, _)| name.to_owned()).collect();
            let problem = unresolved("grant", grant, format!("in profile `{profile}`"), known);
            check.fail(&overriding.grants_at, problem);
        }
    };
    for overriding in &own.overrides {
        overriding.grants.iter().for_each(|grant| require(overriding, grant));
    }
    for overriding in inherited.iter().flat_map(|profile| &profile.overrides) {
        overriding.grants.iter().filter(|grant| before.contains(*grant)).for_each(|grant| require(overriding, grant));
    }
}

/// Refuses a limit on the heap in a profile with heap accounting off. A profile that only inherits the limit may turn the
/// accounting off: then the limit is not judged, and each test says so.
fn judged_unmeasured(check: &mut Checker<'_>, profile: &str, lineage: &[&RawProfile]) {
    let accounting = lineage.iter().rev().find_map(|profile| profile.heap_accounting.as_ref());
    let (Some(own), Some((at, false))) = (lineage.last(), accounting) else { return };
    let patches = [&own.patch].into_iter().chain(own.overrides.iter().map(|overriding| &overriding.patch));
    if let Some(limit) = patches.filter_map(settings::heap_limit).next() {
        let problem =
            format!("without it there is nothing to hold `{limit}` of profile `{profile}` against; remove one of them");
        check.fail(at, Problem::Contradiction(problem));
    }
}

fn unresolved(what: &'static str, name: &str, place: String, mut known: Vec<String>) -> Problem {
    known.sort_unstable();
    known.dedup();
    let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    Problem::Unresolved { what, name: name.to_owned(), place, nearest, known }
}

/// The profiles of a file without errors.
pub(super) fn profiles(check: &mut Checker<'_>, raw: &RawConfig, root: &Path) -> BTreeMap<String, Profile> {
    let names = raw.profiles.keys().map(String::as_str).chain([DEFAULT]);
    let file = check.file().to_owned();
    let place = (root, &*file);
    names.filter_map(|name| Some((name.to_owned(), build(name, &lineage(check, raw, name)?, place)))).collect()
}

fn build(name: &str, lineage: &[&RawProfile], (root, file): (&Path, &str)) -> Profile {
    let mut policy = Policy::default();
    let (mut heap_accounting, mut unwinds, mut threads, mut gate) = (true, false, false, Gate::default());
    let mut setup_test = None;
    let baseline = lineage.iter().rev().find_map(|profile| profile.baseline.clone());
    for profile in lineage {
        profile.patch.apply(&mut policy);
        heap_accounting = profile.heap_accounting.as_ref().map_or(heap_accounting, |(_, on)| *on);
        unwinds = profile.unwinds.unwrap_or(unwinds);
        threads = profile.threads.unwrap_or(threads);
        setup_test = profile.setup_test.as_deref().or(setup_test);
        gate = gate.overlaid(&profile.gate);
        policy.seed = profile.seed.unwrap_or(policy.seed);
        policy.outbound = profile.outbound.clone().unwrap_or(policy.outbound);
    }
    let merged = MergedGrants::new(lineage);
    let (requested, given) = merged.dirs.iter().filter_map(|dir| dir.grant()).partition(|dir| dir.name.is_some());
    let mut requestable = Requestable { dirs: requested, sockets: Vec::new() };
    policy.dirs = given;
    (requestable.sockets, policy.sockets) =
        merged.sockets.iter().filter_map(|socket| socket.grant()).partition(|socket| socket.on_request);
    // The overrides of the nearer profile come first, because the first match decides.
    let overrides = lineage.iter().rev().flat_map(|profile| &profile.overrides).map(|raw| Override {
        filter: raw.filter.clone().unwrap_or_default(),
        module: raw.module.clone().unwrap_or_default(),
        package: raw.package.clone().unwrap_or_default(),
        threads: raw.threads,
        patch: raw.patch.clone(),
        grants: raw.grants.clone(),
    });
    let overrides: Vec<_> = overrides.collect();
    let wanted = trust::wanted(name, root, (&policy, &requestable, &overrides));
    Profile::new(name, policy, requestable, overrides)
        .with_given(Given { root: root.to_owned(), file: file.to_owned(), wanted })
        .with_heap_accounting(heap_accounting)
        .with_unwinding(unwinds)
        .with_threads(threads)
        .with_setup_test(setup_test)
        .with_gate(gate)
        .with_baseline(baseline)
}
