//! A module that tells of its pointers: see [`crate::instrument::watch_pointers`].

use super::module::LoadedModule;
use crate::instrument;

impl LoadedModule {
    /// The same module as one that tells of its pointers. It is made when it is asked for first.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub(super) fn watching(&self) -> Result<&Self, String> {
        let made = self.variants.watching.get_or_init(|| self.with_more_code(instrument::watch_pointers));
        made.as_deref().map_err(Clone::clone)
    }
}
