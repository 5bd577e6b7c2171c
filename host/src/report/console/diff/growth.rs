//! The judgement of `--fail-on-growth`, for a person: which tests retain too much more than in the base.

use super::super::super::diff::{RetainedGrowth, TestChange, Threshold};
use super::super::status::TestName;
use super::super::style::Styles;
use super::super::units::{Bytes, GroupedDigits, plural};
use super::line;
use super::table::signed;
use std::fmt::{self, Display, Formatter};

/// A line for every test that retains more than was allowed, and how many tests were judged.
#[derive(Debug)]
pub struct GrowthText<'a> {
    growth: &'a RetainedGrowth,
    styles: Styles,
}

impl<'a> GrowthText<'a> {
    /// The text, with colours or without.
    pub fn new(growth: &'a RetainedGrowth, colours: bool) -> Self {
        Self { growth, styles: Styles::new(colours) }
    }
}

impl Display for GrowthText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RetainedGrowth { threshold, over, judged, not_judged, not_certain } = self.growth;
        writeln!(f, "{}", super::SEPARATOR)?;
        over.iter().try_for_each(|test| self.grown(f, test))?;
        let style = if over.is_empty() { self.styles.pass } else { self.styles.fail };
        let (judged, grown) = (*judged as u64, over.len() as u64);
        let (tests, retain) = (plural(judged, "test", "tests"), plural(grown, "retains", "retain"));
        let (judged, grown) = (GroupedDigits(judged), GroupedDigits(grown));
        writeln!(
            f,
            "{style}{:>12}{style:#} {judged} {tests} judged: {grown} {retain} more than {threshold} over the base",
            "Growth"
        )?;
        for (tests, why) in [
            (*not_judged as u64, "a report does not know what was retained"),
            (*not_certain as u64, "a report is not certain of what was retained"),
        ] {
            if tests > 0 {
                let were = plural(tests, "test was not judged", "tests were not judged");
                f.write_str(&line("Note", format_args!("{} {were}: {why}", GroupedDigits(tests))))?;
            }
        }
        Ok(())
    }
}

impl GrowthText<'_> {
    fn grown(&self, f: &mut Formatter<'_>, change: &TestChange) -> fmt::Result {
        let (style, styles) = (self.styles.fail, &self.styles);
        let name = TestName { module: &change.test.module, test: &change.test.test, styles };
        let (old, new) = (change.old.bytes, change.new.bytes);
        // The new figure is exact here: if it were only a bound, the test would not surely have grown.
        let [most, least] = if change.old.bound { ["at most ", "at least "] } else { [""; 2] };
        write!(f, "{style}{:>12}{style:#} {name}: retained, base {most}{}", "GROWN", GroupedDigits(old))?;
        write!(f, ", new {}, delta {least}{}", Bytes(new), signed(old, new))?;
        match (self.growth.threshold, old) {
            (Threshold::Share(_), 0) => writeln!(f, " (from nothing, any growth is over any share)"),
            _ => writeln!(f),
        }
    }
}
