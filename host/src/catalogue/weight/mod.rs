//! How much work a module is for a compiler, found out before it is compiled.
//!
//! An optimising compiler cannot be interrupted, and its time is not linear: a function of 9 KB can take half a minute. What
//! makes it so was measured (`host/docs/decisions/0007-compiling-is-bounded.md`), and is counted here:
//!
//! - values that are live where control flow goes: locals, summed over the edges between blocks, and operands, summed over
//!   the blocks;
//! - targets of `br_table`, and the values that branches to them carry;
//! - parameters and results of calls, over those that registers hold, and calls above a deep operand stack;
//! - loops: the square of their number, and of the depth of each;
//! - locals that are declared, used or not;
//! - bytes of code.
//!
//! The sum is a function's *weight*. It depends on the module alone, so a module that loads on one machine loads on all.

mod count;
mod flow;

use super::CatalogueError;
use count::LocalUses;
use wasmparser::{FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, ValidPayload, Validator};
use wasmparser::{KnownCustom, Name, NameSectionReader, Payload, ValidatorResources};

/// Caps on the work that a module is for a compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileCaps {
    /// Most weight of one function.
    pub function: u64,
    /// Most weight of all functions together, with one more for every byte of code: large modules are heavier.
    pub module: u64,
}

impl Default for CompileCaps {
    fn default() -> Self {
        Self { function: 300_000, module: 1_000_000 }
    }
}

impl CompileCaps {
    /// Caps that nothing reaches: for modules that are trusted.
    pub const NONE: Self = Self { function: u64::MAX, module: u64::MAX };
}

/// What each function costs whatever is in it.
const FUNCTION: u64 = 16;

/// Validates a module and weighs its functions.
///
/// # Errors
/// [`CatalogueError::Invalid`], or the first cap that is exceeded: [`CatalogueError::HeavyFunction`] or
/// [`CatalogueError::HeavyModule`].
pub fn weigh(bytes: &[u8], caps: CompileCaps) -> Result<u64, CatalogueError> {
    let mut validator = Validator::new_with_features(super::FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    let (mut total, mut cap) = (0u64, caps.module);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::CodeSectionStart { range, .. } = &payload {
            cap = caps.module.saturating_add(range.len() as u64);
        }
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let index = function.index;
            let heavy = |weight| heavy_function(bytes, index, weight, caps.function);
            let weight = function_weight(function, &body, &mut allocations, caps.function)?;
            if weight > caps.function {
                return Err(heavy(weight));
            }
            total = total.saturating_add(weight).saturating_add(FUNCTION);
            // At once: the functions to come may be many.
            if total > cap {
                return Err(CatalogueError::HeavyModule { weight: total, cap });
            }
        }
    }
    Ok(total)
}

/// The weight of one function, or at least something over `cap`.
fn function_weight(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: &mut FuncValidatorAllocations,
    cap: u64,
) -> Result<u64, CatalogueError> {
    let mut validator = function.into_validator(std::mem::take(allocations));
    let counted = LocalUses::read(&mut validator, body)?;
    *allocations = validator.into_allocations();
    let fixed = counted.fixed_weight();
    // Most functions are light even if every local were live everywhere.
    let most = fixed.saturating_add(counted.most_live());
    if most <= SMALL || fixed > cap {
        return Ok(most);
    }
    // What cannot be looked at in little time and memory is heavy without a look.
    if counted.most_live() > LARGEST {
        return Ok(most);
    }
    Ok(fixed.saturating_add(flow::live(body, &counted)?))
}

/// A bound of this is taken for the weight itself.
const SMALL: u64 = 1_000;

/// Blocks times locals that are looked at: at a bit each, this is 32 MiB.
const LARGEST: u64 = 1 << 28;

fn heavy_function(bytes: &[u8], index: u32, weight: u64, cap: u64) -> CatalogueError {
    let name = function_name(bytes, index);
    let function = name.map_or_else(|| format!("function {index}"), |name| format!("`{name}` (function {index})"));
    CatalogueError::HeavyFunction { function, weight, cap }
}

/// What the name section calls a function, as far as that can be read.
fn function_name(bytes: &[u8], index: u32) -> Option<String> {
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
