//! From the places where a run allocated to the messages of a pprof profile.

use super::schema::{Function, Label, Line, Location, PprofProfile, Sample, ValueType};
use crate::model::profile::{Missing, ProfileSite};
use crate::model::{Frame, Report};
use crate::report::console::OneLine;
use std::collections::{BTreeMap, BTreeSet};

/// The names and units of a sample's four values, in the order of Go's heap profiles.
const SAMPLE_TYPES: [(&str, &str); 4] =
    [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];

/// The value that the tools show first.
const DEFAULT_TYPE: &str = "inuse_space";

/// A function, its file and a line. The two texts are indices into the table of strings.
type SourceLine = (i64, i64, i64);

/// The profile of a report, with comments on what is missing in it.
pub fn profile(report: &Report) -> PprofProfile {
    let found = report.profile.as_ref();
    let mut builder = Builder::default();
    let mut samples = BTreeMap::new();
    for site in found.into_iter().flat_map(|profile| &profile.sites) {
        let values: &mut [u64; 4] = samples.entry(key(site)).or_default();
        let more = [site.alloc_objects, site.alloc_space, site.inuse_objects, site.inuse_space];
        values.iter_mut().zip(more).for_each(|(value, more)| *value = value.saturating_add(more));
    }
    let value_type =
        |builder: &mut Builder, (r#type, unit)| ValueType { r#type: builder.text(r#type), unit: builder.text(unit) };
    PprofProfile {
        sample_type: SAMPLE_TYPES.iter().map(|named| value_type(&mut builder, *named)).collect(),
        sample: samples.into_iter().map(|(key, values)| builder.sample(&key, values)).collect(),
        comment: comments(report).iter().map(|comment| builder.text(comment)).collect(),
        time_nanos: 0,
        // Every byte is counted: nothing is sampled.
        period_type: Some(value_type(&mut builder, ("space", "bytes"))),
        period: 1,
        default_sample_type: builder.text(DEFAULT_TYPE),
        location: builder.locations(),
        function: builder.functions(),
        string_table: builder.strings(),
    }
}

/// The module, test and stack of a site. The tools print these texts as they are, so control characters are escaped.
type Key = (String, String, Vec<(String, String, u32)>);

fn key(site: &ProfileSite) -> Key {
    let safe = |text: &str| OneLine(text).to_string();
    let frame = |frame: &Frame| {
        (safe(&frame.function), safe(frame.file.as_deref().unwrap_or_default()), frame.line.unwrap_or_default())
    };
    (safe(&site.module), safe(&site.test), site.stack.iter().map(frame).collect())
}

/// The comments on what the profile lacks: a line for each module and reason, with all tests concerned.
fn comments(report: &Report) -> Vec<String> {
    let Some(profile) = &report.profile else { return vec!["no profile was made in this run".to_owned()] };
    let mut tests: BTreeMap<(&str, bool, &str), BTreeSet<&str>> = BTreeMap::new();
    for Missing { module, test, all, why } in &profile.missing {
        tests.entry((module, !all, why)).or_default().insert(test);
    }
    let comment = |((module, partly, why), tests): ((&str, bool, &str), BTreeSet<&str>)| {
        let what = if partly { "not all" } else { "nothing" };
        let (count, noun) = (tests.len(), if tests.len() == 1 { "test" } else { "tests" });
        let names: Vec<&str> = tests.into_iter().collect();
        OneLine(&format!("{what} of {count} {noun} of {module} ({why}): {}", names.join(", "))).to_string()
    };
    let interrupted = report.volatile.interrupted.then(|| "the run was interrupted: not every test was run".to_owned());
    interrupted.into_iter().chain(tests.into_iter().map(comment)).collect()
}

/// The tables of the profile under construction. Everything is numbered in the order of its first use.
#[derive(Default)]
struct Builder {
    texts: BTreeMap<String, i64>,
    functions: BTreeMap<(i64, i64), u64>,
    locations: BTreeMap<SourceLine, u64>,
}

impl Builder {
    fn text(&mut self, text: &str) -> i64 {
        if text.is_empty() {
            return 0;
        }
        if let Some(known) = self.texts.get(text) {
            return *known;
        }
        let index = self.texts.len() as i64 + 1;
        self.texts.insert(text.to_owned(), index);
        index
    }

    fn sample(&mut self, (module, test, stack): &Key, values: [u64; 4]) -> Sample {
        let label = |builder: &mut Self, key, value| Label { key: builder.text(key), str: builder.text(value) };
        Sample {
            location_id: stack.iter().map(|(function, file, line)| self.location(function, file, *line)).collect(),
            value: values.map(|value| i64::try_from(value).unwrap_or(i64::MAX)).to_vec(),
            label: vec![label(self, "module", module), label(self, "test", test)],
        }
    }

    fn location(&mut self, function: &str, file: &str, line: u32) -> u64 {
        let (function, file) = (self.text(function), self.text(file));
        let next = self.functions.len() as u64 + 1;
        self.functions.entry((function, file)).or_insert(next);
        let next = self.locations.len() as u64 + 1;
        *self.locations.entry((function, file, line.into())).or_insert(next)
    }

    fn locations(&self) -> Vec<Location> {
        let location = |(&(function, file, line), &id): (&SourceLine, &u64)| {
            let function_id = self.functions[&(function, file)];
            Location { id, line: vec![Line { function_id, line }] }
        };
        let mut locations: Vec<_> = self.locations.iter().map(location).collect();
        locations.sort_by_key(|location| location.id);
        locations
    }

    fn functions(&self) -> Vec<Function> {
        let function = |(&(name, filename), &id): (&(i64, i64), &u64)| Function { id, name, filename };
        let mut functions: Vec<_> = self.functions.iter().map(function).collect();
        functions.sort_by_key(|function| function.id);
        functions
    }

    fn strings(self) -> Vec<String> {
        let mut strings: Vec<_> = self.texts.into_iter().collect();
        strings.sort_by_key(|(_, index)| *index);
        std::iter::once(String::new()).chain(strings.into_iter().map(|(text, _)| text)).collect()
    }
}
