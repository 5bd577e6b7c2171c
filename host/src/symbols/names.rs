//! The names of functions in the name section, and the functions that tell how a stack came about.

use super::class::{Class, class};
use super::demangle::readable;
use super::harness_frames::HarnessFrames;
use crate::catalogue::sections::Section;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use wasmparser::{Name, NameSectionReader};

/// Parts of names: a function of some [`Class`] has one of them in its name, in any mangling, or the last segment of the path
/// of a harness's window. Other names need not be demangled.
const TELLING: [&str; 3] = ["panic", "alloc_error", "oom"];

#[derive(Default)]
pub(super) struct FunctionNames {
    bytes: Arc<Vec<u8>>,
    /// For each function, the range of its name in the module.
    functions: HashMap<u32, Range<usize>>,
    classes: HashMap<u32, Class>,
}

impl FunctionNames {
    /// Reads the name section, as far as it can be read.
    pub(super) fn read(bytes: &Arc<Vec<u8>>, sections: &[Section], harnesses: &[HarnessFrames]) -> Self {
        let windows = harnesses.iter().flat_map(|harness| harness.windows);
        let telling: Vec<&str> = windows.map(|path| path.rsplit("::").next().unwrap_or(path)).chain(TELLING).collect();
        let mut names = Self { bytes: Arc::clone(bytes), ..Self::default() };
        let Some(section) = sections.iter().find(|section| section.name == "name") else { return names };
        for subsection in NameSectionReader::new(section.reader(bytes)) {
            let Ok(Name::Function(functions)) = subsection else { continue };
            let mut functions = functions.into_iter();
            while let Some(Ok(function)) = functions.next() {
                // The name is what was read last.
                let end = functions.original_position();
                names.functions.insert(function.index, end - function.name.len()..end);
                let telling = telling.iter().any(|part| function.name.contains(part));
                if telling && let Some(class) = class(&readable(function.name), harnesses) {
                    names.classes.insert(function.index, class);
                }
            }
        }
        names
    }

    /// A function's name, as the linker left it.
    pub(super) fn raw(&self, function: u32) -> Option<&str> {
        self.text(self.functions.get(&function)?)
    }

    /// The names of all functions, in no particular order.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.functions.values().filter_map(|range| self.text(range))
    }

    fn text(&self, range: &Range<usize>) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(range.clone())?).ok()
    }

    pub(super) fn class(&self, function: u32) -> Option<Class> {
        self.classes.get(&function).copied()
    }

    /// Whether the name section names a function of this class. If so, a stack without such a function is known to have none.
    pub(super) fn know(&self, class: Class) -> bool {
        self.classes.values().any(|known| *known == class)
    }
}
