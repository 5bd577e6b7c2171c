//! How much work a module is for a compiler, found out before it is compiled.
//!
//! An optimising compiler cannot be interrupted, and its time is not linear: a function of 9 KB can take half a minute. The
//! causes were measured (`host/docs/decisions/0007-compiling-is-bounded.md`), and are counted here:
//!
//! - values that are live where control flow goes: locals, summed over the edges between blocks, and operands, summed over
//!   the blocks;
//! - targets of `br_table`, and the values that branches to them carry;
//! - parameters and results of calls, beyond those that registers hold, and calls above a deep operand stack;
//! - loops: the square of their number, and of the depth of each;
//! - locals that are declared, used or not;
//! - bytes of code, and the square of the length of a stretch without control flow;
//! - elements of tables that are passive or given by expressions;
//! - the square of the number of branches, and of operators that the engine answers: indirect calls, accesses to tables, bulk
//!   operations.
//!
//! The sum is a function's *weight*. It depends on the module alone, so a module that loads on one machine loads on all. A
//! module that is too heavy for the optimising compiler is weighed for a single-pass one too (`single_pass`), which is
//! linear in nearly all of this.

mod count;
mod flow;
pub(super) mod heavy;
mod operators;
mod single_pass;

use super::CatalogueError;
use count::LocalUses;
use heavy::Heavy;
use wasmparser::{ElementItems, ElementKind, ElementSectionReader};
use wasmparser::{FuncValidatorAllocations, FunctionBody, Parser, ValidPayload, Validator};
use wasmparser::{KnownCustom, Name, NameSectionReader, Payload};

/// Caps on the work that a module is for a compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileCaps {
    /// The most weight of one function for the optimising compiler.
    pub function: u64,
    /// The most weight of all functions together for the optimising compiler. For every byte of code, one more is allowed:
    /// large modules are heavier.
    pub module: u64,
    /// The most weight of a module for the single-pass compiler, which compiles modules that are too heavy for the optimising
    /// one. Again, one more is allowed for every byte of code.
    pub single_pass: u64,
}

impl Default for CompileCaps {
    fn default() -> Self {
        Self { function: 300_000, module: 1_000_000, single_pass: 20_000_000 }
    }
}

impl CompileCaps {
    /// Caps that nothing reaches: for modules that are trusted.
    pub const NONE: Self = Self { function: u64::MAX, module: u64::MAX, single_pass: u64::MAX };
}

/// The weight of a function itself, whatever is in it.
const FUNCTION: u64 = 16;

/// The weight of each element of a passive segment and each element that an expression gives: code puts these into their
/// tables, and the compilers make a function of that code. The second figure is the weight for the single-pass compiler, in its
/// own units.
const ELEMENT: u64 = 8;
const ELEMENT_IN_A_SINGLE_PASS: u64 = 160;

/// Which compiler a module is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weight {
    /// Work that an optimising compiler does in seconds; its weight.
    Light(u64),
    /// Work for a single-pass compiler only.
    Heavy(Heavy),
}

/// Validates a module and weighs its functions.
///
/// # Errors
/// [`CatalogueError::Invalid`], or [`CatalogueError::TooHeavy`] where the module is too much for any compiler.
pub fn weigh(bytes: &[u8], caps: CompileCaps) -> Result<Weight, CatalogueError> {
    let mut validator = Validator::new_with_features(super::FEATURES.union(super::WasmFeatures::THREADS));
    let mut allocations = FuncValidatorAllocations::default();
    let (mut total, mut single_pass, mut heavy, mut code, mut elements) = (0u64, 0u64, None, 0, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        match &payload {
            Payload::ElementSection(segments) => {
                elements = made_by_code(segments)?;
                total = elements.saturating_mul(ELEMENT);
                single_pass = elements.saturating_mul(ELEMENT_IN_A_SINGLE_PASS);
            }
            Payload::CodeSectionStart { range, .. } => {
                code = range.len() as u64;
                let cap = caps.module.saturating_add(code);
                heavy = (total > cap).then_some(Heavy::Elements { elements, weight: total, cap });
            }
            _ => {}
        }
        let ValidPayload::Func(function, body) = validator.payload(&payload)? else { continue };
        let index = function.index;
        let mut function = function.into_validator(allocations);
        let counted = LocalUses::read(&mut function, &body)?;
        allocations = function.into_allocations();
        single_pass = single_pass.saturating_add(counted.single_pass.weight());
        if heavy.is_none() {
            let weight = function_weight(&counted, &body, caps.function)?;
            total = total.saturating_add(weight).saturating_add(FUNCTION);
            let cap = caps.module.saturating_add(code);
            if weight > caps.function {
                let function = function_name(bytes, index);
                heavy = Some(Heavy::Function { function, weight, cap: caps.function });
            } else if total > cap {
                heavy = Some(Heavy::Module { weight: total, cap });
            }
        }
        let cap = caps.single_pass.saturating_add(code);
        if single_pass > cap {
            // Refused at once, without a look at further functions: there may be many.
            if let Some(heavy) = heavy {
                return Err(CatalogueError::TooHeavy { heavy, weight: single_pass, cap });
            }
        }
    }
    Ok(heavy.map_or(Weight::Light(total), Weight::Heavy))
}

/// How many elements are put into tables by code: those of passive segments, and those that expressions give.
fn made_by_code(segments: &ElementSectionReader<'_>) -> Result<u64, CatalogueError> {
    let mut elements = 0;
    for segment in segments.clone() {
        let segment = segment?;
        elements += u64::from(match (&segment.kind, &segment.items) {
            (ElementKind::Declared, _) | (ElementKind::Active { .. }, ElementItems::Functions(_)) => 0,
            (ElementKind::Passive, ElementItems::Functions(items)) => items.count(),
            (_, ElementItems::Expressions(_, items)) => items.count(),
        });
    }
    Ok(elements)
}

/// The weight of one function, or at least something over `cap`.
fn function_weight(counted: &LocalUses, body: &FunctionBody<'_>, cap: u64) -> Result<u64, CatalogueError> {
    let fixed = counted.fixed_weight();
    // Most functions are light even if every local were live everywhere.
    let most = fixed.saturating_add(counted.most_live());
    if most <= SMALL || fixed > cap {
        return Ok(most);
    }
    // A function that cannot be analysed in little time and memory counts as heavy.
    if counted.most_live() > LARGEST {
        return Ok(most);
    }
    Ok(fixed.saturating_add(flow::live(body, counted)?))
}

/// If a function weighs no more than this at most, the bound is taken for its weight.
const SMALL: u64 = 1_000;

/// The most pairs of a block and a local that are analysed: with a bit for each pair, this is 32 MiB.
const LARGEST: u64 = 1 << 28;

/// A function as an error names it: by its name, if it is known, and its index.
fn function_name(bytes: &[u8], index: u32) -> String {
    own_name(bytes, index).map_or_else(|| format!("function {index}"), |name| format!("`{name}` (function {index})"))
}

/// The name of a function in the name section, if that can be read.
fn own_name(bytes: &[u8], index: u32) -> Option<String> {
    let custom = Parser::new(0).parse_all(bytes).find_map(|payload| match payload.ok()? {
        Payload::CustomSection(section) if section.name() == "name" => Some(section),
        _ => None,
    })?;
    let KnownCustom::Name(names) = custom.as_known() else { return None };
    named(names, index).map(|name| format!("{:#}", rustc_demangle::demangle(name)))
}

fn named(names: NameSectionReader<'_>, index: u32) -> Option<&str> {
    names
        .into_iter()
        .find_map(|names| match names {
            Ok(Name::Function(functions)) => {
                functions.into_iter().find_map(|naming| naming.ok().filter(|naming| naming.index == index))
            }
            _ => None,
        })
        .map(|naming| naming.name)
}

#[cfg(test)]
mod tests;
