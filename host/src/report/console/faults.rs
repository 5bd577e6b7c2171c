//! What a search for failures found, for a person: ways out that are not handled.

use super::super::faults::{FaultFinding, Faults, FindingKind, ModuleFaults, NotTried, SweptTest};
use super::baseline::write_entries;
use super::gates::GateText;
use super::reporter::SEPARATOR;
use super::sanitise::{OneLine, QuotedText, short};
use super::stack::FrameLabel;
use super::style::Styles;
use super::units::{GroupedDigits, plural};
use crate::model::{BaselineUse, Frame};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Most places of one kind that are listed.
const LISTED: usize = 20;

/// Most calls of one place that are listed.
const CALLS: usize = 2;

/// A text with what was found by place, what was not tried and why, and a line of figures.
///
/// ```
/// use airtight::{faults::Faults, report::console::render_faults};
/// # fn show(faults: &Faults) {
/// print!("{}", render_faults(faults, false));
/// # }
/// ```
#[must_use]
pub fn render_faults(faults: &Faults, colours: bool) -> String {
    FaultsText { faults, styles: Styles::new(colours) }.to_string()
}

struct FaultsText<'a> {
    faults: &'a Faults,
    styles: Styles,
}

impl Display for FaultsText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (module, found) in self.faults.found() {
            self.write_found(f, module, found)?;
        }
        writeln!(f, "{SEPARATOR}")?;
        let modules = &self.faults.canonical.modules;
        modules.iter().try_for_each(|module| self.write_notes(f, module))?;
        let tests = || modules.iter().flat_map(|module| &module.tests);
        let sum = |figure: fn(&SweptTest) -> u64| tests().map(figure).sum::<u64>();
        let (tried, handled) = (sum(|test| test.tried), sum(|test| test.handled));
        let unjudged: u64 = tests().map(|test| test.not_judged.len() as u64).sum();
        let style = if self.faults.fails() { self.styles.fail } else { self.styles.pass };
        let places = self.faults.canonical.to_mend();
        let accepted = self.faults.found().filter(|(_, found)| found.accepted.is_some()).count();
        let accepted = if accepted > 0 { format!(", {accepted} accepted") } else { String::new() };
        writeln!(
            f,
            "{style}{:>12}{style:#} {} {}, {} {} that can fail: {} {} tried, {} more alike; {} handled, {} not judged; \
             {style}{}{style:#} {}{accepted}",
            "Summary",
            GroupedDigits(tests().count() as u64),
            plural(tests().count() as u64, "test", "tests"),
            GroupedDigits(sum(|test| test.calls)),
            plural(sum(|test| test.calls), "call", "calls"),
            GroupedDigits(tried),
            plural(tried, "failure", "failures"),
            GroupedDigits(sum(|test| test.alike)),
            GroupedDigits(handled),
            GroupedDigits(unjudged),
            GroupedDigits(places),
            plural(places, "place to mend", "places to mend"),
        )?;
        if let Some(gate) = &self.faults.canonical.gate {
            write!(f, "{}", GateText(gate))?;
        }
        match &self.faults.baseline {
            Some(usage) => write_baseline(f, usage),
            None => Ok(()),
        }
    }
}

/// How the search used the baseline.
fn write_baseline(f: &mut Formatter<'_>, usage: &BaselineUse) -> fmt::Result {
    let label = if usage.passes() { "Baseline" } else { "BASELINE" };
    let (all, judged) = (usage.entries as u64, usage.judged as u64);
    let (entry, is) = (plural(all, "entry", "entries"), plural(judged, "is", "are"));
    let file = OneLine(&usage.file);
    writeln!(f, "{label:>12} {file}: {all} {entry} of ways out, of which {judged} {is} of tests that were looked at")?;
    write_entries(f, usage, "airtight faults --accept")
}

/// The word of a kind.
fn word(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Leak => "LEAK",
        FindingKind::Residue => "RESIDUE",
        FindingKind::HalfWritten => "HALF WRITTEN",
        FindingKind::DoubleClose => "DOUBLE CLOSE",
        FindingKind::UseAfterClose => "CLOSED",
        FindingKind::Hang => "HANG",
        FindingKind::Crash => "CRASH",
        FindingKind::Panic | FindingKind::UnwrapPanic => "PANIC",
        FindingKind::WriteAfterFailure | FindingKind::Lie => "NOTE",
    }
}

/// The words before the place that a finding shows beside the call that fails.
fn label(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Leak => "acquired at",
        FindingKind::Panic | FindingKind::UnwrapPanic => "panics at",
        _ => "at",
    }
}

/// `3rd write` for `write:3`, and how the call fails.
fn ordinal(fault: &str) -> Option<(String, &str)> {
    let (call, failure) = fault.split_once('=')?;
    let (call, nth) = call.split_once(':')?;
    let nth: u64 = nth.parse().ok()?;
    let end = match (nth % 100, nth % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    Some((format!("{nth}{end} {call}"), failure))
}

/// A finding in one line: `store::save (src/store.rs:41) leaks 1 file when the 3rd write fails (ENOSPC)`.
pub(in crate::report) fn sentence(found: &FaultFinding) -> String {
    let place = match Frame::innermost_own(&found.stack) {
        Some(frame) => OwnPlace { frame, styles: &Styles::new(false) }.to_string(),
        None => "a call that is not known".to_owned(),
    };
    format!("{place} {} {}", OneLine(&found.what), when(found))
}

/// When the finding happens: `when the 3rd write fails (ENOSPC, EIO), or the 4th write is short`.
fn when(found: &FaultFinding) -> String {
    let mut by_call: Vec<(String, Vec<&str>)> = Vec::new();
    for path in &found.paths {
        let calls: Vec<_> = path.faults.iter().filter_map(|fault| ordinal(fault)).collect();
        let Some((last, before)) = calls.split_last() else { continue };
        let before: String = before.iter().map(|(call, _)| format!("the {call} fails and then ")).collect();
        let call = format!("{before}the {}", last.0);
        match by_call.iter_mut().find(|(known, _)| *known == call) {
            Some((_, failures)) if failures.contains(&last.1) => {}
            Some((_, failures)) => failures.push(last.1),
            None => by_call.push((call, vec![last.1])),
        }
    }
    let how = |failures: &[&str]| match failures {
        ["short"] => "is short".to_owned(),
        ["late"] => "ends late".to_owned(),
        _ => format!("fails ({})", failures.join(", ")),
    };
    let listed = by_call.iter().take(CALLS).map(|(call, failures)| format!("{call} {}", how(failures)));
    let listed = listed.collect::<Vec<_>>().join(", or ");
    match by_call.len().saturating_sub(CALLS) {
        0 => format!("when {listed}"),
        more => {
            let calls = plural(more as u64, "call", "calls");
            format!("when {listed}; likewise {} more {calls}", GroupedDigits(more as u64))
        }
    }
}

impl FaultsText<'_> {
    fn write_found(&self, f: &mut Formatter<'_>, module: &str, found: &FaultFinding) -> fmt::Result {
        let Styles { fail, skip, module: of_module, test: of_test, .. } = self.styles;
        let style = if found.fails() { fail } else { skip };
        let Some(first) = found.paths.first() else { return Ok(()) };
        let others = found.paths.iter().map(|path| &path.test).filter(|test| **test != first.test);
        let others = others.collect::<std::collections::BTreeSet<_>>().len() as u64;
        write!(f, "{style}{:>12}{style:#} ", word(found.kind))?;
        write!(f, "{of_module}{}{of_module:#} {of_test}{}{of_test:#}", OneLine(module), OneLine(&first.test))?;
        match others {
            0 => writeln!(f)?,
            more => writeln!(f, " and {} more", GroupedDigits(more))?,
        }
        let frame = Frame::innermost_own(&found.stack);
        write!(f, "    ")?;
        match frame {
            Some(frame) => write!(f, "{}", OwnPlace { frame, styles: &self.styles })?,
            None => write!(f, "a call that is not known")?,
        }
        writeln!(f, " {} {}", OneLine(&found.what), when(found))?;
        if let Some(frame) = found.stack.first().filter(|frame| !frame.is_own()) {
            writeln!(f, "        within {}", FrameLabel { frame, styles: &self.styles })?;
        }
        if let Some(frame) = found.place.first() {
            writeln!(f, "        {} {}", label(found.kind), FrameLabel { frame, styles: &self.styles })?;
        }
        if let Some(line) = found.message.as_deref().and_then(|message| message.lines().next()) {
            write!(f, "{}", QuotedText { indent: "    ", text: short(line).as_bytes(), styles: &self.styles })?;
        }
        if let Some(why) = &found.accepted {
            writeln!(f, "        accepted: {}", OneLine(why))?;
        }
        let faults: Vec<_> = first.faults.iter().map(|fault| format!("--fault {fault}")).collect();
        writeln!(f, "        to repeat: {}", faults.join(" "))
    }

    /// What was not looked at, not tried and not judged.
    fn write_notes(&self, f: &mut Formatter<'_>, module: &ModuleFaults) -> fmt::Result {
        let name = OneLine(&module.module);
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for left in &module.left_out {
            reasons.entry(&left.why).or_default().push(&left.test);
        }
        for (why, tests) in reasons {
            let which = match tests[..] {
                [one] => OneLine(one).to_string(),
                _ => format!("{} tests", GroupedDigits(tests.len() as u64)),
            };
            writeln!(f, "{:>12} {name}: {which} not looked at: {}", "Note", OneLine(why))?;
        }
        let mut unjudged: BTreeMap<&str, (u64, &str, &str)> = BTreeMap::new();
        for test in &module.tests {
            for one in &test.not_judged {
                let first = one.faults.first().map_or("", |fault| fault);
                unjudged.entry(&one.why).or_insert((0, &test.test, first)).0 += 1;
            }
        }
        for (why, (count, test, fault)) in unjudged {
            let (count, word) = (GroupedDigits(count), plural(count, "failure", "failures"));
            let (test, fault) = (OneLine(test), OneLine(fault));
            writeln!(f, "{:>12} {name}: {count} {word} not judged: {} ({test}, {fault})", "Note", OneLine(why))?;
        }
        let unheard: u64 = module.tests.iter().map(|test| test.unheard).sum();
        if unheard > 0 {
            let allocations = plural(unheard, "allocation is", "allocations are");
            let why = "who asks for the memory is not told that there is none";
            writeln!(f, "{:>12} {name}: {} {allocations} not made to fail: {why}", "Note", GroupedDigits(unheard))?;
        }
        if let Some(why) = module.no_allocations.as_ref().filter(|_| !module.tests.is_empty()) {
            writeln!(f, "{:>12} {name}: no allocation is made to fail: {}", "Note", OneLine(why))?;
        }
        let omitted: u64 = module.tests.iter().map(|test| test.calls_omitted).sum();
        if omitted > 0 {
            let calls = plural(omitted, "call is", "calls are");
            writeln!(
                f,
                "{:>12} {name}: {} {calls} not looked at: a test makes too many",
                "Note",
                GroupedDigits(omitted)
            )?;
        }
        let not_tried = module.tests.iter().flat_map(|test| &test.not_tried);
        self.write_not_tried(f, &name, &not_tried.collect::<Vec<_>>())
    }

    fn write_not_tried(&self, f: &mut Formatter<'_>, module: &OneLine<'_>, all: &[&NotTried]) -> fmt::Result {
        let count: u64 = all.iter().map(|one| one.count).sum();
        if count == 0 {
            return Ok(());
        }
        let word = plural(count, "failure", "failures");
        let kept = match self.faults.is_kept {
            true => " (what was tried is kept: with --resume, the same command goes on from here)",
            false => "",
        };
        writeln!(f, "{:>12} {module}: {} {word} not tried{kept}, of calls at", "Note", GroupedDigits(count))?;
        // Several tests come to one place.
        let mut places: Vec<(&Frame, u64)> = Vec::new();
        for one in all {
            match places.iter_mut().find(|(at, _)| **at == one.at) {
                Some((_, count)) => *count += one.count,
                None => places.push((&one.at, one.count)),
            }
        }
        for (frame, count) in places.iter().take(LISTED) {
            let place = OwnPlace { frame, styles: &self.styles };
            writeln!(f, "{:>12}     {place}: {}", "", GroupedDigits(*count))?;
        }
        match places.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => writeln!(f, "{:>12}     and {} more places", "", GroupedDigits(more as u64)),
        }
    }
}

/// `save (src/store.rs:41)`. The function comes first, because it is the subject of the sentence.
struct OwnPlace<'a> {
    frame: &'a Frame,
    styles: &'a Styles,
}

impl Display for OwnPlace<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let style = self.styles.place;
        write!(f, "{}", OneLine(&self.frame.function))?;
        match (&self.frame.file, self.frame.line) {
            (Some(file), Some(line)) => write!(f, " ({style}{}:{line}{style:#})", OneLine(file)),
            (Some(file), None) => write!(f, " ({style}{}{style:#})", OneLine(file)),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::faults::{CanonicalFaults, FaultPath, NotJudged, UnsweptTest};

    fn found(kind: FindingKind, what: &str, paths: &[&[&str]]) -> FaultFinding {
        let path = |faults: &&[&str]| FaultPath {
            test: "saves".to_owned(),
            faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
        };
        FaultFinding {
            kind,
            what: what.to_owned(),
            object: String::new(),
            accepted: (kind == FindingKind::HalfWritten).then(|| "until 2.0".to_owned()),
            stack: vec![Frame::new("save").at("src/store.rs", 41)],
            place: if kind == FindingKind::Leak { vec![Frame::new("save").at("src/store.rs", 38)] } else { Vec::new() },
            message: (kind == FindingKind::Hang).then(|| "out of fuel\u{1b}[31m".to_owned()),
            paths: paths.iter().map(path).collect(),
        }
    }

    #[test]
    fn what_is_found_is_told_by_place_with_a_line_that_repeats_it() {
        let three = [&["write:3=ENOSPC"][..], &["write:3=EIO"], &["write:4=short"], &["sync:1=EIO"], &["rename:1=EIO"]];
        let module = ModuleFaults {
            module: "shop/store".to_owned(),
            tests: vec![SweptTest {
                test: "saves".to_owned(),
                calls: 12,
                calls_omitted: 1,
                failures: 40,
                tried: 30,
                alike: 7,
                unheard: 0,
                handled: 25,
                not_tried: [3, 4]
                    .map(|count| NotTried { at: Frame::new("load").at("src/store.rs", 9), count })
                    .to_vec(),
                not_judged: vec![NotJudged { faults: vec!["open:1=EIO".to_owned()], why: "it left".to_owned() }],
            }],
            no_allocations: None,
            left_out: vec![UnsweptTest { test: "sleeps".to_owned(), why: "the real clock".to_owned() }],
            found: vec![
                found(FindingKind::Leak, "leaks 1 file (/tmp/a)", &three),
                found(FindingKind::HalfWritten, "leaves /tmp/b half written", &[&["write:1=EIO", "unlink:22=EIO"]]),
                found(FindingKind::Hang, "goes on for ever", &[&["sleep:1=late"]]),
                found(FindingKind::Lie, "passes all the same", &[&["write:11=short"]]),
            ],
        };
        let mut canonical = CanonicalFaults { modules: vec![module], ..CanonicalFaults::default() };
        canonical.judge(1);
        let usage = BaselineUse { file: "baseline.toml".to_owned(), entries: 2, judged: 1, ..BaselineUse::default() };
        insta::assert_snapshot!(render_faults(&Faults::new(canonical, Some(usage), 5), false));
    }
}
