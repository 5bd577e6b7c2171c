//! Reads typed values out of a TOML document, and keeps every error with its place in the file.

use super::errors::{ConfigError, ConfigErrors, Problem};
use super::suggest::nearest;
use crate::model::units::Quantity;
use crate::model::{Date, Limit};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// How many characters of a broken line an error shows.
const LONGEST_EXCERPT: usize = 60;

/// How many errors of one file are listed at most. The others can be listed once these are put right.
const MOST_ERRORS: usize = 100;

/// The most errors of TOML's own syntax that are listed.
const MOST_SYNTAX_ERRORS: usize = 10;

/// The place of a setting in its file.
#[derive(Debug, Clone, Default)]
pub(super) struct At {
    /// Byte offset in the file.
    pub offset: usize,
    /// The setting with its tables: `profile.default.memory`.
    pub key: String,
}

impl At {
    /// The place of a setting in the table that stands here.
    pub fn key(&self, key: &str, value: &Value<'_>) -> Self {
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name = if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") };
        let key = if self.key.is_empty() { name } else { format!("{}.{name}", self.key) };
        Self { offset: value.span().start, key }
    }

    /// The place of an element in the array that stands here.
    pub fn element(&self, index: usize, value: &Value<'_>) -> Self {
        Self { offset: value.span().start, key: format!("{}[{index}]", self.key) }
    }
}

/// A file that is being checked.
pub(super) struct Checker<'a> {
    file: &'a str,
    text: &'a str,
    /// Where each line starts.
    lines: Vec<usize>,
    /// The errors that are kept, by their offset in the file.
    found: BTreeMap<usize, Vec<ConfigError>>,
    /// How many errors are kept, and how many more there were.
    kept: usize,
    left_out: usize,
}

impl<'a> Checker<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = [0].into_iter().chain(breaks.map(|(offset, _)| offset + 1)).collect();
        Self { file, text, lines, found: BTreeMap::new(), kept: 0, left_out: 0 }
    }

    /// The file, as the user would name it.
    pub fn file(&self) -> &str {
        self.file
    }

    /// The tree of the document. It is empty if the text is not TOML: the parser recovers from errors by guessing, and its
    /// guesses would be blamed for errors that the user did not make.
    pub fn parse(&mut self) -> DeTable<'a> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        // What the parser finds behind a first error is often only its guess at what that was. So is each line of a file that is
        // not TOML at all.
        self.left_out += errors.len().saturating_sub(MOST_SYNTAX_ERRORS);
        for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
            let span = error.span().unwrap_or_default();
            let at = At { offset: span.start, key: String::new() };
            let blamed = self.text.get(span).filter(|text| !text.trim().is_empty());
            let whole_line = || self.text[self.lines[self.line(at.offset) - 1]..].lines().next().unwrap_or_default();
            let excerpt = blamed.and_then(|text| text.lines().next()).unwrap_or_else(whole_line).trim();
            let excerpt: String = excerpt.chars().take(LONGEST_EXCERPT).collect();
            self.fail(&at, Problem::Syntax(format!("{}: `{excerpt}`", error.message())));
        }
        if errors.is_empty() { table.into_inner() } else { DeTable::new() }
    }

    /// Keeps an error. The same error at the same place is kept once: a table is read again for each profile that inherits it.
    pub fn fail(&mut self, at: &At, problem: Problem) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        let line = Some(self.line(at.offset));
        let error = ConfigError { file: self.file.to_owned(), line, key: at.key.clone(), problem };
        let here = self.found.entry(at.offset).or_default();
        if !here.contains(&error) {
            here.push(error);
            self.kept += 1;
        }
    }

    /// Whether no further error is kept, so that callers can save themselves the work of describing one.
    pub fn is_full(&self) -> bool {
        self.kept >= MOST_ERRORS
    }

    /// The line, from 1, of a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// Ends the check: all errors, if there are any.
    pub fn finish(self) -> Result<(), ConfigErrors> {
        let mut errors: Vec<_> = self.found.into_values().flatten().collect();
        if self.left_out > 0 {
            let problem = Problem::More(self.left_out);
            errors.push(ConfigError { file: self.file.to_owned(), line: None, key: String::new(), problem });
        }
        if errors.is_empty() { Ok(()) } else { Err(ConfigErrors(errors)) }
    }

    fn wrong_type<T>(&mut self, at: &At, expected: &'static str, value: &Value<'_>) -> Option<T> {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.fail(at, Problem::WrongType { expected, found });
        None
    }

    pub fn table<'v, 'i>(&mut self, at: &At, value: &'v Value<'i>) -> Option<&'v DeTable<'i>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.wrong_type(at, "a table", value),
        }
    }

    /// The tables of an array of tables, each with its place.
    pub fn tables<'v, 'i>(
        &mut self,
        at: &At,
        value: &'v Value<'i>,
        expected: &'static str,
    ) -> Vec<(At, &'v DeTable<'i>)> {
        let DeValue::Array(array) = value.get_ref() else {
            self.wrong_type::<()>(at, expected, value);
            return Vec::new();
        };
        let place = |(index, element)| (at.element(index, element), element);
        (array.iter().enumerate().map(place))
            .filter_map(|(at, element)| self.table(&at, element).map(|table| (at, table)))
            .collect()
    }

    pub fn string<'v>(&mut self, at: &At, value: &'v Value<'_>) -> Option<&'v str> {
        match value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => self.wrong_type(at, "a string", value),
        }
    }

    /// A string for the guest. It may not hold a NUL, at which the guest's C library would end it.
    pub fn text(&mut self, at: &At, value: &Value<'_>, what: &'static str) -> Option<String> {
        let text = self.string(at, value)?.to_owned();
        if text.contains('\0') {
            self.fail(at, Problem::Text { text, what, rule: "it may not hold NUL" });
            return None;
        }
        Some(text)
    }

    /// An array of strings for the guest. `what` names one of them in errors.
    pub fn texts(&mut self, at: &At, value: &Value<'_>, what: &'static str) -> Option<Vec<String>> {
        let DeValue::Array(array) = value.get_ref() else {
            return self.wrong_type(at, "an array of strings", value);
        };
        let mut texts = Vec::with_capacity(array.len());
        for (index, element) in array.iter().enumerate() {
            texts.extend(self.text(&at.element(index, element), element, what));
        }
        Some(texts)
    }

    /// A day, as TOML writes it: without quotes.
    pub fn date(&mut self, at: &At, value: &Value<'_>) -> Option<Date> {
        let DeValue::Datetime(moment) = value.get_ref() else {
            return self.wrong_type(at, "a day without quotes, such as 2027-03-31", value);
        };
        let day = match (moment.date, moment.time) {
            (Some(day), None) => Date::new(day.year, day.month, day.day),
            _ => None,
        };
        if day.is_none() {
            let rule = "write a day alone, for example 2027-03-31";
            self.fail(at, Problem::Text { text: moment.to_string(), what: "a day", rule });
        }
        day
    }

    pub fn boolean(&mut self, at: &At, value: &Value<'_>) -> Option<bool> {
        match value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type(at, "true or false", value),
        }
    }

    pub fn integer(&mut self, at: &At, value: &Value<'_>, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let DeValue::Integer(integer) = value.get_ref() else {
            return self.wrong_type(at, "an integer", value);
        };
        let number =
            u64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (text, least, most) = (integer.to_string(), *range.start(), *range.end());
            self.fail(at, Problem::Number { text, least, most });
        }
        number
    }

    /// A size, an amount of fuel, a count or a duration: a string with a unit, or an integer if the quantity has a meaning
    /// without one.
    pub fn quantity(&mut self, at: &At, value: &Value<'_>, quantity: Quantity) -> Option<u64> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix())
                .map_or_else(|_| integer.as_str().to_owned(), |number| number.to_string()),
            _ => {
                let expected = match quantity {
                    Quantity::Size => "a size, such as \"256MiB\"",
                    Quantity::Fuel => "an amount of fuel, such as \"10G\"",
                    Quantity::Count => "a count, such as \"10K\"",
                    Quantity::Duration => "a duration, such as \"300s\"",
                };
                return self.wrong_type(at, expected, value);
            }
        };
        quantity.parse(&text).map_err(|error| self.fail(at, error.into())).ok()
    }

    /// A size of at least one byte.
    pub fn positive_size(&mut self, at: &At, value: &Value<'_>) -> Option<u64> {
        let size = self.quantity(at, value, Quantity::Size)?;
        if size == 0 {
            let reason = "no test can run with it";
            self.fail(at, Problem::Range { text: "0".to_owned(), above: false, reason });
            return None;
        }
        Some(size)
    }

    /// A limit's value. A count that has a largest value is written as an integer, without a unit.
    pub fn limit(&mut self, at: &At, value: &Value<'_>, limit: Limit) -> Option<u64> {
        let row = limit.row();
        if row.quantity == Quantity::Count && row.most < u64::MAX {
            return self.integer(at, value, row.least..=row.most);
        }
        let number = self.quantity(at, value, row.quantity)?;
        limit.check(number).map_err(|error| self.fail(at, error.into())).ok()
    }

    /// One of the words of `choices`; `what` says in errors what is expected.
    pub fn choice<T: Copy>(
        &mut self,
        at: &At,
        value: &Value<'_>,
        what: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        self.read(at, value, |text| choose(text, what, choices))
    }

    /// A string, which `reader` turns into a value or refuses.
    pub fn read<T>(
        &mut self,
        at: &At,
        value: &Value<'_>,
        reader: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let text = self.string(at, value)?;
        reader(text).map_err(|problem| self.fail(at, problem)).ok()
    }
}

/// The choice that a word stands for. `what` says in the error what is expected.
pub(super) fn choose<T: Copy>(text: &str, what: &'static str, choices: &[(&'static str, T)]) -> Result<T, Problem> {
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
        return Ok(*choice);
    }
    let known: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let nearest = nearest(text, known.iter().copied()).map(str::to_owned);
    Err(Problem::Choice { text: text.to_owned(), what, nearest, known })
}
