//! Figures in the page's data.

use serde::{Serialize, Serializer};

/// The largest integer that a script takes exactly.
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// A figure; one that a script would round is text.
pub(super) struct ScriptFigure(pub u64);

impl Serialize for ScriptFigure {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0 <= LARGEST_NUMBER { to.serialize_u64(self.0) } else { to.collect_str(&self.0) }
    }
}
