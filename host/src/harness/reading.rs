//! From a parsed module to its catalogue: says which harnesses hold its tests.

use super::harness;
use crate::catalogue::{Catalogue, CatalogueError, ExportProblem, Module, SdkTest};
use crate::instrument::Window;
use crate::model::Harness;
use crate::sandbox::CodeRules;

/// The catalogue of a module. `forced` is the harness that the user asks for: tests held by another one are then left out.
///
/// # Errors
/// There is nothing to run, or what a harness declares in the module is broken.
pub(crate) fn catalogue(module: &Module<'_>, forced: Option<Harness>) -> Result<Catalogue, CatalogueError> {
    let (first, others, declared) = match forced {
        Some(word) => (word, Vec::new(), taken_for(module, word)?),
        None => detected(module)?,
    };
    Catalogue::new(module, first, others, declared)
}

/// The tests that a module declares for this harness, which the user asks for.
fn taken_for(module: &Module<'_>, word: Harness) -> Result<Vec<SdkTest>, CatalogueError> {
    let declared = harness(word).declared(module)?;
    harness(word).require(module, &declared)?;
    Ok(declared)
}

/// The first harness that holds tests of a module, the other ones, and the declared tests of all of them.
fn detected(module: &Module<'_>) -> Result<(Harness, Vec<Harness>, Vec<SdkTest>), CatalogueError> {
    let (mut held_by, mut declared) = (Vec::new(), Vec::new());
    for word in Harness::ALL {
        let own = harness(word).declared(module)?;
        if harness(word).detect(module, &own, !held_by.is_empty()) {
            held_by.push(word);
            declared.extend(own);
        }
    }
    match held_by.split_first() {
        Some((first, others)) => Ok((*first, others.to_vec(), declared)),
        None => Err(CatalogueError::NothingToRun { start: module.start().err().unwrap_or(ExportProblem::Missing) }),
    }
}

/// What the sandbox has to know of a module's harnesses. `may_set_up` says whether one of its tests may be its set-up,
/// although it declares none.
pub(crate) fn code_rules(catalogue: &Catalogue, may_set_up: bool) -> CodeRules {
    let windows = |words: &mut dyn Iterator<Item = Harness>| -> Vec<Window> {
        words.map(|word| harness(word).window()).filter(|window| *window != Window::None).collect()
    };
    CodeRules {
        window: windows(&mut catalogue.harnesses()).first().copied().unwrap_or(Window::None),
        windows: windows(&mut Harness::ALL.into_iter()),
        may_set_up,
        // All harnesses count here: a module can hold functions of one that does not run its tests.
        panics: catalogue.harnesses().any(|word| harness(word).expects_panics()),
        frames: Harness::ALL.into_iter().map(|word| harness(word).frames()).collect(),
    }
}
