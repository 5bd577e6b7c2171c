//! Tables of figures, with their columns aligned.

use super::super::super::diff::{Amount, ComparedFigure};
use super::super::units::GroupedDigits;
use std::fmt::{self, Display, Formatter};

/// The widest name, in characters, that has its figures beside it. The figures of a longer name are on the next line.
const NAME_WIDTH: usize = 60;

/// The names of a table's columns after the first.
const COLUMNS: [&str; 3] = ["base", "new", "delta"];

/// A table of `name | base | new | delta`, with a line for each row.
pub(super) struct DiffTable {
    /// The head of the first column: what kind of thing has these names.
    pub of: &'static str,
    pub rows: Vec<TableRow>,
}

/// A line of the table: what the figures are, whose they are, and the figures.
pub(super) struct TableRow {
    pub label: &'static str,
    pub name: String,
    figures: [String; 3],
}

impl TableRow {
    /// A row for these amounts. The name is printed as it is, so it has to be sanitised.
    pub fn new(figure: ComparedFigure, name: String, old: Amount, new: Amount) -> Self {
        let bound = |amount: Amount| Bound::for_figure(figure).filter(|_| amount.bound);
        let figures = [shown(bound(old), old), shown(bound(new), new), delta(bound(old), bound(new), old, new)];
        Self { label: label(figure), name, figures }
    }

    /// A row for two exact figures under this label. The name is printed as it is, so it has to be sanitised.
    pub fn exact(label: &'static str, name: String, old: u64, new: u64) -> Self {
        Self {
            label,
            name,
            figures: [GroupedDigits(old).to_string(), GroupedDigits(new).to_string(), signed(old, new)],
        }
    }
}

/// The word that stands before a figure.
pub(super) fn label(figure: ComparedFigure) -> &'static str {
    match figure {
        ComparedFigure::Lost => "LOST",
        ComparedFigure::Retained => "RETAINED",
        ComparedFigure::Peak => "PEAK",
    }
}

impl Display for DiffTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Widths are in characters. Names in scripts of double width are not aligned exactly.
        let width = |text: &str| text.chars().count();
        let beside = self.rows.iter().map(|row| width(&row.name)).filter(|width| *width <= NAME_WIDTH);
        let name_width = beside.chain([width(self.of)]).max().unwrap_or_default();
        let widths: [usize; 3] = std::array::from_fn(|column| {
            let figures = self.rows.iter().map(|row| width(&row.figures[column]));
            figures.chain([width(COLUMNS[column])]).max().unwrap_or_default()
        });
        let head = TableRow { label: "", name: self.of.to_owned(), figures: COLUMNS.map(str::to_owned) };
        for TableRow { label, name, figures: [old, new, delta] } in std::iter::once(&head).chain(&self.rows) {
            let [w0, w1, w2] = widths;
            let name = if width(name) > NAME_WIDTH {
                writeln!(f, "{label:>12} {name}")?;
                write!(f, "{:12}", "")?;
                ""
            } else {
                write!(f, "{label:>12}")?;
                name
            };
            writeln!(f, " {name:name_width$} | {old:>w0$} | {new:>w1$} | {delta:>w2$}")?;
        }
        Ok(())
    }
}

/// Which bound a figure is that is not exact.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast,
    AtMost,
}

impl Bound {
    /// The bound that a figure of this kind can be. A peak is never a bound.
    fn for_figure(figure: ComparedFigure) -> Option<Self> {
        match figure {
            ComparedFigure::Lost => Some(Self::AtLeast),
            ComparedFigure::Retained => Some(Self::AtMost),
            ComparedFigure::Peak => None,
        }
    }

    fn sign(bound: Option<Self>) -> &'static str {
        match bound {
            Some(Self::AtLeast) => "≥ ",
            Some(Self::AtMost) => "≤ ",
            None => "",
        }
    }

    /// The bound of a difference, if the figure that is subtracted is this bound.
    fn turned(self) -> Self {
        match self {
            Self::AtLeast => Self::AtMost,
            Self::AtMost => Self::AtLeast,
        }
    }
}

fn shown(bound: Option<Bound>, Amount { bytes, blocks, .. }: Amount) -> String {
    let blocks = blocks.map(|blocks| format!(" ({})", GroupedDigits(blocks))).unwrap_or_default();
    format!("{}{}{blocks}", Bound::sign(bound), GroupedDigits(bytes))
}

fn delta(of_old: Option<Bound>, of_new: Option<Bound>, old: Amount, new: Amount) -> String {
    let bound = match (of_old, of_new) {
        // Both figures are bounds on the same side: nothing is known of their difference.
        (Some(_), Some(_)) => return "not known".to_owned(),
        (Some(old), None) => Some(old.turned()),
        (None, new) => new,
    };
    let blocks = match (old.blocks, new.blocks) {
        (Some(old), Some(new)) => format!(" ({})", signed(old, new)),
        _ => String::new(),
    };
    format!("{}{}{blocks}", Bound::sign(bound), signed(old.bytes, new.bytes))
}

/// `+48`, `-1,024`, `0`.
pub(super) fn signed(old: u64, new: u64) -> String {
    let sign = match old.cmp(&new) {
        std::cmp::Ordering::Less => "+",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "-",
    };
    format!("{sign}{}", GroupedDigits(old.abs_diff(new)))
}
