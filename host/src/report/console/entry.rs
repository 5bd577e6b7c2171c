//! One entry of a list of what a test left: what it is, where it was acquired, and what to do about it.

use super::resources::{Title, TrafficText};
use super::sanitise::OneLine;
use super::stack::StackLines;
use super::style::Styles;
use super::units::Grouped;
use crate::model::Resource;
use crate::model::language::Language;
use std::fmt::{self, Display, Formatter};

const INDENT: &str = "        ";

/// Something that a test left, with all that helps to find and release it.
pub(super) struct EntryText<'a> {
    pub test: &'a str,
    pub resource: &'a Resource,
    /// What stands before its figures: `at least `, `at most `, or nothing where they are exact.
    pub bound: &'static str,
    /// See [`AcquisitionText::why_unknown`].
    pub why_unknown: bool,
    /// Whether to say what to do about it, and in which language's words where its own stack tells none.
    pub advice: Option<Option<Language>>,
    pub styles: &'a Styles,
}

impl Display for EntryText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { test, resource, bound, why_unknown, advice, styles } = *self;
        // A title does not say that it is of one.
        let one = if bound.is_empty() || resource.count != 1 { "" } else { "1 " };
        writeln!(f, "    - {bound}{one}{}", Title(resource))?;
        write!(f, "{}", AcquisitionText { test, resource, why_unknown, styles })?;
        let Some(language) = advice else { return Ok(()) };
        let it = if resource.count == 1 { "it".to_owned() } else { format!("each of the {}", Grouped(resource.count)) };
        let language = Language::from_stack(&resource.stack).or(language);
        writeln!(f, "{INDENT}to fix: {}", resource.kind.advice(language, &it))
    }
}

/// Where something was acquired, and what went through it. It has no lines where no place is known of any of its kind.
pub(super) struct AcquisitionText<'a> {
    pub test: &'a str,
    pub resource: &'a Resource,
    /// Whether to say why a place is not known: a doubt about the heap says it once for all blocks.
    pub why_unknown: bool,
    pub styles: &'a Styles,
}

impl Display for AcquisitionText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Resource { kind, stack, scope, .. } = self.resource;
        let Some(label) = kind.acquired() else { return Ok(()) };
        if scope != self.test {
            writeln!(f, "{INDENT}in subtest {}", OneLine(scope))?;
        }
        if kind.shows_traffic(true) {
            writeln!(f, "{INDENT}{}", TrafficText(self.resource))?;
        }
        if stack.is_empty() {
            let why = if self.why_unknown { ": no stack was recorded" } else { "" };
            writeln!(f, "{INDENT}{label} a place that is not known{why}")?;
        }
        write!(f, "{}", StackLines { indent: INDENT, label, stack, styles: self.styles })
    }
}
