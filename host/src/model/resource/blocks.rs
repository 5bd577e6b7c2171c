//! What is known of heap blocks beside how many they are and where they were allocated.

use crate::model::{Frame, figure};
use serde::{Deserialize, Serialize};

/// Who holds lost blocks, as far as that is another lost block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HeldBy {
    /// Nobody: these are the blocks that should have been freed.
    Nobody,
    /// They hold each other, or a block holds itself, and nobody else holds them.
    EachOther,
    /// Blocks of several entries hold them.
    Several,
}

/// What there is to say of heap blocks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BlocksRecord {
    /// Who holds them, of lost blocks; absent where that is not certain, as without a second run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HeldBy>,
    /// The variable of static data that points to them, of retained blocks; absent where the debug information does not tell. Others may
    /// point to them, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<VariableRecord>,
    /// The type that owns each of them, as far as the functions tell that allocated it: `Rc`, `Arc`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// At how many depths of a recursion they were allocated; 0 where there was none.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub depths: u64,
    /// In how many groups they hold each other.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub cycles: u64,
    /// One way around the first of these groups: the blocks of each step hold those of the next, and the last the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ring: Vec<RingRecord>,
    /// How many steps are left out before the last one.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub ring_omitted: u64,
    /// Whether the last block of the way holds the first by a counted reference that is not weak. Made weak, it keeps nothing alive.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mended_by_weak: bool,
    /// The blocks of the entry by the places at which they were allocated, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlacedBlocks>,
    /// The blocks that these reach and no earlier entry does; of lost blocks, only these do. The entry's own count and bytes are
    /// without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<PlacedBlocks>,
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
    /// The library that it belongs to; absent where it is the user's own, or where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

/// Blocks that follow each other on a way around a cycle and were allocated at one place.
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
    /// How many places these are together, of which no stack is kept; 0 where they are of one.
    #[serde(with = "figure", skip_serializing_if = "figure::is_zero")]
    pub omitted_places: u64,
}

/// Blocks of one place, whether they are an entry's own or reached from these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BlocksAt<'a> {
    pub count: u64,
    pub bytes: u64,
    pub scope: &'a str,
    pub stack: &'a [Frame],
}
