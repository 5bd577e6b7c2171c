//! A limit that was broken, and growth that was refused.

use super::figure;
use serde::{Deserialize, Serialize};

/// A limit, its value and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRecord {
    /// The setting's name in `airtight.toml`: `memory`, `fuel`, `timeout`, `stack`, `handles`, `peak-heap`, `lost`,
    /// `retained`, `allocations`.
    pub name: String,
    /// Its value in the setting's unit (bytes, fuel, milliseconds).
    #[serde(with = "figure")]
    pub value: u64,
    /// What was asked for or reached, where that is known exactly; absent for `lost` where [`Heap::is_bounded`].
    #[serde(default, with = "figure::optional", skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
}

/// A growth of linear memory that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedGrowth {
    /// Bytes of linear memory when it was asked for.
    #[serde(with = "figure")]
    pub current: u64,
    /// Bytes that were asked for.
    #[serde(with = "figure")]
    pub desired: u64,
    /// The limit in bytes.
    #[serde(with = "figure")]
    pub limit: u64,
    /// How many growths were refused.
    #[serde(with = "figure")]
    pub times: u64,
}
