//! What is said of heap blocks beside their number and place: who holds them, what only they reach, and how a cycle is broken.

use super::sanitise::OneLine;
use super::units::{GroupedDigits, PlainBytes, plural};
use crate::model::resource::{BlocksRecord, HeldBy, LastPointerRecord, RingRecord, VariableRecord};
use crate::model::{Frame, Resource};
use std::fmt::{self, Display, Formatter};

/// Most places that are named of the blocks that an entry reaches. The JSON report has all of them.
const MAX_REACHED: usize = 4;

/// The title of blocks that are a cycle: `reference cycle of 3 heap blocks`, `3 heap blocks that hold each other`. `None`
/// for other blocks.
pub(super) fn cycle_title(resource: &Resource) -> Option<String> {
    let blocks = resource.blocks.as_deref().filter(|blocks| blocks.held_by == Some(HeldBy::EachOther))?;
    let (count, cycles) = (resource.count, blocks.cycles);
    // The steps of a ring have types of their own.
    let of_type = if blocks.ring.len() > 1 { String::new() } else { TypeText(resource).to_string() };
    let (number, noun) = (GroupedDigits(count), format!("{}{of_type}", resource.kind.noun(count)));
    Some(match cycles {
        1 if count == 1 => format!("{noun} that holds itself"),
        _ if count == cycles => format!("{number} {noun} that hold themselves"),
        1 if blocks.mended_by_weak => format!("reference cycle of {number} {noun}"),
        1 => format!("{number} {noun} that hold each other"),
        _ if blocks.mended_by_weak => format!("{} reference cycles of {number} {noun}", GroupedDigits(cycles)),
        _ => format!("{number} {noun} that hold each other in {} groups", GroupedDigits(cycles)),
    })
}

/// The type of the blocks in a title: `` `Vec<String>` ``, after a space. Nothing if it is not known, or not the same for all.
pub(super) struct TypeText<'a>(pub &'a Resource);

impl Display for TypeText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.blocks.as_deref().and_then(|blocks| blocks.type_name.as_deref()) {
            Some(name) => write!(f, " `{}`", OneLine(name)),
            None => Ok(()),
        }
    }
}

/// What follows the figures in a title: ` at 3,001 depths of a recursion, and 5 blocks (96 bytes) that only it reaches`.
pub(super) struct Shape<'a>(pub &'a Resource);

impl Display for Shape<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(blocks) = self.0.blocks.as_deref() else { return Ok(()) };
        let BlocksRecord { held_by, depths, cycles, .. } = blocks;
        if *depths > 1 {
            write!(f, " at {} depths of a recursion", GroupedDigits(*depths))?;
        }
        if *held_by == Some(HeldBy::Several) {
            f.write_str(", which several of these hold")?;
        }
        let (count, bytes) = self.0.reached();
        if count > 0 {
            let one = self.0.count == 1 || *cycles == 1;
            let (noun, who) = (plural(count, "block", "blocks"), if one { "it reaches" } else { "they reach" });
            // A variable is not the only holder: another one may keep the same blocks.
            let only = if held_by.is_some() { "only " } else { "" };
            write!(f, ", and {} {noun} ({}) that {only}{who}", GroupedDigits(count), PlainBytes(bytes))?;
        }
        Ok(())
    }
}

/// The steps of a ring: ``each holds the next: `Rc` src/shared.rs:17 -> src/shared.rs:25 -> the first``.
pub(super) struct RingText<'a>(pub &'a BlocksRecord);

impl Display for RingText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let BlocksRecord { ring, ring_omitted, .. } = self.0;
        f.write_str("each holds the next: ")?;
        for (nth, step) in ring.iter().enumerate() {
            if *ring_omitted > 0 && nth + 1 == ring.len() {
                let places = plural(*ring_omitted, "place", "places");
                write!(f, "… {} more {places} -> ", GroupedDigits(*ring_omitted))?;
            }
            write!(f, "{} -> ", RingStep(step))?;
        }
        f.write_str("the first")
    }
}

/// `its last pointer in memory was overwritten at src/pages.rs:31 in print`. Nothing where there is nothing to tell.
pub(super) struct LastPointerText<'a>(pub &'a Resource);

impl LastPointerText<'_> {
    /// Whether there is something to tell.
    pub(super) fn is_told(&self) -> bool {
        self.record().is_some_and(|last| last.at.is_some() || last.why.is_some())
    }

    fn record(&self) -> Option<&LastPointerRecord> {
        self.0.blocks.as_deref()?.last_pointer.as_ref()
    }
}

impl Display for LastPointerText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (Some(last), Some(blocks)) = (self.record(), self.0.blocks.as_deref()) else { return Ok(()) };
        let whose = match (blocks.held_by == Some(HeldBy::EachOther), blocks.cycles, self.0.count) {
            (true, _, 1) => "its last pointer from outside",
            (true, 0 | 1, _) => "the last pointer to them from outside",
            (true, ..) => "the last pointer from outside to the first of them",
            (false, _, 1) => "its last pointer in memory",
            (false, ..) => "the last pointer in memory to the first of them",
        };
        if let Some(why) = &last.why {
            return write!(f, "when {whose} went is not known: {}", OneLine(why));
        }
        let Some(how) = last.went.words() else { return Ok(()) };
        write!(f, "{whose} {how}")?;
        match &last.at {
            Some(at) if at.file.is_some() && at.line.is_some() => {
                write!(f, " at {} in {}", ShortPlace(Some(at)), OneLine(&at.function))
            }
            Some(at) => write!(f, " in {}", OneLine(&at.function)),
            None => Ok(()),
        }
    }
}

/// `kept by semver::cache::KNOWN, src/cache.rs:4`.
pub(super) struct KeeperText<'a>(pub &'a VariableRecord);

impl Display for KeeperText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "kept by {}", VariableText(self.0))
    }
}

/// `semver::cache::KNOWN, src/cache.rs:4`.
pub(super) struct VariableText<'a>(pub &'a VariableRecord);

impl Display for VariableText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let VariableRecord { name, file, line, .. } = self.0;
        write!(f, "{}", OneLine(name))?;
        match (file, line) {
            (Some(file), Some(line)) => write!(f, ", {}:{line}", OneLine(file)),
            (Some(file), None) => write!(f, ", {}", OneLine(file)),
            (None, _) => Ok(()),
        }
    }
}

/// `reaching 50 of src/cache.rs:17, 1 of src/cache.rs:24`.
pub(super) struct ReachText<'a>(pub &'a BlocksRecord);

impl Display for ReachText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Places on the same line count as one here, whichever code called that line.
        let mut places: Vec<(String, u64)> = Vec::new();
        for placed in &self.0.reaches {
            let mut text = ShortPlace(Frame::innermost_own(&placed.stack)).to_string();
            if let Some(name) = &placed.type_name {
                text = format!("`{}` {text}", OneLine(name));
            }
            match places.iter().position(|(known, _)| *known == text) {
                Some(at) => places[at].1 = places[at].1.saturating_add(placed.count),
                None if places.len() <= MAX_REACHED => places.push((text, placed.count)),
                None => {}
            }
        }
        f.write_str("reaching")?;
        for (nth, (text, count)) in places.iter().take(MAX_REACHED).enumerate() {
            write!(f, "{} {} of {text}", if nth == 0 { "" } else { "," }, GroupedDigits(*count))?;
        }
        f.write_str(if places.len() > MAX_REACHED { ", …" } else { "" })
    }
}

/// `` `Rc` src/shared.rs:17 (2 blocks) ``.
struct RingStep<'a>(&'a RingRecord);

impl Display for RingStep<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RingRecord { count, type_name, at } = self.0;
        if let Some(name) = type_name {
            write!(f, "`{}` ", OneLine(name))?;
        }
        write!(f, "{}", ShortPlace(at.as_ref()))?;
        if *count > 1 { write!(f, " ({} blocks)", GroupedDigits(*count)) } else { Ok(()) }
    }
}

/// A place in few words: its line, or its function if the line is not known.
struct ShortPlace<'a>(Option<&'a Frame>);

impl Display for ShortPlace<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Frame { file: Some(file), line: Some(line), .. }) => write!(f, "{}:{line}", OneLine(file)),
            Some(frame) => write!(f, "{}", OneLine(&frame.function)),
            None => f.write_str("a place that is not known"),
        }
    }
}

/// What to do about blocks, if their shape tells; otherwise `None`.
pub(super) fn advice(resource: &Resource) -> Option<String> {
    let blocks = resource.blocks.as_deref().filter(|blocks| blocks.mended_by_weak)?;
    let [first, .., last] = &blocks.ring[..] else {
        let which = if resource.count == blocks.cycles { "the reference to itself" } else { "one of these references" };
        return Some(format!("make {which} a `Weak`"));
    };
    let [first, last] = [first, last].map(|step| ShortPlace(step.at.as_ref()).to_string());
    Some(format!("make one of these references a `Weak`, such as that from {last} back to {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::PointerWent;
    use crate::model::samples;

    fn with(count: u64, record: BlocksRecord) -> Resource {
        Resource { blocks: Some(Box::new(record)), ..samples::blocks(count, count * 8) }
    }

    #[test]
    fn a_cycle_is_called_what_it_is() {
        let cycle = |count, cycles, mended_by_weak| {
            let record =
                BlocksRecord { held_by: Some(HeldBy::EachOther), cycles, mended_by_weak, ..BlocksRecord::default() };
            cycle_title(&with(count, record)).unwrap()
        };
        assert_eq!(cycle(1, 1, true), "heap block that holds itself");
        assert_eq!(cycle(2, 2, true), "2 heap blocks that hold themselves");
        assert_eq!(cycle(3, 1, true), "reference cycle of 3 heap blocks");
        assert_eq!(cycle(3, 1, false), "3 heap blocks that hold each other");
        assert_eq!(cycle(3000, 1000, true), "1,000 reference cycles of 3,000 heap blocks");
        assert_eq!(cycle(30, 10, false), "30 heap blocks that hold each other in 10 groups");
        assert_eq!(cycle_title(&samples::blocks(3, 24)), None);
        let (held_by, type_name) = (Some(HeldBy::EachOther), Some("Rc<Node>\x1b".to_owned()));
        let record = BlocksRecord { held_by, type_name, cycles: 1, mended_by_weak: true, ..BlocksRecord::default() };
        assert_eq!(cycle_title(&with(2, record)).unwrap(), "reference cycle of 2 heap blocks `Rc<Node>\\u{1b}`");
    }

    #[test]
    fn a_type_is_told_with_the_blocks_that_have_it() {
        let record = BlocksRecord { type_name: Some("Vec<String>\x1b".to_owned()), ..BlocksRecord::default() };
        let title = super::super::resources::Title(&with(2, record)).to_string();
        assert_eq!(title, "2 heap blocks `Vec<String>\\u{1b}` (16 bytes)");
    }

    #[test]
    fn a_ring_is_told_step_by_step() {
        let mut cycle = samples::cycle();
        let blocks = cycle.blocks.as_mut().unwrap();
        assert_eq!(
            RingText(blocks).to_string(),
            "each holds the next: `Rc` src/shared.rs:17 -> src/shared.rs:25 -> `Rc` src/shared.rs:24 -> the first"
        );
        (blocks.ring_omitted, blocks.ring[1].count) = (7, 20);
        blocks.ring[2] = RingRecord { count: 1, type_name: Some("\x1b".into()), at: None };
        assert!(RingText(blocks).to_string().ends_with(
            "src/shared.rs:25 (20 blocks) -> … 7 more places -> `\\u{1b}` a place that is not known -> the first"
        ));
    }

    #[test]
    fn advice_names_the_two_between_which_a_reference_is_to_be_weak() {
        assert_eq!(
            advice(&samples::cycle()).unwrap(),
            "make one of these references a `Weak`, such as that from src/shared.rs:24 back to src/shared.rs:17"
        );
        let step = RingRecord { count: 3, ..RingRecord::default() };
        let one_place = |count, cycles| {
            let (ring, held_by) = (vec![step.clone()], Some(HeldBy::EachOther));
            with(count, BlocksRecord { held_by, cycles, ring, mended_by_weak: true, ..BlocksRecord::default() })
        };
        assert_eq!(advice(&one_place(3, 1)).unwrap(), "make one of these references a `Weak`");
        assert_eq!(advice(&one_place(3, 3)).unwrap(), "make the reference to itself a `Weak`");
        assert_eq!(advice(&samples::blocks(1, 8)), None);
    }

    #[test]
    fn a_last_pointer_is_told_with_how_it_went_and_where() {
        let told = |count, held_by, cycles, last: LastPointerRecord| {
            let record = BlocksRecord { held_by, cycles, last_pointer: Some(last), ..BlocksRecord::default() };
            let entry = with(count, record);
            let text = LastPointerText(&entry);
            if text.is_told() { text.to_string() } else { String::new() }
        };
        let (nobody, each_other) = (Some(HeldBy::Nobody), Some(HeldBy::EachOther));
        let at = |file: Option<&str>| {
            let frame = Frame::new("mine::print\x1b");
            Some(file.map_or(frame.clone(), |file| frame.at(file, 31)))
        };
        let went = |went, file| LastPointerRecord::new(went, at(file));
        assert_eq!(
            told(1, nobody, 0, went(PointerWent::Overwritten, Some("src/pages.rs"))),
            "its last pointer in memory was overwritten at src/pages.rs:31 in mine::print\\u{1b}"
        );
        assert_eq!(
            told(3, nobody, 0, went(PointerWent::Freed, None)),
            "the last pointer in memory to the first of them was in a block that was freed in mine::print\\u{1b}"
        );
        assert_eq!(
            told(1, each_other, 1, LastPointerRecord::not_known("it differed\x1b")),
            "when its last pointer from outside went is not known: it differed\\u{1b}"
        );
        assert!(
            told(4, each_other, 2, went(PointerWent::OutOfScope, None))
                .starts_with("the last pointer from outside to the")
        );
        assert_eq!(told(1, nobody, 0, LastPointerRecord::new(PointerWent::NeverInMemory, None)), "");
    }

    #[test]
    fn a_keeper_is_named_with_its_line() {
        let kept = samples::kept();
        let blocks = kept.blocks.as_deref().unwrap();
        assert_eq!(KeeperText(blocks.kept_by.as_ref().unwrap()).to_string(), "kept by mine::CACHE, src/cache.rs:4");
        assert_eq!(Shape(&kept).to_string(), ", and 2 blocks (11 bytes) that it reaches");
        assert_eq!(ReachText(blocks).to_string(), "reaching 1 of src/shared.rs:16, 1 of src/shared.rs:22");
        let name = "a\x1b".to_owned();
        let variable = VariableRecord { name, file: None, line: Some(7), library: None };
        assert_eq!(KeeperText(&variable).to_string(), "kept by a\\u{1b}");
    }

    #[test]
    fn a_long_list_of_what_is_reached_is_cut() {
        let placed = |line| {
            let mut placed = samples::cycle().blocks.unwrap().reaches.remove(0);
            placed.stack[0].line = Some(line);
            placed
        };
        let record = BlocksRecord { reaches: [1, 2, 1, 3, 4, 5, 6, 5].map(placed).into(), ..BlocksRecord::default() };
        let file = "src/shared.rs";
        assert_eq!(
            ReachText(&record).to_string(),
            format!("reaching 2 of {file}:1, 1 of {file}:2, 1 of {file}:3, 1 of {file}:4, …")
        );
    }

    #[test]
    fn what_only_a_head_reaches_is_told_with_it() {
        let reaches = samples::cycle().blocks.unwrap().reaches;
        let head = |count| {
            let (held_by, reaches) = (Some(HeldBy::Nobody), reaches.clone());
            Shape(&with(count, BlocksRecord { held_by, reaches, ..BlocksRecord::default() })).to_string()
        };
        assert_eq!(head(1), ", and 2 blocks (11 bytes) that only it reaches");
        assert_eq!(head(2), ", and 2 blocks (11 bytes) that only they reach");
        let deep = BlocksRecord { depths: 3001, held_by: Some(HeldBy::Several), ..BlocksRecord::default() };
        assert_eq!(Shape(&with(2, deep)).to_string(), " at 3,001 depths of a recursion, which several of these hold");
    }
}
