//! In which functions a test spends its fuel, of a module that tells: see [`crate::instrument::count_fuel`].

use crate::instrument::ENTERED;

/// The fuel of a test, by function.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FuelCounts {
    /// By the function's index. What the host gives back may have been another function's cost: until the call ends, a figure may be
    /// below zero.
    functions: Vec<i64>,
    /// What was spent in no function.
    outside: i64,
    /// The function in which fuel is spent now; `None` before the first is entered.
    current: Option<u32>,
    /// What of the current call's fuel is counted.
    counted: u64,
    /// Whether a call of the test is under way.
    is_open: bool,
    /// Whether the test's own part began later than the call.
    has_begun: bool,
}

impl FuelCounts {
    /// A call of the test begins, with fuel of its own.
    pub fn begin_call(&mut self) {
        (self.current, self.counted, self.is_open) = (None, 0, true);
    }

    /// The test's own part of the call began when so much was spent, in the function that told last: what was spent before is not the
    /// test's. That is said once, or several times alike.
    pub fn begin_test(&mut self, spent: u64) {
        if self.is_open && !std::mem::replace(&mut self.has_begun, true) {
            self.count(spent);
            self.functions.clear();
            self.outside = 0;
        }
    }

    /// The call has ended, and spent so much.
    pub fn end_call(&mut self, spent: u64) {
        if self.is_open {
            self.count(spent);
            self.is_open = false;
        }
    }

    /// The module tells which function goes on, or is entered, when so much of the call's fuel is spent.
    pub fn tell(&mut self, told: u32, spent: u64) {
        if !self.is_open {
            return;
        }
        // To be entered costs a unit, which is spent before the function can tell.
        let entered = u64::from(told & ENTERED);
        self.count(spent.saturating_sub(entered));
        self.current = Some(told / 2);
        self.count(spent);
    }

    /// Counts what was spent since the last time for the function in which it was spent.
    fn count(&mut self, spent: u64) {
        let since = spent.cast_signed().wrapping_sub(self.counted.cast_signed());
        self.counted = spent;
        let figure = match self.current {
            None => &mut self.outside,
            Some(function) => {
                let index = function as usize;
                if index >= self.functions.len() {
                    self.functions.resize(index + 1, 0);
                }
                &mut self.functions[index]
            }
        };
        *figure = figure.wrapping_add(since);
    }

    /// Each function that spent something, by its index, and what. `None` where these figures do not add up to the `fuel` of the test.
    pub fn by_function(&self, fuel: u64) -> Option<Vec<(u32, u64)>> {
        let functions = (0..).zip(&self.functions).filter(|(_, spent)| **spent != 0);
        let functions = functions.map(|(function, spent)| Some((function, u64::try_from(*spent).ok()?)));
        let functions: Vec<_> = functions.collect::<Option<_>>()?;
        let sum = functions.iter().try_fold(0_u64, |sum, (_, spent)| sum.checked_add(*spent));
        (self.outside == 0 && sum == Some(fuel)).then_some(functions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuel_is_that_of_the_function_that_told_last() {
        let mut counts = FuelCounts::default();
        counts.tell(2 + ENTERED, 100);
        counts.begin_call();
        // 1 is entered, and calls 2, which calls 1; each returns.
        for (told, spent) in [(2 + ENTERED, 1), (4 + ENTERED, 10), (2 + ENTERED, 31), (4, 40), (2, 50)] {
            counts.tell(told, spent);
        }
        counts.end_call(57);
        counts.tell(4, 1000);
        assert_eq!(counts.by_function(57), Some(vec![(1, 9 - 1 + 1 + 9 + 1 + 7), (2, 20 + 1 + 10)]));
        assert_eq!(counts.by_function(58), None, "it does not add up");
        counts.begin_call();
        counts.tell(2 + ENTERED, 1);
        counts.end_call(4);
        assert_eq!(counts.by_function(61).map(|all| all[0]), Some((1, 30)), "of all calls together");
    }

    #[test]
    fn what_a_program_spends_before_its_test_is_not_the_test_s() {
        let mut counts = FuelCounts::default();
        counts.begin_call();
        counts.tell(2 + ENTERED, 1);
        counts.begin_test(10);
        counts.tell(4 + ENTERED, 15);
        counts.begin_test(10);
        counts.end_call(20);
        assert_eq!(counts.by_function(10), Some(vec![(1, 4), (2, 6)]));
    }

    #[test]
    fn what_no_function_spent_is_not_told() {
        let mut counts = FuelCounts::default();
        counts.begin_call();
        counts.tell(2 + ENTERED, 3);
        counts.end_call(5);
        assert_eq!(counts.by_function(5), None);
    }
}
