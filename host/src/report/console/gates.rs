//! Gates in the summary of a run: the figure, the limit, and which tests count most.

use super::sanitise::OneLine;
use super::units::{Bytes, GroupedDigits, plural};
use crate::model::fuel::FunctionPlace;
use crate::model::{GateKind, GateRecord, GateTest};
use std::fmt::{self, Display, Formatter};

/// Most tests that are named under a gate that was not kept. The JSON report names more.
const LISTED: usize = 5;

/// A line with the figure and the limit. If the gate was not kept, then also a line for each of the tests that count most.
pub(super) struct GateText<'a>(pub &'a GateRecord);

impl Display for GateText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let GateRecord { gate, passed, limit, seen, base, tests, tests_omitted, unknown, first_unknown, .. } = self.0;
        let label = if *passed { "Gate" } else { "GATE" };
        write!(f, "{label:>12} {}: {}", gate.name(), Amount(*gate, *seen))?;
        match base {
            Some(base) => {
                let each = if *gate == GateKind::Growth { " for each test" } else { "" };
                write!(
                    f,
                    ", in the base {}{}; {limit} more is allowed{each}",
                    Amount(*gate, *base),
                    Change(*base, *seen)
                )?;
            }
            None => write!(f, "; {limit} is allowed")?,
        }
        writeln!(f, "{}", if *passed { "" } else { ": not kept" })?;
        if !*passed {
            tests.iter().take(LISTED).try_for_each(|test| write_test(f, *gate, test))?;
            let more = (tests.len().saturating_sub(LISTED) as u64).saturating_add(*tests_omitted);
            if more > 0 {
                writeln!(f, "{:>12} and {} more {}", "", GroupedDigits(more), plural(more, "test", "tests"))?;
            }
        }
        let Some(first) = first_unknown else { return Ok(()) };
        let tests = plural(*unknown, "test", "tests");
        writeln!(
            f,
            "{:>12} not known of {} {tests}: {} {}: {}",
            "",
            GroupedDigits(*unknown),
            OneLine(&first.module),
            OneLine(&first.test),
            OneLine(&first.why)
        )
    }
}

fn write_test(f: &mut Formatter<'_>, gate: GateKind, test: &GateTest) -> fmt::Result {
    let GateTest { module, test, seen, base, function, no_function } = test;
    write!(f, "{:>12} {} {}: {}", "", OneLine(module), OneLine(test), Amount(gate, *seen))?;
    if let Some(base) = base {
        write!(f, ", in the base {}{}", Amount(gate, *base), Change(*base, *seen))?;
    }
    writeln!(f)?;
    if let (Some(grown), Some(base)) = (function, base) {
        let (own, all) = (grown.seen.saturating_sub(grown.base), seen.saturating_sub(*base));
        let share = if own > all / 2 { "most of it" } else { "of it most" };
        let from = (GroupedDigits(grown.seen), GroupedDigits(grown.base), Change(grown.base, grown.seen));
        writeln!(
            f,
            "{:>14} {share} in {}: {}, in the base {}{}",
            "",
            FunctionPlace(&grown.frame),
            from.0,
            from.1,
            from.2
        )?;
    }
    if let Some(why) = no_function {
        writeln!(f, "{:>14} in which function is not known: {}", "", OneLine(why))?;
    }
    Ok(())
}

/// `64 bytes`, `1,234`.
struct Amount(GateKind, u64);

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(gate, figure) = *self;
        if gate.is_size() { Bytes(figure).fmt(f) } else { GroupedDigits(figure).fmt(f) }
    }
}

/// ` (+4.1%)`: rounded towards zero, to a tenth of a percent. Nothing if the base is 0.
struct Change(u64, u64);

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(base, seen) = *self;
        let sign = if seen < base { '-' } else { '+' };
        match (u128::from(base.abs_diff(seen)) * 1000).checked_div(u128::from(base)) {
            None => Ok(()),
            Some(tenths) => write!(f, " ({sign}{}.{}%)", tenths / 10, tenths % 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gates::judge;
    use crate::model::{FuelByFunction, FunctionFuel, GateLimits, Report, samples};

    #[test]
    fn figure_limit_and_who() {
        let report = |fuel: u64| -> Report {
            let mut test = samples::passed("parser::big");
            test.usage.as_mut().unwrap().fuel = Some(fuel);
            let of_lex = if fuel > 1_000_000 { 640_000 } else { 602_000 };
            let spent = |function, line, fuel| FunctionFuel::new(samples::frame(function, "src/lex.rs", line), fuel);
            let functions = FuelByFunction::new([spent("lex", 80, of_lex), spent("next", 9, fuel - of_lex)]);
            test.details.get_or_insert_default().fuel_by_function = Some(Box::new(functions));
            samples::report(vec![samples::module("parser", vec![test, samples::passed("parser::small")])])
        };
        let base = report(1_000_000);
        let mut limits = GateLimits { fuel: "2%".parse().ok(), ..GateLimits::default() };
        limits.most.insert(GateKind::Lost, 65_536);
        let text = |fuel| -> String {
            let gates = judge(&report(fuel).canonical, &limits, Some(&base), &|_, _, _| false);
            gates.iter().map(|gate| GateText(gate).to_string()).collect()
        };
        insta::assert_snapshot!(text(1_041_000));
        assert!(
            text(1_010_000)
                .contains("        Gate fuel: 1,011,000, in the base 1,001,000 (+0.9%); 2% more is allowed\n")
        );
    }
}
