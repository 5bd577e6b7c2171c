//! Reads the file of a baseline. Every value is checked, and errors name its place.

use super::Baseline;
use super::accepted_fault::AcceptedFault;
use super::pattern::{FramePattern, Glob, PatternPart};
use super::rules::{Grounds, NamedLeak, RuleKind, Suppression};
use crate::config::check::{At, Checker, Value};
use crate::config::errors::{ConfigError, ConfigErrors, Problem};
use crate::config::suggest::nearest;
use crate::files::{self, Links};
use crate::model::FindingKind;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use toml::de::DeTable;

/// Most bytes of the file.
const MOST_BYTES: u64 = 16 << 20;

const TABLES: [&str; 3] = ["accepted", "suppress", "fault"];
const ACCEPTED: [&str; 10] =
    ["module", "test", "scope", "kind", "tracked", "path", "function", "file", "reason", "expires"];
const FAULT: [&str; 9] = ["module", "test", "kind", "object", "function", "file", "place", "reason", "expires"];
const SUPPRESS: [&str; 9] = ["name", "kind", "module", "test", "path", "leak", "frames", "reason", "expires"];

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// The file cannot be read; or the list of everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        match Self::text_of(path)? {
            Some(text) => Self::from_str(&text, &path.display().to_string()),
            None => {
                let missing = "there is no such file; `airtight baseline` writes it".to_owned();
                Err(whole_file(path, Problem::Unreadable(missing)))
            }
        }
    }

    /// The text of a baseline's file; `None` where there is no such file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn text_of(path: &Path) -> Result<Option<String>, ConfigErrors> {
        match files::read_text(path, Links::Follow, MOST_BYTES) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => Ok(None),
            Err(error) => Err(whole_file(path, Problem::Unreadable(error.to_string()))),
        }
    }

    /// Reads the text of a baseline's file. Errors and reports call the file `file_name`.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines.
    pub fn from_str(text: &str, file_name: &str) -> Result<Self, ConfigErrors> {
        let mut check = Checker::new(file_name, text);
        let document = check.parse();
        let (mut named, mut suppressions, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in &document {
            let at = At::default().key(key.get_ref(), value);
            let name = key.get_ref().as_ref();
            match name {
                "accepted" => {
                    let tables = check.tables(&at, value, "an array of tables, each under [[accepted]]");
                    named = tables.into_iter().filter_map(|(at, table)| accepted(&mut check, &at, table)).collect();
                }
                "suppress" => {
                    let tables = check.tables(&at, value, "an array of tables, each under [[suppress]]");
                    let all = tables.into_iter().filter_map(|(at, table)| suppression(&mut check, &at, table));
                    suppressions = all.collect();
                }
                "fault" => {
                    let tables = check.tables(&at, value, "an array of tables, each under [[fault]]");
                    faults = tables.into_iter().filter_map(|(at, table)| fault(&mut check, &at, table)).collect();
                }
                _ => unknown(&mut check, &At { offset: key.span().start, key: String::new() }, name, &TABLES),
            }
        }
        check.finish()?;
        let read = Self::new(file_name, named, suppressions, digest(&document));
        Ok(Self { faults, ..read })
    }

    fn new(file: &str, named: Vec<NamedLeak>, suppressions: Vec<Suppression>, digest: String) -> Self {
        let mut of_tests: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::new();
        for (nth, leak) in named.iter().enumerate() {
            of_tests.entry(leak.module.clone()).or_default().entry(leak.test.clone()).or_default().push(nth);
        }
        Self { file: file.to_owned(), named, suppressions, faults: Vec::new(), digest, of_tests }
    }
}

fn whole_file(path: &Path, problem: Problem) -> ConfigErrors {
    ConfigError { file: path.display().to_string(), line: None, key: String::new(), problem }.into()
}

/// The digest of everything that the file says, without expiry days, comments and the order of keys.
fn digest(document: &DeTable<'_>) -> String {
    let mut hash = Sha256::new();
    for table in TABLES {
        let entries = document.get(table).and_then(|value| value.get_ref().as_array());
        for entry in
            entries.into_iter().flat_map(|entries| entries.iter()).filter_map(|entry| entry.get_ref().as_table())
        {
            let mut keys: Vec<_> = entry.iter().filter(|(key, _)| key.get_ref() != "expires").collect();
            keys.sort_by(|(a, _), (b, _)| a.get_ref().cmp(b.get_ref()));
            let words = |value: &Value<'_>| match value.get_ref().as_array() {
                Some(all) => all.iter().filter_map(|one| one.get_ref().as_str().map(str::to_owned)).collect(),
                None => value.get_ref().as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
            };
            let entry: Vec<_> =
                keys.into_iter().map(|(key, value)| (key.get_ref().to_string(), words(value))).collect();
            hash.update(serde_json::to_vec(&(table, entry)).expect("texts are plain data"));
        }
    }
    format!("sha256:{:x}", hash.finalize())
}

fn unknown(check: &mut Checker<'_>, at: &At, key: &str, known: &[&'static str]) {
    let nearest = nearest(key, known.iter().copied()).map(str::to_owned);
    check.fail(at, Problem::UnknownKey { key: key.to_owned(), nearest, known: known.to_vec() });
}

/// The values of one table: texts by key, kinds, frames and grounds.
#[derive(Default)]
struct Fields {
    texts: HashMap<&'static str, String>,
    kinds: Vec<RuleKind>,
    frames: Option<Vec<FramePattern>>,
    grounds: Grounds,
    /// Whether every value could be read.
    whole: bool,
}

fn fields(check: &mut Checker<'_>, place: &At, table: &DeTable<'_>, known: &[&'static str]) -> Fields {
    let mut fields = Fields { whole: true, ..Fields::default() };
    for (key, value) in table {
        let at = place.key(key.get_ref(), value);
        let Some(name) = known.iter().find(|known| *known == key.get_ref()) else {
            unknown(check, &At { offset: key.span().start, key: place.key.clone() }, key.get_ref(), known);
            fields.whole = false;
            continue;
        };
        let read = match *name {
            "kind" => kinds(check, &at, value).map(|kinds| fields.kinds = kinds),
            "frames" => frames(check, &at, value).map(|frames| fields.frames = Some(frames)),
            "reason" => check.string(&at, value).map(|reason| fields.grounds.reason = Some(reason.to_owned())),
            "expires" => check.date(&at, value).map(|day| fields.grounds.expires = Some(day)),
            name => check.string(&at, value).map(|text| drop(fields.texts.insert(name, text.to_owned()))),
        };
        fields.whole &= read.is_some();
    }
    fields
}

/// One word, or an array of them.
fn kinds(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<Vec<RuleKind>> {
    let words = RuleKind::words();
    let Some(all) = value.get_ref().as_array() else {
        return check.choice(at, value, "a kind of leak", &words).map(|kind| vec![kind]);
    };
    let one = |(nth, value)| check.choice(&at.element(nth, value), value, "a kind of leak", &words);
    all.iter().enumerate().map(one).collect()
}

fn frames(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<Vec<FramePattern>> {
    let lines = check.texts(at, value, "a frame")?;
    let mut patterns = Vec::with_capacity(lines.len());
    for line in lines {
        match FramePattern::parse(&line) {
            Some(pattern) => patterns.push(pattern),
            None => {
                let rule = "write \"fun:FUNCTION\", \"src:FILE\", \"obj:LIBRARY\", or \"...\" for any number of frames";
                check.fail(at, Problem::Text { text: line, what: "a frame", rule });
                return None;
            }
        }
    }
    Some(patterns)
}

fn accepted(check: &mut Checker<'_>, at: &At, table: &DeTable<'_>) -> Option<NamedLeak> {
    let Fields { mut texts, kinds, grounds, whole, .. } = fields(check, at, table, &ACCEPTED);
    if !whole {
        return None;
    }
    for (key, missing) in [
        ("module", "`module`, the name of the test's module, is"),
        ("test", "`test`, the name of the test, is"),
        ("kind", "`kind`, such as \"file\" or \"heap\", is"),
    ] {
        if !table.contains_key(key) {
            check.fail(at, Problem::Missing(missing));
            return None;
        }
    }
    let [kind] = kinds[..] else {
        check.fail(at, Problem::Contradiction("`kind` is one kind here; write an entry for each".to_owned()));
        return None;
    };
    let mut text = |key| texts.remove(key);
    let (module, test) = (text("module")?, text("test")?);
    let (tracked, path, function, file) = (text("tracked"), text("path"), text("function"), text("file"));
    Some(NamedLeak { module, test, scope: text("scope"), kind, tracked, path, function, file, grounds })
}

fn fault(check: &mut Checker<'_>, place: &At, table: &DeTable<'_>) -> Option<AcceptedFault> {
    let (mut texts, mut kind, mut grounds) = (HashMap::new(), None, Grounds::default());
    let kinds: Vec<_> =
        FindingKind::ALL.into_iter().filter(|kind| kind.fails()).map(|kind| (kind.name(), kind)).collect();
    let mut is_whole = true;
    for (key, value) in table {
        let at = place.key(key.get_ref(), value);
        let Some(name) = FAULT.iter().find(|known| *known == key.get_ref()) else {
            unknown(check, &At { offset: key.span().start, key: place.key.clone() }, key.get_ref(), &FAULT);
            is_whole = false;
            continue;
        };
        let read = match *name {
            "kind" => check.choice(&at, value, "a kind of finding", &kinds).map(|read| kind = Some(read)),
            "reason" => check.string(&at, value).map(|reason| grounds.reason = Some(reason.to_owned())),
            "expires" => check.date(&at, value).map(|day| grounds.expires = Some(day)),
            name => check.string(&at, value).map(|text| drop(texts.insert(name, text.to_owned()))),
        };
        is_whole &= read.is_some();
    }
    if !is_whole {
        return None;
    }
    for (key, missing) in [
        ("module", "`module`, the name of the test's module, is"),
        ("test", "`test`, the name of a test that shows it, is"),
        ("kind", "`kind`, such as \"leak\" or \"residue\", is"),
    ] {
        if !table.contains_key(key) {
            check.fail(place, Problem::Missing(missing));
            return None;
        }
    }
    let mut text = |key| texts.remove(key);
    Some(AcceptedFault {
        module: text("module")?,
        test: text("test")?,
        kind: kind?,
        object: text("object").unwrap_or_default(),
        function: text("function"),
        file: text("file"),
        place: text("place"),
        grounds,
    })
}

fn suppression(check: &mut Checker<'_>, at: &At, table: &DeTable<'_>) -> Option<Suppression> {
    let Fields { mut texts, kinds, frames, grounds, whole } = fields(check, at, table, &SUPPRESS);
    if !whole {
        return None;
    }
    let Some(name) = texts.remove("name") else {
        check.fail(at, Problem::Missing("`name`, which says what is suppressed, is"));
        return None;
    };
    if !["kind", "module", "test", "path", "leak", "frames"].iter().any(|key| table.contains_key(*key)) {
        let problem = "it would accept every leak; say which: `kind`, `module`, `test`, `path`, `leak` or `frames`";
        check.fail(at, Problem::Contradiction(problem.to_owned()));
        return None;
    }
    let mut glob = |key| texts.remove(key).map(|text| Glob::new(&text));
    let (module, test, path) = (glob("module"), glob("test"), glob("path"));
    let leak = texts.remove("leak").map(|text| PatternPart::new(&text));
    Some(Suppression { name, kinds, module, test, path, leak, frames, grounds })
}
