//! What the tests cost in two reports: all together, and the functions that cost more or less.

use super::super::units::{GroupedDigits, plural};
use super::table::{DiffTable, TableRow, signed};
use super::{DiffText, LISTED, folded_line, line};
use crate::model::fuel::FunctionPlace;
use crate::report::diff::{FuelDiff, FunctionChange};

impl DiffText<'_> {
    pub(super) fn fuel(&self) -> String {
        let fuel = &self.diff.fuel;
        if fuel.other_model {
            return line("Fuel", format_args!("is counted in another way in the base, and not compared"));
        }
        let mut text = String::new();
        if fuel.old != fuel.new {
            let tests = plural(fuel.tests as u64, "test that both have", "tests that both have");
            let change =
                [GroupedDigits(fuel.old).to_string(), GroupedDigits(fuel.new).to_string(), signed(fuel.old, fuel.new)];
            let ([old, new, delta], count) = (change, GroupedDigits(fuel.tests as u64));
            text.push_str(&line("Fuel", format_args!("of {count} {tests}: base {old}, new {new}, delta {delta}")));
        }
        text + &self.costs(fuel) + &self.no_functions(fuel)
    }

    fn costs(&self, fuel: &FuelDiff) -> String {
        let tests = fuel.by_function as u64;
        let title =
            line("Fuel", format_args!("by function, in {} {}", GroupedDigits(tests), plural(tests, "test", "tests")));
        let shown = if self.options.all { fuel.functions.len() } else { fuel.functions.len().min(LISTED) };
        let (listed, more) = fuel.functions.split_at(shown);
        let row = |FunctionChange { frame, old, new }: &FunctionChange| {
            let label = if new > old { "COSTS MORE" } else { "COSTS LESS" };
            TableRow::exact(label, FunctionPlace(frame).to_string(), *old, *new)
        };
        let rows: Vec<_> = listed.iter().map(row).collect();
        let table = (!rows.is_empty()).then(|| title + &DiffTable { of: "function", rows }.to_string());
        let same = fuel.functions_same as u64;
        let same = (same > 0).then(|| {
            line(
                "",
                format_args!("{} {} the same", GroupedDigits(same), plural(same, "function costs", "functions cost")),
            )
        });
        let unknown = fuel.functions_unknown as u64;
        let unknown = (unknown > 0).then(|| {
            let are = plural(unknown, "function is", "functions are");
            line(
                "",
                format_args!(
                    "{} {are} not compared: a report tells only those that cost most in a test",
                    GroupedDigits(unknown)
                ),
            )
        });
        table.unwrap_or_default() + &folded_line(more.len()) + &same.unwrap_or_default() + &unknown.unwrap_or_default()
    }

    /// Of how many tests it is not known which function costs more or less, and why not of the first.
    fn no_functions(&self, fuel: &FuelDiff) -> String {
        let Some((first, why)) = fuel.no_functions.first() else { return String::new() };
        let tests = fuel.no_functions.len() as u64;
        let cost = plural(tests, "test costs", "tests cost");
        let (name, why) = (self.name(first), super::OneLine(why));
        line(
            "",
            format_args!(
                "{} {cost} something else, in which function is not known: {name}: {why}",
                GroupedDigits(tests)
            ),
        )
    }
}
