//! Tests that depend on others, for a person.

use super::super::pollution::{Dependence, Dependent, ModulePollution, Pollution};
use super::blocks::VariableText;
use super::reporter::SEPARATOR;
use super::sanitise::{OneLine, QuotedText};
use super::style::Styles;
use super::units::{GroupedDigits, plural};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

const INDENT: &str = "        ";

/// Most tests, files or statics of one entry that are listed.
const LISTED: usize = 20;

/// Tests that depend on others, what was not looked at and why, and a line of figures.
///
/// ```
/// use airtight::{pollution::Pollution, report::console::render_pollution};
///
/// let text = render_pollution(&Pollution::default(), false);
/// assert!(text.ends_with("0 tests together in 0 orders: 0 depend on others\n"));
/// ```
#[must_use]
pub fn render_pollution(pollution: &Pollution, colours: bool) -> String {
    PollutionText { pollution, styles: Styles::new(colours) }.to_string()
}

struct PollutionText<'a> {
    pollution: &'a Pollution,
    styles: Styles,
}

impl Display for PollutionText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { pollution, styles } = self;
        for (module, found) in pollution.found() {
            self.write_found(f, module, found)?;
        }
        writeln!(f, "{SEPARATOR}")?;
        for module in &pollution.modules {
            write_left_out(f, module)?;
        }
        let looked_at: usize = pollution.modules.iter().map(|module| module.looked_at).sum();
        let found = pollution.found().count();
        let style = if found == 0 { styles.pass } else { styles.fail };
        let tests = plural(looked_at as u64, "test", "tests");
        let orders = plural(pollution.orders as u64, "order", "orders");
        let depend = plural(found as u64, "depends", "depend");
        writeln!(
            f,
            "{style}{:>12}{style:#} {} {tests} together in {} {orders}: {style}{}{style:#} {depend} on others",
            "Summary",
            GroupedDigits(looked_at as u64),
            GroupedDigits(pollution.orders as u64),
            GroupedDigits(found as u64),
        )
    }
}

impl PollutionText<'_> {
    fn write_found(&self, f: &mut Formatter<'_>, module: &str, found: &Dependent) -> fmt::Result {
        let Styles { fail, module: of_module, test: of_test, place: of_place, .. } = self.styles;
        let (word, does, to_fix) = match found.dependence {
            Dependence::Polluted => (
                "POLLUTED",
                "passes alone, and fails after",
                "let what they leave behind be undone (a clean-up), or give each test its own instead of a global",
            ),
            Dependence::NeedsOthers => {
                ("NEEDS OTHERS", "fails alone, and passes after", "let the test set up itself what it needs")
            }
        };
        let name =
            format_args!("{of_module}{}{of_module:#} {of_test}{}{of_test:#}", OneLine(module), OneLine(&found.test));
        writeln!(f, "{fail}{word:>12}{fail:#} {name}")?;
        match &found.after[..] {
            [one] => writeln!(f, "    {does} {}", OneLine(one))?,
            several => {
                writeln!(
                    f,
                    "    {does} these {}, in this order, and not without any one of them",
                    GroupedDigits(several.len() as u64)
                )?;
                write_list(f, several.iter().map(|test| OneLine(test)))?;
            }
        }
        if !found.message.is_empty() {
            write!(f, "{}", QuotedText { indent: "", text: found.message.as_bytes(), styles: &self.styles })?;
        }
        if let Some(at) = &found.place {
            writeln!(f, "    at {of_place}{}{of_place:#}", OneLine(at))?;
        }
        if !found.files.is_empty() {
            writeln!(f, "    files that they left or changed")?;
            write_list(f, found.files.iter().map(|file| OneLine(file)))?;
        }
        if !found.statics.is_empty() {
            writeln!(f, "    statics that they changed")?;
            write_list(f, found.statics.iter().map(VariableText))?;
        }
        writeln!(f, "    to fix: {to_fix}")
    }
}

fn write_list(f: &mut Formatter<'_>, mut all: impl ExactSizeIterator<Item = impl Display>) -> fmt::Result {
    all.by_ref().take(LISTED).try_for_each(|one| writeln!(f, "{INDENT}{one}"))?;
    match all.len() {
        0 => Ok(()),
        more => writeln!(f, "{INDENT}and {} more", GroupedDigits(more as u64)),
    }
}

/// Tests that were not looked at, counted by why.
fn write_left_out(f: &mut Formatter<'_>, module: &ModulePollution) -> fmt::Result {
    let name = OneLine(&module.module);
    if let Some(why) = &module.refused {
        writeln!(f, "{:>12} {name}: its tests are not run together: {}", "Note", OneLine(why))?;
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for left in &module.left_out {
        reasons.entry(&left.why).or_default().push(&left.test);
    }
    reasons.into_iter().try_for_each(|(why, tests)| {
        let count = tests.len() as u64;
        let which = match tests[..] {
            [one] => OneLine(one).to_string(),
            _ => format!("{} tests", GroupedDigits(count)),
        };
        writeln!(f, "{:>12} {name}: {which} not looked at: {}", "Note", OneLine(why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::VariableRecord;
    use crate::report::pollution::LeftOut;

    fn found(test: &str, dependence: Dependence, after: &[&str]) -> Dependent {
        Dependent {
            test: test.to_owned(),
            dependence,
            after: after.iter().map(|one| (*one).to_owned()).collect(),
            message: "assertion failed: a == b".to_owned(),
            place: Some("tests/prices.rs:12:5".to_owned()),
            files: vec!["/tmp/left".to_owned()],
            statics: vec![VariableRecord {
                name: "shop::CURRENCY".to_owned(),
                file: Some("src/lib.rs".to_owned()),
                line: Some(4),
                library: None,
            }],
        }
    }

    #[test]
    fn what_is_found_is_told_with_its_cause() {
        let left = |test: &str, why: &str| LeftOut { test: test.to_owned(), why: why.to_owned() };
        let module = ModulePollution {
            module: "shop/prices".to_owned(),
            looked_at: 1200,
            found: vec![
                found("dollars", Dependence::Polluted, &["euros"]),
                found("pounds", Dependence::NeedsOthers, &["euros", "yen\u{1b}[31m"]),
            ],
            left_out: vec![left("a", "it panics"), left("b", "it panics"), left("c", "it is not run")],
            refused: None,
        };
        let refused = ModulePollution {
            module: "other".to_owned(),
            refused: Some("its tests have different grants".to_owned()),
            ..ModulePollution::default()
        };
        let pollution = Pollution { orders: 5, modules: vec![module, refused] };
        insta::assert_snapshot!(render_pollution(&pollution, false));
    }

    #[test]
    fn nothing_found_is_one_line_of_figures() {
        let module = ModulePollution { module: "m".to_owned(), looked_at: 1, ..ModulePollution::default() };
        let text = render_pollution(&Pollution { orders: 1, modules: vec![module] }, false);
        assert!(text.ends_with("     Summary 1 test together in 1 order: 0 depend on others\n"), "{text}");
    }
}
