//! Whether what tests retain grew too much.

use super::super::super::diff::{Growth, TestChange, Threshold};
use super::super::status::TestName;
use super::super::style::Styles;
use super::super::units::{Bytes, Grouped, plural};
use super::line;
use super::table::signed;
use std::fmt::{self, Display, Formatter};

/// Every test that grew by more than was allowed, and what was judged.
#[derive(Debug)]
pub struct GrowthText<'a> {
    growth: &'a Growth,
    styles: Styles,
}

impl<'a> GrowthText<'a> {
    /// With colours or without.
    pub fn new(growth: &'a Growth, colours: bool) -> Self {
        Self { growth, styles: Styles::new(colours) }
    }
}

impl Display for GrowthText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Growth { threshold, over, judged, not_judged } = self.growth;
        writeln!(f, "{}", super::SEPARATOR)?;
        over.iter().try_for_each(|test| self.grown(f, test))?;
        let style = if over.is_empty() { self.styles.pass } else { self.styles.fail };
        let (judged, grown) = (*judged as u64, over.len() as u64);
        let (tests, retain) = (plural(judged, "test", "tests"), plural(grown, "retains", "retain"));
        let (judged, grown) = (Grouped(judged), Grouped(grown));
        writeln!(
            f,
            "{style}{:>12}{style:#} {judged} {tests} judged: {grown} {retain} more than {threshold} over the base",
            "Growth"
        )?;
        let unknown = *not_judged as u64;
        if unknown > 0 {
            let tests = plural(unknown, "test was not judged", "tests were not judged");
            let why = "a report does not know what was retained";
            f.write_str(&line("Note", format_args!("{} {tests}: {why}", Grouped(unknown))))?;
        }
        Ok(())
    }
}

impl GrowthText<'_> {
    fn grown(&self, f: &mut Formatter<'_>, change: &TestChange) -> fmt::Result {
        let (style, styles) = (self.styles.fail, &self.styles);
        let name = TestName { module: &change.test.module, test: &change.test.test, styles };
        let (old, new) = (change.old.bytes, change.new.bytes);
        write!(f, "{style}{:>12}{style:#} {name}: retained, base {}, new {}", "GROWN", Grouped(old), Bytes(new))?;
        write!(f, ", delta {}", signed(old, new))?;
        match (self.growth.threshold, old) {
            (Threshold::Share(_), 0) => writeln!(f, " (from nothing, any growth is over any share)"),
            _ => writeln!(f),
        }
    }
}
