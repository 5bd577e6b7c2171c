//! One entry of a list of what a test left: what it is, where it was acquired, and what to do about it.

use super::blocks::{self, KeeperText, LastPointerText, ReachText, RingText};
use super::resources::{Title, TrafficText};
use super::sanitise::OneLine;
use super::stack::StackLines;
use super::style::Styles;
use super::units::{GroupedDigits, plural};
use crate::model::language::Language;
use crate::model::resource::HeldBy;
use crate::model::units::format_duration;
use crate::model::{Resource, SETUP_SCOPE, ThreadRecord};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

const INDENT: &str = "        ";

/// The lines about one thing that a test left: all that helps to find and release it.
pub(super) struct EntryText<'a> {
    pub test: &'a str,
    pub resource: &'a Resource,
    /// The words before its figures: `at least `, `at most `, or nothing if the figures are exact.
    pub bound: &'static str,
    /// See [`AcquisitionText::why_unknown`].
    pub why_unknown: bool,
    /// `Some` if the entry says what to do. The inner value is the language that the advice is in, if the stack of this
    /// entry does not show one.
    pub advice: Option<Option<Language>>,
    pub styles: &'a Styles,
}

impl Display for EntryText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { test, resource, bound, why_unknown, advice, styles } = *self;
        // The title of a single thing has no number, but after "at least" there must be one.
        let one = if bound.is_empty() || resource.count != 1 { "" } else { "1 " };
        writeln!(f, "    - {bound}{one}{}", Title(resource))?;
        write!(f, "{}", AcquisitionText { test, resource, why_unknown, styles })?;
        // Whoever frees the holders of these blocks frees these, too.
        let Some(language) = advice.filter(|_| resource.held_by() != Some(HeldBy::Several)) else { return Ok(()) };
        if let Some(advice) = blocks::advice(resource) {
            return writeln!(f, "{INDENT}to fix: {advice}");
        }
        let mut it = if resource.count == 1 {
            "it".to_owned()
        } else {
            format!("each of the {}", GroupedDigits(resource.count))
        };
        if resource.reached().0 > 0 {
            it.push_str(" and what it reaches");
        }
        let language = Language::from_stack(&resource.stack).or(language);
        writeln!(f, "{INDENT}to fix: {}", resource.kind.advice(language, &it))
    }
}

/// The lines that say where something was acquired and what went through it. Some kinds never have a known place: they have
/// no lines.
pub(super) struct AcquisitionText<'a> {
    pub test: &'a str,
    pub resource: &'a Resource,
    /// Whether to say why a place is not known. It is not said here if a doubt about the heap says it once for all blocks.
    pub why_unknown: bool,
    pub styles: &'a Styles,
}

impl Display for AcquisitionText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Resource { kind, stack, scope, omitted_places, .. } = self.resource;
        let Some(label) = kind.acquired() else { return Ok(()) };
        let blocks = self.resource.blocks.as_deref();
        if let Some(variable) = blocks.and_then(|blocks| blocks.kept_by.as_ref()) {
            writeln!(f, "{INDENT}{}", KeeperText(variable))?;
        }
        let ring = blocks.filter(|blocks| blocks.ring.len() > 1);
        if let Some(blocks) = ring {
            writeln!(f, "{INDENT}{}", RingText(blocks))?;
        }
        let several = blocks.is_some_and(|blocks| !blocks.places.is_empty());
        let label = if several { format!("the first {label}") } else { label.to_owned() };
        if scope == SETUP_SCOPE {
            writeln!(f, "{INDENT}set up before the first test, and told once")?;
        } else if scope != self.test {
            writeln!(f, "{INDENT}in subtest {}", OneLine(scope))?;
        }
        if kind.shows_traffic(true) {
            writeln!(f, "{INDENT}{}", TrafficText(self.resource))?;
        }
        if *omitted_places > 0 {
            let places = plural(*omitted_places, "place or path", "places or paths");
            return writeln!(
                f,
                "{INDENT}{label} {} more {places}, which are not listed",
                GroupedDigits(*omitted_places)
            );
        }
        if stack.is_empty() {
            let why = if self.why_unknown { ": no stack was recorded" } else { "" };
            writeln!(f, "{INDENT}{label} a place that is not known{why}")?;
        }
        write!(f, "{}", StackLines { indent: INDENT, label: &label, stack, styles: self.styles })?;
        if let Some(blocks) = blocks.filter(|blocks| !blocks.reaches.is_empty()) {
            writeln!(f, "{INDENT}{}", ReachText(blocks))?;
        }
        let last = LastPointerText(self.resource);
        if last.is_told() {
            writeln!(f, "{INDENT}{last}")?;
        }
        self.resource.thread.as_ref().map_or(Ok(()), |thread| self.write_thread(f, thread))
    }
}

impl AcquisitionText<'_> {
    /// What a thread does, for how long, and where.
    fn write_thread(&self, f: &mut Formatter<'_>, thread: &ThreadRecord) -> fmt::Result {
        let ThreadRecord { number, name, does, waited_ns, handles, blocks, bytes, stack } = thread;
        let which = if self.resource.count == 1 { "" } else { ", the first of them," };
        let name = name.as_ref().map_or_else(String::new, |name| format!(" `{name}`"));
        let one = self.resource.kind.noun(1);
        // Tasks have the number 0. They are told apart by name.
        let number = if *number == 0 { String::new() } else { format!(" {number}") };
        write!(f, "{INDENT}{one}{number}{}{which} {}", OneLine(&name), OneLine(does))?;
        if *waited_ns > 0 {
            write!(f, ", for {}", format_duration(Duration::from_nanos(*waited_ns)))?;
        }
        writeln!(f)?;
        if *handles > 0 {
            writeln!(
                f,
                "{INDENT}what it opened and is still open: {} {}",
                GroupedDigits(*handles),
                plural(*handles, "handle", "handles")
            )?;
        }
        if *blocks > 0 {
            let (noun, unit) = (plural(*blocks, "heap block", "heap blocks"), plural(*bytes, "byte", "bytes"));
            writeln!(
                f,
                "{INDENT}what only its stack reaches: {} {noun} ({} {unit})",
                GroupedDigits(*blocks),
                GroupedDigits(*bytes)
            )?;
        }
        write!(f, "{}", StackLines { indent: INDENT, label: "it is at", stack, styles: self.styles })
    }
}
