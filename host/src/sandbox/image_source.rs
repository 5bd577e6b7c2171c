//! What is kept of a module from whose instances images are made.

use super::cache::Cache;
use crate::catalogue::{self, Module as Parsed};
use crate::instrument::{self, NoImage, RewriteMap};
use std::sync::{Arc, OnceLock};

/// What a module keeps so that images can be made of its instances.
pub struct ImageSource {
    /// The module that runs, before additions for a single compiler.
    pub bytes: Vec<u8>,
    /// The map of the additions before that.
    pub map: RewriteMap,
    /// Where compiled modules are kept.
    pub cache: Option<Cache>,
    /// What there is to know before an instance is forked, once that was asked for.
    facts: OnceLock<Result<ForkFacts, NoImage>>,
}

/// What there is to know of a module before an instance of it is forked.
pub struct ForkFacts {
    /// The names under which its mutable globals are exported.
    pub globals: Vec<Arc<str>>,
    /// Whether it has a start function.
    pub starts: bool,
}

impl ImageSource {
    /// What is kept of a module.
    pub(super) fn new(bytes: Vec<u8>, map: RewriteMap, cache: Option<Cache>) -> Self {
        Self { bytes, map, cache, facts: OnceLock::new() }
    }

    /// What there is to know before an instance is forked.
    ///
    /// # Errors
    /// No instance of it can be captured.
    pub fn facts(&self) -> Result<&ForkFacts, NoImage> {
        let found = self.facts.get_or_init(|| {
            let parsed = Parsed::read(&self.bytes)?;
            instrument::can_be_captured(&parsed)?;
            let globals = instrument::exported_globals(&parsed).into_values().map(Arc::from).collect();
            Ok(ForkFacts { globals, starts: parsed.section(catalogue::sections::id::START).is_some() })
        });
        found.as_ref().map_err(Clone::clone)
    }
}
