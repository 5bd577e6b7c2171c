//! The descriptors of a module's tests, as rustc writes them into its static data and libtest reads them.
//!
//! On wasm, libtest runs no test that is expected to panic, because it could not go on after the panic. Only the descriptor
//! of a test says that it is expected to panic, and what the panic's message has to contain.
//!
//! How a descriptor is laid out is the compiler's choice. The layout was measured for Rust 1.95 to 1.98; it is the same at
//! every level of optimisation. Nothing is believed unless it checks out for all tests of a module: each test that libtest
//! lists has exactly one descriptor, every field of it holds what such a field can hold, and no two descriptors overlap.
//!
//! ```text
//!      -16  0, 1 or 2: is not expected to panic, is expected to, is expected to with this text:
//!  -12  -8  the text: address and length
//!       -4  says that the name is static
//!    0  +4  the name
//!  +12 +16  the source file
//! +20 +24  why it is ignored; 0 if no reason is given
//!  +28 +40  line and column of the beginning, line and column of the end
//!      +44  four bytes: ignored, not to compile, not to be run, the kind of test
//!      +48  0: a test that is a plain function
//!      +52  the function's index in the table
//! ```

use crate::catalogue::{Module, NoStatics, Statics};
use crate::sandbox::ListedTest;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use wasmparser::{FuncType, ProducersFieldValue, ProducersSectionReader, ValType};

/// Bytes from the beginning of a descriptor to the word that points to the test's name.
const BEFORE_NAME: u32 = 16;

/// Bytes from the word that points to the name to the end of the descriptor.
const BEHIND_NAME: u32 = 56;

/// The oldest compiler whose descriptors are known.
const OLDEST: (u32, u32) = (1, 95);

/// Most bytes of text that are looked at, for each byte of static data. A name is looked for wherever a word may point to
/// one; names of a module with more than a few tests are shorter than 512 bytes.
const LOOKS: u64 = 64;

/// The first compiler that writes a static name as the first kind of name instead of the second.
const NAMES_REORDERED: (u32, u32) = (1, 97);

/// What the descriptor of a test says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Whether it is expected to panic.
    pub(super) should_panic: Option<ShouldPanic>,
    /// Where it begins: `file:line:column`.
    pub(super) declared: String,
    /// Why the test is ignored; `None` if it is not, an empty text if no reason is given.
    pub(super) ignored: Option<String>,
    /// The address of the descriptor.
    address: u32,
    /// The first word that points to the descriptor: it is in libtest's list.
    pub(super) list: Option<ListedTest>,
}

/// What a descriptor says of a panic that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShouldPanic {
    /// The address of the word that marks the test as expected to panic.
    pub(super) address: u32,
    /// The value of that word.
    pub(super) mark: u32,
    /// What the panic's message has to contain.
    pub(super) text: Option<String>,
}

/// Why the descriptors of a module are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoDescriptors {
    #[error("the module does not say which rustc made it (its `producers` section is missing or damaged)")]
    NoCompiler,
    #[error("rustc {0} made the module, and the descriptors of tests are known from 1.95 on")]
    Older(String),
    /// The message includes it, so it is not the error's source.
    #[error("the module {0}")]
    Statics(NoStatics),
    #[error("libtest lists `{0}` twice")]
    ListedTwice(Arc<str>),
    #[error("the descriptor of `{name}` is not found: rustc {rustc} may write it in another way")]
    Missing { name: Arc<str>, rustc: String },
    #[error("there are several descriptors of `{0}`")]
    Several(Arc<str>),
    #[error("libtest and the descriptor of `{0}` do not agree on whether it is ignored")]
    Ignored(Arc<str>),
    #[error("too much of the module's static data looks like descriptors of tests")]
    TooMuch,
    #[error("descriptors of tests overlap")]
    Overlap,
}

impl From<NoStatics> for NoDescriptors {
    fn from(why: NoStatics) -> Self {
        Self::Statics(why)
    }
}

/// The descriptors of all tests of a module, by name. `listed` and `ignored` are those that libtest lists.
///
/// # Errors
/// Something does not check out: then nothing is known of any test.
pub(super) fn read(
    module: &Module<'_>,
    listed: &[Arc<str>],
    ignored: &[Arc<str>],
) -> Result<HashMap<Arc<str>, Descriptor>, NoDescriptors> {
    let rustc = rustc(module).ok_or(NoDescriptors::NoCompiler)?;
    let version = version(rustc).ok_or(NoDescriptors::NoCompiler)?;
    if version < OLDEST {
        return Err(NoDescriptors::Older(rustc.to_owned()));
    }
    let static_name = if version < NAMES_REORDERED { 0x8000_0001 } else { 0x8000_0000 };
    let statics = &Statics::read(module)?;
    let looks = Cell::new(statics.words().count() as u64 * 4 * LOOKS);
    let search = Search { statics, module, static_name, looks };
    let mut found = search.all(listed)?;
    let ignored: HashSet<&str> = ignored.iter().map(AsRef::as_ref).collect();
    let mut addresses = Vec::with_capacity(listed.len());
    for name in listed {
        let missing = || NoDescriptors::Missing { name: Arc::clone(name), rustc: rustc.to_owned() };
        let descriptor = found.get(name).and_then(Option::as_ref).ok_or_else(missing)?;
        if descriptor.ignored.is_some() != ignored.contains(&**name) {
            return Err(NoDescriptors::Ignored(Arc::clone(name)));
        }
        addresses.push(descriptor.address);
    }
    addresses.sort_unstable();
    if overlap(&addresses) {
        return Err(NoDescriptors::Overlap);
    }
    let mut lists = HashMap::with_capacity(addresses.len());
    for (at, word) in statics.words().filter(|(_, word)| addresses.binary_search(word).is_ok()) {
        lists.entry(word).or_insert(at);
    }
    for descriptor in found.values_mut().flatten() {
        let listed = |address: &u32| ListedTest { address: *address, descriptor: descriptor.address };
        descriptor.list = lists.get(&descriptor.address).map(listed);
    }
    Ok(found.drain().filter_map(|(name, descriptor)| Some((name, descriptor?))).collect())
}

/// What the module says of the rustc that made it: `1.95.0 (59807616e 2026-04-14)`.
fn rustc<'a>(module: &Module<'a>) -> Option<&'a str> {
    let section = module.sections.iter().find(|section| section.name == "producers")?;
    for field in ProducersSectionReader::new(section.reader(module.bytes)).ok()? {
        for value in field.ok()?.values {
            let ProducersFieldValue { name, version } = value.ok()?;
            if name == "rustc" {
                return Some(version);
            }
        }
    }
    None
}

fn version(rustc: &str) -> Option<(u32, u32)> {
    let mut numbers = rustc.split(['.', ' ']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

struct Search<'s, 'a> {
    statics: &'s Statics<'a>,
    module: &'s Module<'a>,
    /// The word that marks a name as static.
    static_name: u32,
    /// Bytes of text that may still be looked at.
    looks: Cell<u64>,
}

impl Search<'_, '_> {
    /// The descriptors of these tests; `None` for a test of which none is found.
    fn all(&self, listed: &[Arc<str>]) -> Result<HashMap<Arc<str>, Option<Descriptor>>, NoDescriptors> {
        let mut found: HashMap<Arc<str>, Option<Descriptor>> = HashMap::with_capacity(listed.len());
        for name in listed {
            if found.insert(Arc::clone(name), None).is_some() {
                return Err(NoDescriptors::ListedTwice(Arc::clone(name)));
            }
        }
        let lens: HashSet<usize> = listed.iter().map(|name| name.len()).collect();
        let mut before: Option<(u32, u32)> = None;
        for (at, word) in self.statics.words() {
            // A name is written as an address and a length. The length alone rules out most pairs of words.
            let pair = before.replace((at, word)).filter(|(address, _)| address + 4 == at);
            let Some((at, name)) = pair.filter(|_| lens.contains(&(word as usize))) else { continue };
            let Some(entry) = self.text(name, word).and_then(|name| found.get_mut(name)) else { continue };
            let Some(descriptor) = self.descriptor(at) else { continue };
            if entry.replace(descriptor).is_some() {
                let name = self.statics.text(name, word).unwrap_or_default();
                return Err(NoDescriptors::Several(name.into()));
            }
        }
        if self.looks.get() == 0 { Err(NoDescriptors::TooMuch) } else { Ok(found) }
    }

    /// A text of static data; `None` if no more may be looked at.
    fn text(&self, address: u32, len: u32) -> Option<&str> {
        let bytes = self.statics.bytes(address, len)?;
        let left = self.looks.get().saturating_sub(bytes.len() as u64);
        self.looks.set(left);
        if left == 0 { None } else { std::str::from_utf8(bytes).ok() }
    }

    /// The descriptor that points to its name from this address, if there is one.
    fn descriptor(&self, at: u32) -> Option<Descriptor> {
        let address = at.checked_sub(BEFORE_NAME)?;
        self.statics.bytes(address, BEFORE_NAME + BEHIND_NAME)?;
        let word = |offset: u32| self.statics.word(at + offset);
        let text = |offset: u32| self.text(word(offset)?, word(offset + 4)?);
        let before = |offset: u32| self.statics.word(at - offset);
        if before(4)? != self.static_name {
            return None;
        }
        let mark = before(16)?;
        let expected = match mark {
            0 | 1 => None,
            2 => Some(self.text(before(12)?, before(8)?)?.to_owned()),
            _ => return None,
        };
        let file = text(12).filter(|file| !file.is_empty())?;
        let reason = if word(20)? == 0 { Some("") } else { text(20) };
        let [start, column, end, end_column] = [word(28)?, word(32)?, word(36)?, word(40)?];
        let [ignored, compile_fail, no_run, kind] = word(44)?.to_le_bytes();
        let plausible = start > 0
            && (start, column) <= (end, end_column)
            && [ignored, compile_fail, no_run].iter().all(|flag| *flag <= 1)
            && kind <= 3
            && word(48)? == 0
            && self.is_test(word(52)?);
        let should_panic = (mark != 0).then_some(ShouldPanic { address, mark, text: expected });
        plausible.then_some(Descriptor {
            should_panic,
            declared: format!("{file}:{start}:{column}"),
            ignored: if ignored == 1 { Some(reason?.to_owned()) } else { None },
            address,
            list: None,
        })
    }

    /// Whether the function at this index of the table may be a test: it returns `Result<(), String>` through memory.
    fn is_test(&self, index: u32) -> bool {
        let ty = self.statics.function(index).and_then(|function| self.module.function_type(function));
        ty == Some(&FuncType::new([ValType::I32], []))
    }
}

/// Whether two of the descriptors at these sorted addresses share bytes.
fn overlap(addresses: &[u32]) -> bool {
    addresses.windows(2).any(|pair| pair[1] - pair[0] < BEFORE_NAME + BEHIND_NAME)
}

#[cfg(test)]
mod tests;
