//! A module's debug information, as much of it as one question may read.

use crate::catalogue::sections::Section;
use crate::symbols::metered::MeteredReader;
use std::sync::Arc;

/// The module in which a call is looked up.
#[derive(Clone, Copy)]
pub(in crate::symbols) struct ModuleCode<'a> {
    pub bytes: &'a Arc<Vec<u8>>,
    pub sections: &'a [Section],
}

impl ModuleCode<'_> {
    /// The debug information, of which so many bytes can be read.
    pub(super) fn debug_information(self, budget: u64) -> gimli::Dwarf<MeteredReader> {
        let module = MeteredReader::new(Arc::clone(self.bytes), budget);
        let section = |id: gimli::SectionId| self.sections.iter().find(|section| section.name == id.name());
        let load = |id| -> Result<_, std::convert::Infallible> {
            Ok(module.section(section(id).map_or(0..0, |section| section.contents.clone())))
        };
        match gimli::Dwarf::load(load) {
            Ok(debug) => debug,
            Err(never) => match never {},
        }
    }
}
