//! What a report says of heap blocks beyond their number and the place of their allocation.

use crate::model::{Frame, figure};
use serde::{Deserialize, Serialize};

/// Which other lost blocks hold a lost block. A block *holds* another if it contains a pointer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HeldBy {
    /// Nobody: these are the blocks that should have been freed.
    Nobody,
    /// They hold each other, or a block holds itself; no other block holds them.
    EachOther,
    /// Blocks of several other entries hold them.
    Several,
}

/// What an entry of heap blocks says beyond count, bytes and place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BlocksRecord {
    /// Who holds these blocks, if they are lost; absent where that is not certain, as without a second run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HeldBy>,
    /// The static variable that points to these blocks, if they are retained; absent where the debug information does not tell.
    /// Other variables may point to them, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<VariableRecord>,
    /// The type for which each of these blocks was allocated: `Rc<Section>`, `Vec<String>`, `HashMap<u64, String>`. It is known
    /// only if the names of the functions that allocated the blocks tell it, and it is the same for all of them. Of blocks of C's,
    /// it is the type of the variable that they were assigned to: `struct node`, `char[40]`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// At how many depths of a recursion they were allocated; 0 if no recursion allocated them.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub depths: u64,
    /// How many groups of blocks that hold each other there are among them.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub cycles: u64,
    /// One way around the first of these groups: the blocks of each step hold those of the next one, and the last step's blocks
    /// those of the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ring: Vec<RingRecord>,
    /// How many steps of the ring are left out before the last one.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub ring_omitted: u64,
    /// Whether the last block of the ring holds the first one by a counted reference that is not weak. With a weak reference
    /// there, the cycle would not keep itself alive.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mended_by_weak: bool,
    /// When the last pointer in memory to the first of these blocks went, if it is lost and no lost block holds it; of a cycle, to any block
    /// of the first cycle, from outside of it. Absent where that is not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_pointer: Option<LastPointerRecord>,
    /// The blocks of the entry by the places at which they were allocated, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlacedBlocks>,
    /// Further blocks that are reached from the entry's own blocks and from no earlier entry; of lost blocks, from no other
    /// entry. The entry's own count and bytes do not include them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<PlacedBlocks>,
}

/// How the last pointer in memory to a lost block went. Locals that are not in memory are not seen: one may have held it for longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PointerWent {
    /// Something else was written where it was.
    Overwritten,
    /// It was in a local of a function that returned, or in a part of its frame that was given back.
    OutOfScope,
    /// It was in a block that was freed, or made smaller.
    Freed,
    /// There never was one in memory.
    NeverInMemory,
    /// It is not known.
    NotKnown,
}

impl PointerWent {
    /// What is said of the last pointer; `None` where there is no place at which it went.
    pub(crate) fn words(self) -> Option<&'static str> {
        match self {
            Self::Overwritten => Some("was overwritten"),
            Self::OutOfScope => Some("went out of scope"),
            Self::Freed => Some("was in a block that was freed"),
            Self::NeverInMemory | Self::NotKnown => None,
        }
    }
}

/// When the last pointer in memory to a lost block went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LastPointerRecord {
    /// How it went.
    pub went: PointerWent,
    /// Where: the innermost frame of the user's own. Absent where it never was there, or where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Frame>,
    /// Why it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl LastPointerRecord {
    /// It went in this way at this place.
    pub(crate) fn new(went: PointerWent, at: Option<Frame>) -> Self {
        Self { went, at, why: None }
    }

    /// It is not known, for this reason.
    pub(crate) fn not_known(why: impl Into<String>) -> Self {
        Self { went: PointerWent::NotKnown, at: None, why: Some(why.into()) }
    }
}

/// A variable of static data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct VariableRecord {
    /// Its path: `semver::cache::KNOWN`.
    pub name: String,
    /// The source file that declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The library that the variable belongs to; absent if it is the user's own, or if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

/// One step of a ring: neighbouring blocks of a cycle that were allocated at one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RingRecord {
    /// How many.
    #[serde(with = "figure")]
    pub count: u64,
    /// See [`BlocksRecord::type_name`].
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The innermost frame of the user's own; absent where no stack was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Frame>,
}

/// Blocks that were allocated at one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PlacedBlocks {
    /// How many.
    #[serde(with = "figure")]
    pub count: u64,
    /// Bytes of all of them together.
    #[serde(with = "figure")]
    pub bytes: u64,
    /// See [`BlocksRecord::depths`].
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub depths: u64,
    /// See [`BlocksRecord::type_name`].
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The test or subtest that allocated them.
    pub scope: String,
    /// The guest's stack at the allocation, user frames first.
    pub stack: Vec<Frame>,
    /// How many places this entry stands for, if there were too many to list each with its stack; 0 for an entry of one place.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub omitted_places: u64,
}

/// Blocks of one place: an entry's own, or further ones that are reached from them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BlocksAt<'a> {
    pub count: u64,
    pub bytes: u64,
    pub scope: &'a str,
    pub stack: &'a [Frame],
}
