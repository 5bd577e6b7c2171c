//! The places at which blocks were allocated. Places that look the same to a reader are one.

use super::bounds::{Room, bytes_of_stack};
use crate::ledger::Stack;
use crate::ledger::heap::Block;
use crate::ledger::heap::sites::PlacedBlock;
use crate::model::Frame;
use crate::sandbox::BlockScopes;
use crate::sandbox::rerun::AllocationStacks;
use crate::symbols::{AllocatedFor, CountedPointer, ElementType, Symbols};
use std::collections::HashMap;

/// A place at which blocks were allocated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllocationPlace {
    /// The stack of the first block from this place; `None` if no stack was recorded.
    pub stack: Option<Stack>,
    /// The frames of the stack that are shown.
    pub frames: Vec<Frame>,
    /// Whether the frames were not looked up, because no list has room for them.
    pub is_omitted: bool,
    /// Whether a function called itself on the way there.
    pub is_recursive: bool,
    /// The type that counts references to the block.
    pub counted: Option<CountedPointer>,
    /// The type for which the block was allocated.
    pub type_name: Option<String>,
    /// Of blocks of C's: the type of their elements, and how large the blocks are.
    pub(super) elements: Option<Elements>,
}

/// What is known of blocks whose elements have a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elements {
    of: ElementType,
    /// The size that all blocks have.
    same_size: Option<u32>,
    /// Whether the size of every block is a multiple of an element's.
    are_whole: bool,
}

impl Elements {
    fn new(of: ElementType, size: u32) -> Self {
        let mut elements = Self { of, same_size: Some(size), are_whole: true };
        elements.add(size);
        elements
    }

    fn add(&mut self, size: u32) {
        self.same_size = self.same_size.filter(|same| *same == size);
        self.are_whole &= self.of.size.is_some_and(|element| u64::from(size).is_multiple_of(element));
    }

    /// The name of the blocks' type: `struct node` for a block of one, `struct node[3]` for blocks of three, `struct node[]` where they differ.
    /// Where a block is not made of whole elements, there is only the element's: more may follow it in the block.
    fn name(self) -> String {
        let count = self.same_size.zip(self.of.size).map(|(size, element)| u64::from(size) / element);
        match (self.are_whole, count) {
            (false, _) | (true, Some(1)) => self.of.name,
            (true, Some(count)) => array(&self.of.name, &count.to_string()),
            (true, None) => array(&self.of.name, ""),
        }
    }
}

/// The name of an array in C, whose elements may be arrays: of three `int[4]`, it is `int[3][4]`.
fn array(element: &str, length: &str) -> String {
    let (name, inner) = element.split_at(element.find('[').unwrap_or(element.len()));
    format!("{name}[{length}]{inner}")
}

/// Finds the places of blocks.
pub struct PlaceFinder<'a> {
    symbols: &'a Symbols,
    stacks: Option<&'a AllocationStacks>,
    places: Vec<AllocationPlace>,
    /// The room that is left for frames.
    room: Room,
    /// The number of the place, by the index of its stack.
    by_stack: HashMap<Option<usize>, u32>,
    /// The number of the place, by what is shown of it without marks of a recursion. A call that did not get deeper is at
    /// the same place. Blocks of different types are not.
    by_frames: HashMap<PlaceKey, u32>,
}

/// What tells one place from another.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PlaceKey {
    frames: Vec<Frame>,
    counted: Option<CountedPointer>,
    type_name: Option<String>,
    element: Option<ElementType>,
}

impl<'a> PlaceFinder<'a> {
    /// Finds places by these stacks. Without stacks, all blocks come from one unknown place.
    pub fn new(symbols: &'a Symbols, stacks: Option<&'a AllocationStacks>) -> Self {
        Self {
            symbols,
            stacks,
            places: Vec::new(),
            room: Room::of_all_blocks(),
            by_stack: HashMap::new(),
            by_frames: HashMap::new(),
        }
    }

    /// The blocks, each with its place and its scope.
    pub fn place<'b>(&mut self, blocks: impl Iterator<Item = &'b Block>, scopes: &BlockScopes) -> Vec<PlacedBlock> {
        let mut placed: Vec<PlacedBlock> = blocks.map(|block| self.placed(block, scopes)).collect();
        // Which places are those of a recursion is only known now.
        placed.iter_mut().filter(|one| !self.places[one.place as usize].is_recursive).for_each(|one| one.depth = None);
        placed
    }

    /// All places, by their numbers.
    pub fn finish(mut self) -> Vec<AllocationPlace> {
        for place in &mut self.places {
            if let Some(elements) = place.elements.take() {
                place.type_name = Some(elements.name());
            }
        }
        self.places
    }

    /// Whether the blocks from this place begin with counts of references.
    pub fn is_counted(&self, place: u32) -> bool {
        self.places[place as usize].counted.is_some()
    }

    fn placed(&mut self, block: &Block, scopes: &BlockScopes) -> PlacedBlock {
        let found = self.stacks.and_then(|stacks| stacks.find(block.number));
        let index = found.map(|(index, _)| index);
        let place = match self.by_stack.get(&index) {
            Some(place) => *place,
            None => {
                let place = self.new_place(index, block.size);
                self.by_stack.insert(index, place);
                place
            }
        };
        if let Some(elements) = &mut self.places[place as usize].elements {
            elements.add(block.size);
        }
        let depth = found.map(|(_, depth)| depth);
        PlacedBlock { block: *block, place, depth, scope: scopes.scope(block.number) }
    }

    /// The place of a stack that was not met before, at which a block of `size` bytes was allocated.
    fn new_place(&mut self, index: Option<usize>, size: u32) -> u32 {
        let stack = index.zip(self.stacks).map(|(index, stacks)| Stack::clone(&stacks.all()[index].stack));
        if self.room.is_full() && stack.is_some() {
            self.places.push(AllocationPlace { stack, is_omitted: true, ..AllocationPlace::default() });
            return self.places.len() as u32 - 1;
        }
        let shown = stack.as_deref().map(|stack| self.symbols.place_of_allocation(stack));
        let known = stack.as_deref().map(|stack| self.symbols.allocated_for(stack)).unwrap_or_default();
        let AllocatedFor { counted, type_name, element } = known;
        let (frames, plain) = shown.unwrap_or_default();
        let is_recursive = plain.is_some();
        let (same, type_key) = (plain.unwrap_or_else(|| frames.clone()), type_name.clone());
        let key = PlaceKey { frames: same, counted, type_name: type_key, element: element.clone() };
        let next = self.places.len() as u32;
        let number = *self.by_frames.entry(key).or_insert(next);
        match self.places.get_mut(number as usize) {
            None => {
                self.room.take_bytes(bytes_of_stack(&frames));
                self.places.push(AllocationPlace {
                    stack,
                    frames,
                    is_recursive,
                    counted,
                    type_name,
                    elements: element.map(|element| Elements::new(element, size)),
                    is_omitted: false,
                });
            }
            Some(known) if is_recursive && !known.is_recursive => (known.frames, known.is_recursive) = (frames, true),
            Some(_) => {}
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;
    use crate::symbols::PathRoots;

    #[test]
    fn blocks_of_whole_elements_are_arrays() {
        let name = |of: &str, size: Option<u64>, blocks: &[u32]| {
            let mut elements = Elements::new(ElementType { name: of.to_owned(), size }, blocks[0]);
            blocks.iter().for_each(|size| elements.add(*size));
            elements.name()
        };
        assert_eq!(name("struct node", Some(8), &[8, 8]), "struct node");
        assert_eq!(name("struct node", Some(8), &[24, 24]), "struct node[3]");
        assert_eq!(name("struct node", Some(8), &[24, 8]), "struct node[]");
        assert_eq!(name("struct node", Some(8), &[24, 9]), "struct node", "one is not made of whole elements");
        assert_eq!(name("struct node", Some(8), &[4]), "struct node");
        assert_eq!(name("struct text", None, &[24]), "struct text");
        assert_eq!(name("int[4]", Some(16), &[48]), "int[3][4]");
        assert_eq!(name("char", Some(1), &[0]), "char[0]");
    }

    #[test]
    fn places_that_look_the_same_are_one() {
        let mut stacks = AllocationStacks::default();
        for (number, function, offset) in [(1, 1, 10), (2, 2, 20), (3, 1, 12), (4, 1, 10)] {
            stacks.enter(number, 8, ([RawFrame { function, offset: Some(offset) }].into(), 1), None);
        }
        let symbols = Symbols::of_bytes(b"\0asm\x01\0\0\0", PathRoots::default());
        let mut finder = PlaceFinder::new(&symbols, Some(&stacks));
        let block = |number| Block { ptr: number as u32 * 16, size: 8, number, own: true };
        let blocks = [1, 2, 3, 4, 5].map(block);
        let placed = finder.place(blocks.iter(), &BlockScopes::new(&[]));
        assert_eq!(placed.iter().map(|one| one.place).collect::<Vec<_>>(), [0, 1, 0, 0, 2]);
        let places = finder.finish();
        assert_eq!(places[0].frames[0].function, "wasm function 1");
        assert_eq!((places.len(), &places[2]), (3, &AllocationPlace::default()), "nothing is known of the last");
    }
}
