//! What was left, as trees: by who holds it, and by where it was acquired. Each tree is a flame graph for the eye. Below it
//! are the same figures as a list that opens and closes, for the keyboard and for screen readers.

use super::Html;
use crate::model::resource::HeldBy;
use crate::model::safe_text::OneLine;
use crate::model::{Frame, Report, Resource, ResourceKind};
use crate::report::console::GroupedDigits;
use std::collections::BTreeMap;
use std::fmt::{self, Formatter, Write};

/// The width of a graph, in its own units.
const WIDTH: u64 = 1_000;
/// The height of one level.
const LEVEL: u64 = 18;
/// The width of a character, as well as it can be known.
const CHARACTER: u64 = 7;
/// The deepest level that is drawn and listed. Stacks are less deep.
const DEEPEST: usize = 48;
/// Most branches of one node that are listed; the others are counted.
const LISTED: usize = 50;

/// A node of a tree. The nodes below it have together at most its weight.
#[derive(Default)]
struct Node {
    weight: u64,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn add(&mut self, path: impl IntoIterator<Item = String>, weight: u64) {
        self.weight = self.weight.saturating_add(weight);
        let mut node = self;
        for name in path.into_iter().take(DEEPEST) {
            node = node.children.entry(name).or_default();
            node.weight = node.weight.saturating_add(weight);
        }
    }

    /// The nodes below, the heaviest first; nodes of the same weight by name.
    fn by_weight(&self) -> Vec<(&str, &Self)> {
        let mut children: Vec<_> = self.children.iter().map(|(name, node)| (name.as_str(), node)).collect();
        children.sort_by_key(|(_, node)| std::cmp::Reverse(node.weight));
        children
    }

    fn depth(&self) -> usize {
        1 + self.children.values().map(Self::depth).max().unwrap_or(0)
    }
}

/// A tree with its title.
struct Tree {
    id: &'static str,
    title: &'static str,
    unit: [&'static str; 2],
    root: Node,
}

pub(super) fn write(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    f.write_str("<section aria-labelledby=\"left\">\n<h2 id=\"left\">What was left</h2>\n")?;
    let trees = trees(report);
    if trees.iter().all(|tree| tree.root.weight == 0) {
        f.write_str("<p>Nothing.</p>\n")?;
    }
    for tree in trees.iter().filter(|tree| tree.root.weight > 0) {
        let Tree { id, title, root, .. } = tree;
        write!(
            f,
            "<section class=\"tree\" aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{title}: {}</h3>\n",
            tree.amount(root.weight)
        )?;
        tree.write_flames(f)?;
        f.write_str("<ul>\n")?;
        tree.write_list(f, root)?;
        f.write_str("</ul>\n</section>\n")?;
    }
    f.write_str("</section>\n")
}

fn trees(report: &Report) -> Vec<Tree> {
    let bytes = ["byte", "bytes"];
    let tree = |id, title, unit| Tree { id, title, unit, root: Node::default() };
    let mut lost = [tree("lost-owner", "Lost heap by owner", bytes), tree("lost-site", "Lost heap by place", bytes)];
    let mut kept =
        [tree("kept-owner", "Retained heap by owner", bytes), tree("kept-site", "Retained heap by place", bytes)];
    let mut open = tree("open-site", "Left open or not ended, by place", ["resource", "resources"]);
    let details =
        report.canonical.modules.iter().flat_map(|module| &module.tests).filter_map(|test| test.details.as_ref());
    for details in details {
        for leak in &details.leaks {
            if leak.kind == ResourceKind::Heap {
                add_blocks(&mut lost, leak);
            } else {
                let kind = leak.kind.noun(1).to_owned();
                open.root.add([kind].into_iter().chain(path(&leak.stack)), leak.count);
            }
        }
        details.retained.iter().for_each(|blocks| add_blocks(&mut kept, blocks));
    }
    let ([lost_owner, lost_site], [kept_owner, kept_site]) = (lost, kept);
    vec![lost_owner, lost_site, kept_owner, kept_site, open]
}

fn add_blocks([by_owner, by_site]: &mut [Tree; 2], blocks: &Resource) {
    for at in blocks.by_place() {
        by_site.root.add(path(at.stack), at.bytes);
        let place = Frame::innermost_own(at.stack).map_or_else(|| "a place that is not known".to_owned(), name);
        by_owner.root.add(owner(blocks).into_iter().chain([place]), at.bytes);
    }
}

/// Who holds the blocks, as far as the report knows, and the type that owns them.
fn owner(blocks: &Resource) -> Vec<String> {
    let known = blocks.blocks.as_deref();
    let keeper = known.and_then(|blocks| blocks.kept_by.as_ref()).map(|keeper| {
        let frame =
            Frame { function: keeper.name.clone(), file: keeper.file.clone(), line: keeper.line, ..Frame::default() };
        name(&frame)
    });
    let holder = known.and_then(|blocks| blocks.held_by).map(|holder| match holder {
        HeldBy::Nobody => "nobody holds them".to_owned(),
        HeldBy::EachOther => "they hold each other".to_owned(),
        HeldBy::Several => "several lost blocks hold them".to_owned(),
    });
    let owner = keeper.or(holder).unwrap_or_else(|| "who holds them is not known".to_owned());
    let type_name = known.and_then(|blocks| blocks.type_name.as_deref()).map(|name| OneLine(name).to_string());
    [owner].into_iter().chain(type_name).collect()
}

/// The names of a stack's frames, the outermost call first.
fn path(stack: &[Frame]) -> Vec<String> {
    if stack.is_empty() {
        return vec!["a place that is not known".to_owned()];
    }
    stack.iter().rev().map(name).collect()
}

/// `parse::header src/parse.rs:7`.
fn name(frame: &Frame) -> String {
    let mut text = OneLine(&frame.function).to_string();
    if let Some(file) = &frame.file {
        write!(text, " {}", OneLine(file)).expect("a string takes everything");
    }
    if let (Some(_), Some(line)) = (&frame.file, frame.line) {
        write!(text, ":{line}").expect("a string takes everything");
    }
    text
}

impl Tree {
    fn amount(&self, weight: u64) -> String {
        let [one, many] = self.unit;
        format!("{} {}", GroupedDigits(weight), if weight == 1 { one } else { many })
    }

    /// Draws the graph, with the root at the top. A node that is too narrow to be seen is not drawn; the list has it.
    fn write_flames(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let height = LEVEL * self.root.depth() as u64;
        writeln!(
            f,
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Flame graph; the list below has the same figures\">"
        )?;
        self.write_node(f, "all", &self.root, (0, WIDTH), 0)?;
        f.write_str("</svg>\n")
    }

    fn write_node(
        &self,
        f: &mut Formatter<'_>,
        name: &str,
        node: &Node,
        (left, width): (u64, u64),
        level: u64,
    ) -> fmt::Result {
        let (y, text_y) = (level * LEVEL, level * LEVEL + 13);
        let title = format!("{name}: {}", self.amount(node.weight));
        let room = usize::try_from(width / CHARACTER).unwrap_or(0);
        write!(
            f,
            "<g><title>{}</title><rect class=\"heat{}\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{}\"/>",
            Html(&title),
            level % 4,
            LEVEL - 1
        )?;
        if room > 3 {
            let shown: String = if name.chars().count() > room {
                name.chars().take(room - 1).chain(['…']).collect()
            } else {
                name.to_owned()
            };
            write!(f, "<text x=\"{}\" y=\"{text_y}\">{}</text>", left + 3, Html(&shown))?;
        }
        f.write_str("</g>\n")?;
        let mut at = left;
        for (name, child) in node.by_weight() {
            let share = u128::from(width) * u128::from(child.weight) / u128::from(node.weight.max(1));
            let width = u64::try_from(share).unwrap_or(WIDTH);
            if width == 0 {
                break;
            }
            self.write_node(f, name, child, (at, width), level + 1)?;
            at += width;
        }
        Ok(())
    }

    fn write_list(&self, f: &mut Formatter<'_>, node: &Node) -> fmt::Result {
        let children = node.by_weight();
        let (listed, others) = children.split_at(children.len().min(LISTED));
        for (name, child) in listed {
            let amount = self.amount(child.weight);
            if child.children.is_empty() {
                writeln!(f, "<li><span>{}</span> <b>{amount}</b></li>", Html(name))?;
                continue;
            }
            writeln!(f, "<li><details><summary><span>{}</span> <b>{amount}</b></summary><ul>", Html(name))?;
            self.write_list(f, child)?;
            f.write_str("</ul></details></li>\n")?;
        }
        if !others.is_empty() {
            let weight = others.iter().map(|(_, child)| child.weight).fold(0, u64::saturating_add);
            writeln!(f, "<li>and {} more: <b>{}</b></li>", GroupedDigits(others.len() as u64), self.amount(weight))?;
        }
        Ok(())
    }
}
