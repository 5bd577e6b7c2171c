//! Undoes the pass: makes the module as it was before.

use super::names::HookTarget;
use super::plan::{TABLE, TYPE_COUNT, TYPES, Targets, Wanted};
use super::{HOOKS_TABLE, panics};
use crate::catalogue::Module;
use crate::catalogue::sections::id;
use crate::instrument::InstrumentError;
use crate::instrument::bodies::ModuleBodies;
use crate::instrument::export_globals::encoded;
use crate::instrument::splice::{Edit, Splice, leb, shrunk};
use wasm_encoder::Encode;

/// The beginnings of the names of exports that the pass adds.
const PREFIXES: [&str; 3] = ["airtight:heap/", "airtight:fill/", panics::PREFIX];

/// The first export with a name that the pass itself gives, or may give in a later version.
pub(in crate::instrument) fn reserved_name(module: &Module<'_>) -> Option<String> {
    let reserved = |name: &str| name == HOOKS_TABLE || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    module.exports.iter().map(|export| export.name).find(|name| reserved(name)).map(str::to_owned)
}

/// Takes out everything that a run of the pass with these wishes would have added. `None` if that is not there.
///
/// The result proves nothing by itself: it may not even be a valid module.
pub(in crate::instrument) fn undo(parsed: &Module<'_>, wanted: Wanted) -> Result<Option<Vec<u8>>, InstrumentError> {
    let module = ModuleBodies::new(parsed)?;
    // Jumps are as long as the bodies that they replace, and have the same types. So the same functions are found.
    let targets = Targets::find(&module, wanted, true);
    let missing = [wanted.heap.is_some() && targets.heap.is_err(), wanted.panics && targets.panics.is_err()];
    if missing.contains(&true) || targets.in_order().is_empty() {
        return Ok(None);
    }
    let Some(edits) = edits(&module, &targets) else { return Ok(None) };
    let mut splice = Splice::default();
    splice.extend(edits);
    Ok(Some(splice.apply(parsed.bytes).into_owned()))
}

fn edits(module: &ModuleBodies<'_>, found: &Targets) -> Option<Vec<Edit>> {
    let (bytes, sections) = (module.bytes(), module.sections());
    let targets = &found.in_order();
    let added = 2 * targets.len();
    let left = module.bodies.len().checked_sub(added)?;
    let mut functions = Vec::new();
    for target in targets {
        let ty = module.parsed.functions.get(target.function as usize)?;
        (0..2).for_each(|_| ty.encode(&mut functions));
    }
    let exports = found.exports(module.table_count().checked_sub(1)?);
    let mut edits = vec![
        shrunk(bytes, sections, id::TYPE, TYPE_COUNT, TYPES)?,
        shrunk(bytes, sections, id::FUNCTION, added as u32, &functions)?,
        shrunk(bytes, sections, id::TABLE, 1, TABLE)?,
        shrunk(bytes, sections, id::EXPORT, exports.len() as u32, &encoded(&exports))?,
    ];
    let (count, globals) = found.fills.globals();
    if count > 0 {
        edits.push(shrunk(bytes, sections, id::GLOBAL, count, &globals)?);
    }
    edits.push(code(module, targets, left)?);
    Some(edits)
}

/// The code section without the added functions, and with the moved bodies back in their places.
fn code(module: &ModuleBodies<'_>, targets: &[HookTarget], left: usize) -> Option<Edit> {
    let section = module.parsed.section(id::CODE)?;
    let first = module.bodies.first()?.start;
    let end = module.bodies.get(left.checked_sub(1)?)?.end;
    // The section's size and count come first, then the size of the first function, then its body.
    let mut counted = section.reader(module.bytes());
    counted.read_var_u32().ok()?;
    let start = counted.original_position();
    debug_assert!(start < first);

    let mut code = module.bytes()[start..end].to_vec();
    for (moved, target) in module.bodies[left..].iter().step_by(2).zip(targets) {
        let jump = module.body(target.function)?;
        let moved = &module.bytes()[moved.clone()];
        let place = jump.start.checked_sub(start)?..jump.end.checked_sub(start)?;
        code.get_mut(place).filter(|place| place.len() == moved.len())?.copy_from_slice(moved);
    }
    let count = leb(u32::try_from(left).ok()?);
    let mut with = vec![id::CODE];
    (count.len() + code.len()).encode(&mut with);
    with.extend(count);
    with.extend(code);
    Some(Edit { at: section.whole.clone(), with })
}
