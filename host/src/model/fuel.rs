//! Fuel by function.

use super::Frame;
use super::figure;
use super::safe_text::OneLine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Display, Formatter};

/// Most functions of a test that are told.
const TOLD: usize = 500;

/// In which functions a test spent its fuel. What the compiler put into a caller is the caller's; calls of other functions are not part of a
/// function's figure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FuelByFunction {
    /// Why it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The functions that spent most, the first of them most; at most 500. With those that are left out they spent what the test spent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionFuel>,
    /// How many functions are left out.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub omitted: u64,
    /// What these spent together.
    #[serde(default, with = "figure", skip_serializing_if = "figure::is_zero")]
    pub omitted_fuel: u64,
}

/// What one function spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FunctionFuel {
    /// The function, and the line on which it begins.
    #[serde(flatten)]
    pub frame: Frame,
    /// The fuel that it spent itself.
    #[serde(with = "figure")]
    pub fuel: u64,
}

/// The function whose fuel grew most, of a test that takes more than in a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FunctionGrowth {
    /// The function, and the line on which it begins.
    #[serde(flatten)]
    pub frame: Frame,
    /// The fuel that it spends itself.
    #[serde(with = "figure")]
    pub seen: u64,
    /// What it spent in the base; 0 where it was not there.
    #[serde(with = "figure")]
    pub base: u64,
}

impl FunctionFuel {
    /// What a function spent.
    ///
    /// ```
    /// use airtight::report::{Frame, FunctionFuel};
    /// let spent = FunctionFuel::new(Frame::new("lex").at("src/lex.rs", 80), 640);
    /// assert_eq!((&*spent.frame.function, spent.fuel), ("lex", 640));
    /// ```
    #[must_use]
    pub fn new(frame: Frame, fuel: u64) -> Self {
        Self { frame, fuel }
    }
}

impl FuelByFunction {
    /// Of what each function spent; one that is there several times, as each instance of a generic one is, spent it all.
    #[must_use]
    pub fn new(functions: impl IntoIterator<Item = FunctionFuel>) -> Self {
        let mut sums: BTreeMap<(String, Option<String>, Option<u32>), FunctionFuel> = BTreeMap::new();
        for one in functions {
            let key = (one.frame.function.clone(), one.frame.file.clone(), one.frame.line);
            match sums.entry(key) {
                Entry::Vacant(entry) => drop(entry.insert(one)),
                Entry::Occupied(mut entry) => entry.get_mut().fuel = entry.get().fuel.saturating_add(one.fuel),
            }
        }
        let mut functions: Vec<_> = sums.into_values().collect();
        // The order of names stays among those that spent the same.
        functions.sort_by_key(|function| std::cmp::Reverse(function.fuel));
        let omitted = functions.split_off(functions.len().min(TOLD));
        Self {
            why: None,
            functions,
            omitted: omitted.len() as u64,
            omitted_fuel: omitted.iter().map(|function| function.fuel).fold(0, u64::saturating_add),
        }
    }

    /// It is not known, for this reason.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..Self::default() }
    }

    /// The function that spends most more than in a base.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn growth_over(&self, base: &Self) -> Result<FunctionGrowth, String> {
        if let Some(why) = &self.why {
            return Err(why.clone());
        }
        if let Some(why) = &base.why {
            return Err(format!("in the base it is not known: {why}"));
        }
        let before = base.by_name();
        let growths = self.by_name().into_iter().map(|(name, (seen, frame))| {
            let base = before.get(&name).map_or(0, |(fuel, _)| *fuel);
            (seen.saturating_sub(base), name, frame, seen, base)
        });
        let most = growths.max_by(|one, other| one.0.cmp(&other.0).then_with(|| other.1.cmp(&one.1)));
        let Some((grew, name, frame, seen, base_fuel)) = most.filter(|most| most.0 > 0) else {
            return Err("no function that is told spends more".to_owned());
        };
        // Of what is left out, no more is known than what all of it spent together.
        let is_in_base = before.contains_key(&name);
        let left_out = base.omitted_fuel.max(self.omitted_fuel);
        if (base.omitted > 0 && !is_in_base) || left_out > grew {
            return Err(
                "it may be a function that is left out of a report: only the 500 that spend most are told".to_owned()
            );
        }
        Ok(FunctionGrowth { frame: frame.clone(), seen, base: base_fuel })
    }

    /// What functions of one name and file spent, and the first of these by line. Lines move when code above does.
    pub(crate) fn by_name(&self) -> FuelByName<'_> {
        let mut sums = FuelByName::new();
        for FunctionFuel { frame, fuel } in &self.functions {
            let sum = sums.entry((&*frame.function, frame.file.as_deref())).or_insert((0, frame));
            let first = if frame.line < sum.1.line { frame } else { sum.1 };
            *sum = (sum.0.saturating_add(*fuel), first);
        }
        sums
    }
}

/// By name and file of functions: the fuel that they spent, and the first of them.
pub(crate) type FuelByName<'a> = BTreeMap<(&'a str, Option<&'a str>), (u64, &'a Frame)>;

/// A function and where it begins: `lex` src/lex.rs:80.
pub(crate) struct FunctionPlace<'a>(pub &'a Frame);

impl Display for FunctionPlace<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Frame { function, file, line, .. } = self.0;
        write!(f, "`{}`", OneLine(function))?;
        match (file, line) {
            (None, _) => Ok(()),
            (Some(file), None) => write!(f, " {}", OneLine(file)),
            (Some(file), Some(line)) => write!(f, " {}:{line}", OneLine(file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(frame: Frame, fuel: u64) -> FunctionFuel {
        FunctionFuel::new(frame, fuel)
    }

    fn by_function(functions: &[(&str, u64)]) -> FuelByFunction {
        FuelByFunction::new(functions.iter().map(|(name, fuel)| spent(Frame::new(*name).at("src/lib.rs", 7), *fuel)))
    }

    #[test]
    fn instances_of_a_function_are_one_and_those_that_spend_most_come_first() {
        let all = by_function(&[("b", 5), ("a", 3), ("c", 5), ("a", 3)]);
        let told: Vec<_> = all.functions.iter().map(|function| (&*function.frame.function, function.fuel)).collect();
        assert_eq!(told, [("a", 6), ("b", 5), ("c", 5)]);
        let many = FuelByFunction::new((0..600).map(|nth| spent(Frame::new(format!("f{nth:03}")), 1000 - nth)));
        assert_eq!((many.functions.len(), many.omitted), (500, 100));
        let told: u64 = many.functions.iter().map(|function| function.fuel).sum();
        assert_eq!(told + many.omitted_fuel, (0..600).map(|nth| 1000 - nth).sum::<u64>());
    }

    #[test]
    fn the_function_that_grew_most_is_found_whatever_its_line() {
        let base =
            FuelByFunction::new([spent(Frame::new("lex").at("src/lex.rs", 70), 600), spent(Frame::new("emit"), 900)]);
        let now = FuelByFunction::new([
            spent(Frame::new("lex").at("src/lex.rs", 80).of_library("parser"), 640),
            spent(Frame::new("emit"), 910),
            spent(Frame::new("new"), 12),
        ]);
        let grew = now.growth_over(&base).unwrap();
        assert_eq!((&*grew.frame.function, grew.frame.line, grew.seen, grew.base), ("lex", Some(80), 640, 600));
        assert_eq!(grew.frame.library.as_deref(), Some("parser"));
        assert_eq!(FunctionPlace(&grew.frame).to_string(), "`lex` src/lex.rs:80");
        let added = by_function(&[("a", 10), ("b", 90)]).growth_over(&by_function(&[("a", 10)])).unwrap();
        assert_eq!((&*added.frame.function, added.base), ("b", 0));
        assert!(by_function(&[("a", 9)]).growth_over(&by_function(&[("a", 10)])).unwrap_err().contains("no function"));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let known = by_function(&[("a", 10)]);
        let unknown = FuelByFunction::unknown("it has threads");
        assert_eq!(unknown.growth_over(&known).unwrap_err(), "it has threads");
        assert_eq!(known.growth_over(&unknown).unwrap_err(), "in the base it is not known: it has threads");
        let left_out = FuelByFunction { omitted: 1, omitted_fuel: 4, ..by_function(&[("b", 50)]) };
        assert!(known.growth_over(&left_out).unwrap_err().contains("left out"), "`a` may be what is left out");
        assert!(by_function(&[("b", 55)]).growth_over(&left_out).is_ok());
        assert!(by_function(&[("b", 53)]).growth_over(&left_out).unwrap_err().contains("left out"));
    }
}
