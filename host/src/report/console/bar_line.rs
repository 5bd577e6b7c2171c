//! The line of a progress bar: as much of it as one line of the terminal holds.

use std::time::Duration;

/// Fewest columns of the bar itself. Where there are not so many left, there is none.
const LEAST_BAR: usize = 10;

/// Most columns of a running test's name, and the fewest with which it is shown at all.
const NAME: (usize, usize) = (40, 8);

/// What a progress bar shows.
#[derive(Debug, Default)]
pub(super) struct BarLine {
    /// What is done: `Running`.
    pub what: &'static str,
    pub elapsed: Duration,
    /// How many of `all` are done.
    pub done: u64,
    pub all: u64,
    /// What came of those; empty if there is nothing to say yet.
    pub came: String,
    pub running: Option<RunningTests>,
}

/// The tests that are running.
#[derive(Debug)]
pub(super) struct RunningTests {
    pub count: usize,
    /// The one that has been running for the longest time, as it may be printed.
    pub longest: String,
    /// For how long.
    pub since: Duration,
}

impl BarLine {
    /// The line for a terminal with so many columns. It is shorter than that, so that no terminal wraps it.
    pub fn fitted(&self, columns: usize) -> String {
        let room = columns.saturating_sub(1);
        let seconds = self.elapsed.as_secs();
        let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let head = format!("{:>12} [{time:>9}] ", self.what);
        let bare = format!("{}/{}", self.done, self.all);
        let told = match &*self.came {
            "" => bare.clone(),
            came => format!("{bare}: {came}"),
        };
        let (count, name) = self.running.as_ref().map(RunningTests::words).unwrap_or_default();
        let named = |head: &str| {
            let name_room = room.saturating_sub(width(head) + width(&told) + width(&count));
            let longest = self.running.as_ref().map_or("", |running| &*running.longest);
            let shown = cut(longest, name_room.saturating_sub(width(&name)).min(NAME.0));
            let is_shown = shown == longest || width(&shown) >= NAME.1;
            is_shown.then(|| format!("{told}{count}{name}{shown}"))
        };
        let fits = |text: &String| width(text) <= room;
        if let Some(text) = named(&head).filter(|text| width(&head) + width(text) <= room) {
            let bar = room - width(&head) - width(&text);
            let bar = if bar > LEAST_BAR { drawn(self.done, self.all, bar - 1) + " " } else { String::new() };
            return head + &bar + &text;
        }
        let shorter = [named(""), Some(format!("{told}{count}")), Some(told.clone())];
        shorter.into_iter().flatten().find(fits).unwrap_or_else(|| cut(&told, room))
    }
}

impl RunningTests {
    /// The words before the name: how many, and for how long the first of them.
    fn words(&self) -> (String, String) {
        (format!("; {} running", self.count), format!(", for {}s ", self.since.as_secs()))
    }
}

/// The columns that a text takes, or more: a letter that is not ASCII may take two.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}

/// The beginning of a text that takes at most so many columns.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut cut, mut taken) = (String::new(), 2);
    for letter in text.chars() {
        taken += if letter.is_ascii() { 1 } else { 2 };
        if taken > columns {
            break;
        }
        cut.push(letter);
    }
    if columns < 2 { String::new() } else { cut + "…" }
}

fn drawn(done: u64, all: u64, columns: usize) -> String {
    let full = (u128::from(done) * columns as u128).checked_div(u128::from(all)).unwrap_or(0);
    let full = usize::try_from(full).unwrap_or(columns).min(columns);
    "█".repeat(full) + &"░".repeat(columns - full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(came: &str, longest: &str) -> BarLine {
        let running = (!longest.is_empty()).then(|| RunningTests {
            count: 2,
            longest: longest.to_owned(),
            since: Duration::from_secs(8),
        });
        BarLine {
            what: "Running",
            elapsed: Duration::from_secs(3_725),
            done: 4,
            all: 6,
            came: came.to_owned(),
            running,
        }
    }

    #[test]
    fn what_is_most_of_use_stays_where_a_terminal_is_narrow() {
        let line = line("3 passed, 1 failed or leaked", "parser/tests/grammar reads_all_of_a_long_name");
        let lines: Vec<String> =
            [140, 100, 80, 60, 40, 20, 5, 1, 0].map(|columns| format!("{columns:>3}|{}|", line.fitted(columns))).into();
        insta::assert_snapshot!(lines.join("\n"));
        assert_eq!(
            super::BarLine { what: "Searching", ..BarLine::default() }.fitted(30),
            "   Searching [ 00:00:00] 0/0"
        );
    }

    #[test]
    fn before_the_first_test_ends_nothing_came_of_any() {
        assert!(line("", "m t").fitted(80).ends_with("░ 4/6; 2 running, for 8s m t"));
    }

    proptest! {
        #[test]
        fn it_is_one_line_that_fits(columns in 0usize..200, came in "[a-zé ,]{0,60}", name in "[a-z界]{0,60}", done in 0u64..9) {
            let fitted = BarLine { done, ..line(&came, &name) }.fitted(columns);
            // The bar's own signs take one column.
            let taken: usize = fitted.chars().map(|letter| if letter.is_ascii() || "█░".contains(letter) { 1 } else { 2 }).sum();
            prop_assert!(taken < columns.max(1), "{} of {columns}: {fitted}", taken);
            prop_assert!(!fitted.contains('\n'));
        }
    }
}
