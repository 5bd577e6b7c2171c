//! What tests cost: fuel of the tests that both reports have, and by function where both know it.

use super::TestPair;
use crate::model::doubt::TestId;
use crate::model::{Frame, FuelByFunction, Report, TestRecord};
use std::collections::{BTreeMap, BTreeSet};

/// What the tests cost that both reports have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FuelDiff {
    /// Whether the two reports count fuel in different ways. Then nothing is compared.
    pub other_model: bool,
    /// How many tests were compared: both reports know their fuel.
    pub tests: usize,
    /// What these cost in the base, all together.
    pub old: u64,
    /// What they cost now.
    pub new: u64,
    /// The tests of which both reports say in which functions they spend their fuel.
    pub by_function: usize,
    /// The functions that cost more or less in these tests, the largest change first.
    pub functions: Vec<FunctionChange>,
    /// How many functions cost the same in these tests.
    pub functions_same: usize,
    /// How many functions cannot be compared: of a test, a report tells only the functions that cost most, and this one is not
    /// among them.
    pub functions_unknown: usize,
    /// Tests that cost something else, and of which it is not known in which function, with the reason.
    pub no_functions: Vec<(TestId, String)>,
}

/// A function that costs more or less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionChange {
    /// The function, with the line on which it begins in the newer report that has it.
    pub frame: Frame,
    /// The fuel that it spent itself in the base, in all tests that were compared by function.
    pub old: u64,
    /// What it spends now.
    pub new: u64,
}

/// What one function spent in all tests of a report.
struct Spent<'a> {
    frame: &'a Frame,
    fuel: [u64; 2],
}

/// A function of a report: name and file.
type Key<'a> = (&'a str, Option<&'a str>);

pub(super) fn compare(old: &Report, new: &Report, pairs: &[TestPair<'_>]) -> FuelDiff {
    let model = |report: &Report| report.canonical.policy.get("fuel-model").cloned();
    let mut diff = FuelDiff { other_model: model(old) != model(new), ..FuelDiff::default() };
    if diff.other_model {
        return diff;
    }
    let mut functions: BTreeMap<Key<'_>, Spent<'_>> = BTreeMap::new();
    let mut unknown: BTreeSet<Key<'_>> = BTreeSet::new();
    for pair in pairs {
        let (Some(old), Some(new)) = (pair.old, pair.new) else { continue };
        let fuel = |test: &TestRecord| test.usage.as_ref()?.fuel;
        let Some((was, is)) = fuel(old).zip(fuel(new)) else { continue };
        diff.tests += 1;
        (diff.old, diff.new) = (diff.old.saturating_add(was), diff.new.saturating_add(is));
        match told(old).and_then(|old| Ok((old, told(new)?))) {
            Ok(both) => {
                diff.by_function += 1;
                add(&mut functions, &mut unknown, both);
            }
            Err(why) if was != is => diff.no_functions.push((pair.id.clone(), why)),
            Err(_) => {}
        }
    }
    diff.functions_unknown = unknown.len();
    for (key, Spent { frame, fuel: [old, new] }) in functions {
        if unknown.contains(&key) {
            continue;
        }
        if old == new {
            diff.functions_same += 1;
        } else {
            diff.functions.push(FunctionChange { frame: frame.clone(), old, new });
        }
    }
    // Among functions that changed by the same amount, the order of names stays.
    diff.functions.sort_by_key(|change| std::cmp::Reverse(change.old.abs_diff(change.new)));
    diff
}

/// In which functions a test spent its fuel.
///
/// # Errors
/// Why that is not known.
fn told(test: &TestRecord) -> Result<&FuelByFunction, String> {
    let told = test.details.as_ref().and_then(|details| details.fuel_by_function.as_deref());
    let told =
        told.ok_or_else(|| "a report has no figures by function; --fuel-profile makes one that has".to_owned())?;
    told.why.as_ref().map_or(Ok(told), |why| Err(why.clone()))
}

/// Adds what a test spent in each function, before and now. A function that one of the two does not tell spent nothing there,
/// unless some are left out.
fn add<'a>(
    functions: &mut BTreeMap<Key<'a>, Spent<'a>>,
    unknown: &mut BTreeSet<Key<'a>>,
    (old, new): (&'a FuelByFunction, &'a FuelByFunction),
) {
    let both = [old, new].map(FuelByFunction::by_name);
    for key in both.iter().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>() {
        for (side, (told, by_name)) in [old, new].into_iter().zip(&both).enumerate() {
            match by_name.get(key) {
                Some((fuel, frame)) => {
                    let spent = functions.entry(*key).or_insert(Spent { frame, fuel: [0, 0] });
                    spent.frame = frame;
                    spent.fuel[side] = spent.fuel[side].saturating_add(*fuel);
                }
                None if told.omitted > 0 => drop(unknown.insert(*key)),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ReportDiff;
    use super::*;
    use crate::model::{FunctionFuel, samples};

    fn spent(name: &str, line: u32, fuel: u64) -> FunctionFuel {
        FunctionFuel::new(Frame::new(name).at("src/lib.rs", line), fuel)
    }

    fn test(name: &str, functions: Option<FuelByFunction>, fuel: u64) -> TestRecord {
        let mut test = samples::passed(name);
        test.usage.as_mut().unwrap().fuel = Some(fuel);
        test.details.get_or_insert_default().fuel_by_function = functions.map(Box::new);
        test
    }

    fn report(tests: Vec<TestRecord>) -> Report {
        samples::report(vec![samples::module("m", tests)])
    }

    #[test]
    fn functions_are_added_up_over_tests_whatever_their_lines() {
        let of = |functions: &[(&str, u32, u64)]| {
            Some(FuelByFunction::new(functions.iter().map(|(name, line, fuel)| spent(name, *line, *fuel))))
        };
        let old = report(vec![
            test("a", of(&[("lex", 7, 100), ("emit", 9, 50)]), 150),
            test("b", of(&[("lex", 7, 10), ("gone", 3, 5)]), 15),
            test("c", None, 7),
            test("d", None, 8),
        ]);
        let new = report(vec![
            test("a", of(&[("lex", 8, 140), ("emit", 9, 50)]), 190),
            test("b", of(&[("lex", 8, 10), ("new", 3, 4)]), 14),
            test("c", None, 9),
            test("d", None, 8),
        ]);
        let diff = ReportDiff::between(&old, &new).fuel;
        assert_eq!((diff.tests, diff.old, diff.new, diff.by_function), (4, 180, 221, 2));
        let changes: Vec<_> =
            diff.functions.iter().map(|one| (&*one.frame.function, one.frame.line, one.old, one.new)).collect();
        assert_eq!(changes, [("lex", Some(8), 110, 150), ("gone", Some(3), 5, 0), ("new", Some(3), 0, 4)]);
        assert_eq!((diff.functions_same, diff.functions_unknown), (1, 0));
        let [(id, why)] = &diff.no_functions[..] else { panic!("{diff:?}") };
        assert!(&*id.test == "c" && why.contains("--fuel-profile"), "{diff:?}");
    }

    /// What a report leaves out is not taken for nothing.
    #[test]
    fn a_function_that_may_be_left_out_is_not_compared() {
        let with = |omitted, functions: &[(&str, u64)]| FuelByFunction {
            omitted,
            omitted_fuel: omitted,
            ..FuelByFunction::new(functions.iter().map(|(name, fuel)| spent(name, 1, *fuel)))
        };
        let old = report(vec![test("a", Some(with(1, &[("lex", 10)])), 11)]);
        let new = report(vec![test("a", Some(with(0, &[("lex", 12), ("emit", 3)])), 15)]);
        let diff = ReportDiff::between(&old, &new).fuel;
        assert_eq!((diff.functions.len(), diff.functions_unknown), (1, 1), "{diff:?}");
    }

    #[test]
    fn other_ways_of_counting_are_not_compared() {
        let old = report(vec![test("a", None, 11)]);
        let mut new = report(vec![test("a", None, 12)]);
        new.canonical.policy["fuel-model"] = 99.into();
        let diff = ReportDiff::between(&old, &new).fuel;
        assert_eq!(diff, FuelDiff { other_model: true, ..FuelDiff::default() });
    }
}
