//! A test that was called several times in one instance (`--repeat`): what was live before and after each round, and
//! whether it goes on growing.

use super::entry::AcquisitionText;
use super::resources::Title;
use super::style::Styles;
use super::units::{Bytes, GroupedDigits, PlainBytes, plural};
use crate::model::growth::{Growth, LEAST, Round, Span, Trend};
use std::fmt::{self, Display, Formatter};

/// How many rows of a long table are shown at its beginning and at its end. The JSON report has every round.
const HEAD: usize = 10;
const TAIL: usize = 5;

const PAGE: u64 = 1 << 16;

/// The table, the trend of each figure, and the places of allocation.
pub(super) struct GrowthTable<'a> {
    pub test: &'a str,
    pub growth: &'a Growth,
    /// See [`AcquisitionText::why_unknown`].
    pub why_unknown: bool,
    pub styles: &'a Styles,
}

impl Display for GrowthTable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { test, growth, why_unknown, styles } = *self;
        let rounds = growth.rounds.len() as u64;
        writeln!(f, "    {} {} in one instance:", GroupedDigits(rounds), plural(rounds, "round", "rounds"))?;
        write_rows(f, &rows(&growth.rounds))?;
        write_trends(f, growth)?;
        if growth.sites.is_empty() {
            return Ok(());
        }
        let from = growth
            .settled_from()
            .map_or(String::new(), |first| format!(" from round {} on", GroupedDigits(first.into())));
        writeln!(f, "    each round{from} left on the heap:")?;
        for resource in &growth.sites {
            write!(f, "    - {}\n{}", Title(resource), AcquisitionText { test, resource, why_unknown, styles })?;
        }
        Ok(())
    }
}

/// Successive rounds, each of which changed every figure by the same amount.
struct Rows<'a> {
    first: usize,
    rounds: &'a [Round],
}

/// Folds rounds that are alike into one row.
fn rows(rounds: &[Round]) -> Vec<Rows<'_>> {
    let change = |round: &Round| {
        let figure = |span: Option<Span>| span.map(Span::growth);
        (figure(round.heap_blocks), figure(round.heap_bytes), round.linear.growth(), round.handles.growth())
    };
    let mut first = 1;
    let alike = rounds.chunk_by(|a, b| change(a) == change(b));
    alike
        .map(|rounds| {
            let row = Rows { first, rounds };
            first += rounds.len();
            row
        })
        .collect()
}

impl Rows<'_> {
    fn last(&self) -> usize {
        self.first + self.rounds.len() - 1
    }

    /// A figure before the first of the rounds and after the last of them, and by how much each round changed it.
    fn ends(&self, figure: fn(&Round) -> Option<Span>) -> Option<(Span, i64)> {
        let (first, last) = (figure(self.rounds.first()?)?, figure(self.rounds.last()?)?);
        Some((Span { before: first.before, after: last.after }, first.growth()))
    }

    fn cells(&self, heap: bool) -> Vec<String> {
        let number = match self.rounds.len() {
            1 => GroupedDigits(self.first as u64).to_string(),
            _ => format!("{} to {}", GroupedDigits(self.first as u64), GroupedDigits(self.last() as u64)),
        };
        let each = if self.rounds.len() == 1 { "" } else { " each" };
        let mut cells = vec![number];
        if heap {
            let (blocks, bytes) = (self.ends(|round| round.heap_blocks), self.ends(|round| round.heap_bytes));
            let unknown = || "not tracked".to_owned();
            cells.push(bytes.map_or_else(unknown, |(span, _)| GroupedDigits(span.before).to_string()));
            cells.push(bytes.map_or_else(unknown, |(span, _)| GroupedDigits(span.after).to_string()));
            cells.push(blocks.zip(bytes).map_or_else(unknown, |((_, blocks), (_, bytes))| match (bytes, blocks) {
                (0, 0) => "none".to_owned(),
                _ => format!("{}, {}{each}", amount(bytes, "byte", "bytes"), amount(blocks, "block", "blocks")),
            }));
        }
        let grown = |figure, unit: fn(u64) -> String| {
            let (span, change) = self.ends(figure)?;
            let change = (change != 0).then(|| format!(" ({}{}{each})", sign(change), unit(change.unsigned_abs())));
            Some(format!("{}{}", unit(span.after), change.unwrap_or_default()))
        };
        cells.extend(grown(|round| Some(round.linear), pages));
        cells.extend(grown(|round| Some(round.handles), |count| GroupedDigits(count).to_string()));
        cells
    }
}

fn write_rows(f: &mut Formatter<'_>, rows: &[Rows<'_>]) -> fmt::Result {
    let heap = rows.iter().flat_map(|row| row.rounds).any(|round| round.heap_bytes.is_some());
    let head: &[_] = if heap { &["heap before", "heap after", "growth"] } else { &[] };
    let head: Vec<String> =
        ["round"].iter().chain(head).chain(&["linear pages", "handles"]).map(|cell| cell.to_string()).collect();
    // The gap itself takes a row, so leaving out a single row would save nothing.
    let gap = if rows.len() > HEAD + TAIL + 1 { HEAD..rows.len() - TAIL } else { 0..0 };
    let shown = rows.iter().enumerate().filter(|(nth, _)| !gap.contains(nth));
    let table: Vec<_> = std::iter::once(head).chain(shown.map(|(_, row)| row.cells(heap))).collect();
    let columns = table.first().map_or(0, Vec::len);
    let widths: Vec<_> =
        (0..columns).map(|column| table.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    for (nth, row) in table.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            3 if heap => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        writeln!(f, "        {}", cells.collect::<Vec<_>>().join("  "))?;
        if nth == HEAD && !gap.is_empty() {
            let left_out: usize = rows[gap.clone()].iter().map(|row| row.rounds.len()).sum();
            writeln!(f, "        … {} more rounds, listed in the JSON report", GroupedDigits(left_out as u64))?;
        }
    }
    Ok(())
}

/// A figure of the rounds, its trend, and how an amount of it is written.
struct GrowthFigure {
    trend: Trend,
    of: fn(&Round) -> Option<Span>,
    amount: fn(i64) -> String,
}

fn write_trends(f: &mut Formatter<'_>, growth: &Growth) -> fmt::Result {
    let rounds = &growth.rounds;
    if growth.linear == Trend::TooFewRounds {
        let count = rounds.len() as u64;
        let are = plural(count, "round is", "rounds are");
        return writeln!(f, "    {} {are} too few to tell a trend: {LEAST} are needed", GroupedDigits(count));
    }
    let mut line = |name, figures: &[GrowthFigure]| writeln!(f, "    {name}: {}", Words { figures, rounds });
    let bytes = |trend| GrowthFigure { trend, of: |round| round.heap_bytes, amount: |by| amount(by, "byte", "bytes") };
    let blocks =
        |trend| GrowthFigure { trend, of: |round| round.heap_blocks, amount: |by| amount(by, "block", "blocks") };
    match (growth.heap_bytes, growth.heap_blocks) {
        (Some(Trend::Steady { warm_up, each }), Some(Trend::Steady { warm_up: same, each: in_each }))
            if warm_up == same =>
        {
            let trend = |each| Trend::Steady { warm_up, each };
            line("heap", &[bytes(trend(each)), blocks(trend(in_each))])?;
        }
        (Some(of_bytes), Some(of_blocks)) => {
            line("heap bytes", &[bytes(of_bytes)])?;
            line("heap blocks", &[blocks(of_blocks)])?;
        }
        _ => line("heap", &[])?,
    }
    let linear = |by: i64| format!("{}{}", sign(by), Bytes(by.unsigned_abs()));
    line("linear memory", &[GrowthFigure { trend: growth.linear, of: |round| Some(round.linear), amount: linear }])?;
    let handles = |by| amount(by, "descriptor", "descriptors");
    line("handles", &[GrowthFigure { trend: growth.handles, of: |round| Some(round.handles), amount: handles }])
}

/// What is said of figures with the same trend. Several figures share a sentence only if the trend is steady.
struct Words<'a> {
    figures: &'a [GrowthFigure],
    rounds: &'a [Round],
}

impl Words<'_> {
    fn amounts(&self, f: &mut Formatter<'_>, by: impl Fn(&GrowthFigure) -> i64) -> fmt::Result {
        let amounts: Vec<_> = self.figures.iter().map(|figure| (figure.amount)(by(figure))).collect();
        f.write_str(&amounts.join(", "))
    }
}

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let all = self.rounds.len();
        match self.figures.first().map(|figure| figure.trend) {
            None if self.rounds.iter().any(|round| round.heap_bytes.is_some()) => {
                f.write_str("not tracked in some rounds")
            }
            None => f.write_str("not tracked"),
            Some(Trend::TooFewRounds) => f.write_str("too few rounds"),
            Some(Trend::Irregular { grew_in, in_all }) => {
                write!(
                    f,
                    "irregular, grew in {} of {} rounds, ",
                    GroupedDigits(grew_in.into()),
                    GroupedDigits(all as u64)
                )?;
                self.amounts(f, |_| in_all)?;
                f.write_str(" in all")
            }
            Some(Trend::Steady { warm_up, .. }) => {
                let each = |figure: &GrowthFigure| if let Trend::Steady { each, .. } = figure.trend { each } else { 0 };
                let grows = self.figures.iter().any(|figure| each(figure) != 0);
                let warm_up = usize::try_from(warm_up).unwrap_or(all).min(all);
                if grows {
                    self.amounts(f, each)?;
                    write!(f, " in each of {}", Numbers(warm_up + 1, all))?;
                } else if warm_up == 0 {
                    return f.write_str("no growth");
                } else {
                    write!(f, "no growth in {}", Numbers(warm_up + 1, all))?;
                }
                if warm_up == 0 {
                    return Ok(());
                }
                write!(f, ", after a warm-up ({}) of ", Numbers(1, warm_up))?;
                let warm = &self.rounds[..warm_up];
                self.amounts(f, |figure| {
                    let grown = warm.iter().filter_map(figure.of).map(Span::growth);
                    grown.fold(0, i64::saturating_add)
                })
            }
        }
    }
}

/// `round 1`, `rounds 2 to 50`.
struct Numbers(usize, usize);

impl Display for Numbers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(first, last) = *self;
        if first == last {
            write!(f, "round {}", GroupedDigits(first as u64))
        } else {
            write!(f, "rounds {} to {}", GroupedDigits(first as u64), GroupedDigits(last as u64))
        }
    }
}

fn sign(by: i64) -> &'static str {
    match by {
        ..0 => "-",
        0 => "",
        1.. => "+",
    }
}

/// `+1 block`, `-48 bytes`.
fn amount(by: i64, one: &str, many: &str) -> String {
    let size = by.unsigned_abs();
    format!("{}{} {}", sign(by), GroupedDigits(size), plural(size, one, many))
}

/// An amount of linear memory in pages, of which it always is a whole number.
fn pages(bytes: u64) -> String {
    if bytes.is_multiple_of(PAGE) { GroupedDigits(bytes / PAGE).to_string() } else { PlainBytes(bytes).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    /// Rounds that left these blocks and bytes, pages and handles.
    fn rounds(left: impl IntoIterator<Item = (u64, u64, u64, u64)>) -> Vec<Round> {
        let mut at = (0, 0, 17 << 16, 3);
        let next = |(blocks, bytes, pages, handles): (u64, u64, u64, u64)| {
            let after = (at.0 + blocks, at.1 + bytes, at.2 + (pages << 16), at.3 + handles);
            let round = Round {
                heap_blocks: Some((at.0, after.0).into()),
                heap_bytes: Some((at.1, after.1).into()),
                linear: (at.2, after.2).into(),
                handles: (at.3, after.3).into(),
            };
            at = after;
            round
        };
        left.into_iter().map(next).collect()
    }

    fn table(growth: &Growth) -> String {
        GrowthTable { test: "tests::reads_all", growth, why_unknown: true, styles: &Styles::default() }.to_string()
    }

    fn judged(rounds: Vec<Round>) -> String {
        table(&Growth::judge(rounds))
    }

    #[test]
    fn a_static_cache_that_grows() {
        let page = |nth| u64::from(nth == 30);
        let steady = (2..=50).map(|nth| (1, 48, page(nth), 0));
        let growth = Growth::judge(rounds([(2, 1072, 1, 0)].into_iter().chain(steady)));
        assert_snapshot!(table(&Growth { sites: vec![samples::blocks(1, 48)], ..growth }));
    }

    #[test]
    fn a_test_that_keeps_nothing() {
        assert_snapshot!(judged(rounds([(0, 0, 0, 0); 10])));
        assert_snapshot!(judged(rounds([(3, 1072, 2, 0), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0)])));
    }

    #[test]
    fn growth_that_is_not_steady() {
        let bytes = |nth: u64| if nth.is_power_of_two() { nth * 8 } else { 0 };
        assert_snapshot!(judged(rounds((1..=50).map(|nth| (1, bytes(nth), 0, nth % 2)))));
    }

    #[test]
    fn a_long_table_is_cut_and_counts_what_it_leaves_out() {
        let text = judged(rounds((1..=1200).map(|nth| (1, nth / 2, 0, 0))));
        assert!(text.contains("\n        … 1,172 more rounds, listed in the JSON report\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains("+1 block")).count(), HEAD + TAIL + 1, "{text}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_snapshot!(judged(rounds([(1, 8, 0, 0), (1, 8, 0, 0)])));
        let untracked = |round: Round| Round { heap_blocks: None, heap_bytes: None, ..round };
        let mut mixed = rounds([(1, 8, 1, 1), (1, 8, 1, 1), (1, 8, 1, 1)]);
        let all = mixed.iter().cloned().map(untracked).collect();
        assert_snapshot!(judged(all));
        mixed[2] = untracked(mixed[2].clone());
        assert_snapshot!(judged(mixed));
    }

    #[test]
    fn what_shrinks_has_its_sign() {
        let round = Round {
            heap_blocks: Some((5, 4).into()),
            heap_bytes: Some((1048, 1000).into()),
            linear: (100, 100).into(),
            handles: (2, 1).into(),
        };
        assert_snapshot!(judged(vec![round; 3]));
    }

    proptest! {
        #[test]
        fn any_table_is_drawn(growth in samples::any_growth(), warm_up: u32) {
            let steady = Trend::Steady { warm_up, each: i64::MIN };
            let read = Growth { linear: steady, heap_bytes: Some(steady), ..growth.clone() };
            for growth in [growth, read] {
                let text = table(&growth);
                prop_assert!(text.lines().all(|line| line.starts_with("    ")), "{}", text);
            }
        }
    }
}
