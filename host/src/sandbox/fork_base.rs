//! What many forks of one test begin from: an image of the first of them as a module of its own, whose memory the engine maps copy on
//! write. A fork of it writes only what has changed since the first, and so costs what differs and what it touches, not what its test
//! has in memory.

use super::compile::compile;
use super::forked::ForkImage;
use super::image::ImageError;
use super::memory_image::MemoryImage;
use super::module::LoadedModule;
use crate::catalogue;
use crate::instrument::{self, NoImage};
use std::collections::BTreeMap;
use wasmtime::Val;

/// The fewest forks that are worth it, and the fewest bytes of what the first of them holds: to make such a module takes as long as to
/// begin some forks without it.
const LEAST_FORKS: usize = 8;
const LEAST_BYTES: u64 = 1 << 20;

/// The most bytes: while the module is made, the host holds them several times.
const MOST_BYTES: u64 = 128 << 20;

/// A forked subtest to run.
#[derive(Clone, Copy)]
pub struct Fork<'a> {
    /// Where it begins.
    pub image: &'a ForkImage,
    /// What it begins from, and other forks of its test, if that is not its test's own module.
    pub base: Option<&'a ForkBase<'a>>,
    /// Whether its test is run again up to there, in place of beginning from the image.
    pub repeats: bool,
}

/// What forks of one test begin from.
pub struct ForkBase<'a> {
    /// The module of the test itself.
    own: &'a LoadedModule,
    /// The image of it.
    module: LoadedModule,
    memory: MemoryImage,
}

impl<'a> ForkBase<'a> {
    /// Of the forks that a test has made in an instance of this module, in their order; `None` where it is not worth it.
    ///
    /// # Errors
    /// The engine does not take it: then they begin without it, and come to the same.
    pub fn of_forks(own: &'a LoadedModule, forks: &[ForkImage]) -> Result<Option<Self>, ImageError> {
        let worth = |first: &&ForkImage| {
            forks.len() >= LEAST_FORKS && (LEAST_BYTES..=MOST_BYTES).contains(&first.memory.held())
        };
        forks.first().filter(worth).map(|first| Self::new(own, first)).transpose()
    }

    fn new(own: &'a LoadedModule, first: &ForkImage) -> Result<Self, ImageError> {
        let source = own.image_source.as_deref().ok_or(ImageError::NoSource)?;
        let parsed = catalogue::Module::read(&source.bytes).map_err(NoImage::from)?;
        let mut values = BTreeMap::new();
        for (index, name) in instrument::exported_globals(&parsed) {
            let value = match first.globals.iter().find(|(known, _)| **known == *name) {
                Some((_, Val::I32(value))) => i64::from(*value),
                Some((_, Val::I64(value))) => *value,
                _ => continue,
            };
            values.insert(index, value);
        }
        let mut bytes = vec![0; first.memory.bytes()];
        first.memory.write_to(&mut bytes, None);
        let image = instrument::image(&parsed, &bytes, &values)?;
        drop(bytes);
        let compiled = compile(own.engine(), source.cache.as_ref(), &image.bytes).map_err(ImageError::Compiler)?;
        let module = own.of_image(source, compiled, image.code_moved).map_err(ImageError::Engine)?;
        Ok(Self { own, module, memory: first.memory.clone() })
    }

    /// The module of the test itself.
    pub fn own(&self) -> &'a LoadedModule {
        self.own
    }

    /// The module whose instances a fork begins in.
    pub fn module(&self) -> &LoadedModule {
        &self.module
    }

    /// What the memory of such an instance holds.
    pub(super) fn memory(&self) -> &MemoryImage {
        &self.memory
    }
}
