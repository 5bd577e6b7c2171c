//! What to change for the hooks.

use super::code::{self, Listeners};
use super::module::Module;
use super::names::{self, Target};
use super::{FREE_EXPORT, HOOKS_TABLE, HeapHooks, Hook, Hooked, MALLOC_EXPORT, NoHooks, Window};
use crate::catalogue::sections::{Section, id};
use crate::instrument::InstrumentError;
use crate::instrument::export_globals::Added;
use crate::instrument::splice::{Edit, grown, leb};
use wasm_encoder::{Encode, ExportKind};
use wasmparser::{BinaryReaderError, FunctionBody};

/// The types of `enter` and `leave`, as entries of a type section.
pub(super) const TYPES: &[u8] = &[0x60, 3, 0x7f, 0x7f, 0x7f, 0, 0x60, 2, 0x7f, 0x7f, 0];
pub(super) const TYPE_COUNT: u32 = 2;

/// The table: `funcref`, two elements and no more.
pub(super) const TABLE: &[u8] = &[0x70, 1, 2, 2];

/// Most functions, types and exports of a module, each: what engines agree on.
const MOST: u32 = 1_000_000;

/// What to change, and what it will mean.
pub(in crate::instrument) struct Plan {
    pub(in crate::instrument) hooks: HeapHooks,
    pub(in crate::instrument) edits: Vec<Edit>,
    pub(in crate::instrument) exports: Vec<Added>,
}

/// Plans the hooks of a module that has none.
pub(in crate::instrument) fn plan<'a>(
    bytes: &'a [u8],
    sections: &'a [Section<'a>],
    window: Window,
) -> Result<Result<Plan, NoHooks>, InstrumentError> {
    let module = Module::read(bytes, sections)?;
    Ok(match targets(&module, window) {
        Ok(targets) => with_targets(&module, targets)?,
        Err(reason) => Err(reason),
    })
}

/// What to hook, if anything may be.
pub(super) fn targets(module: &Module<'_>, window: Window) -> Result<Vec<Target>, NoHooks> {
    let targets = names::find(module, window)?;
    if module.imported_memory {
        return Err(NoHooks::ImportedMemory);
    }
    if module.memories == 0 {
        return Err(NoHooks::NoMemory);
    }
    if module.start_section {
        return Err(NoHooks::StartFunction);
    }
    Ok(targets)
}

/// Where what is added goes.
struct Places<'m> {
    code: &'m Section<'m>,
    /// Behind the function count.
    counted: usize,
    listeners: Listeners,
}

impl<'m> Places<'m> {
    fn find(module: &Module<'m>, added: u32) -> Result<Result<Self, NoHooks>, BinaryReaderError> {
        let Some(code) = module.section_of(id::CODE) else { return Ok(Err(NoHooks::NoMalloc)) };
        let mut reader = code.reader(module.bytes);
        let count = reader.read_var_u32()?;
        let counted = reader.original_position();
        // From the longer form of a number the way back is not known.
        if counted - code.contents.start != leb(count).len() {
            return Ok(Err(NoHooks::UnusualCode));
        }
        let types = module.types.len() as u32;
        let sizes = [module.function_count().saturating_add(added), types.saturating_add(TYPE_COUNT)];
        if sizes.iter().any(|&size| size > MOST) || module.exports.saturating_add(3) > MOST {
            return Ok(Err(NoHooks::TooLarge));
        }
        let listeners = Listeners { table: module.tables, enter: types, leave: types + 1 };
        Ok(Ok(Self { code, counted, listeners }))
    }
}

fn with_targets(module: &Module<'_>, targets: Vec<Target>) -> Result<Result<Plan, NoHooks>, InstrumentError> {
    let added = 2 * targets.len() as u32;
    let places = match Places::find(module, added)? {
        Ok(places) => places,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut new = NewCode::default();
    for target in &targets {
        if let Err(reason) = new.hook(module, &places, target)? {
            return Ok(Err(reason));
        }
    }
    let exports = exports(module.tables, &targets);
    let NewCode { mut edits, hooks, functions, bodies } = new;
    edits.extend(code_edits(module, &places, added, bodies));
    let (bytes, sections) = (module.bytes, module.sections);
    edits.push(grown(bytes, sections, id::TYPE, &[], TYPE_COUNT, TYPES)?);
    edits.push(grown(bytes, sections, id::FUNCTION, &[], added, &functions)?);
    edits.push(grown(bytes, sections, id::TABLE, &[id::TYPE, id::IMPORT, id::FUNCTION], 1, TABLE)?);
    Ok(Ok(Plan { hooks: HeapHooks { hooks }, edits, exports }))
}

/// The code section's size and count, and what is behind its functions.
fn code_edits(module: &Module<'_>, places: &Places<'_>, added: u32, bodies: Vec<u8>) -> [Edit; 2] {
    let count = leb(module.bodies.len() as u32 + added);
    let size = count.len() + (places.code.contents.end - places.counted) + bodies.len();
    let mut header = vec![id::CODE];
    size.encode(&mut header);
    header.extend(count);
    let end = places.code.contents.end;
    [Edit { at: places.code.whole.start..places.counted, with: header }, Edit { at: end..end, with: bodies }]
}

/// What the host needs by name.
pub(super) fn exports(table: u32, targets: &[Target]) -> Vec<Added> {
    let mut exports = vec![Added { name: HOOKS_TABLE.to_owned(), kind: ExportKind::Table, index: table }];
    for target in targets {
        let name = match target.kind {
            Hooked::Malloc => MALLOC_EXPORT,
            Hooked::Free => FREE_EXPORT,
            _ => continue,
        };
        exports.push(Added { name: name.to_owned(), kind: ExportKind::Func, index: target.function });
    }
    exports
}

/// The functions that are added, and the jumps to them.
#[derive(Default)]
struct NewCode {
    hooks: Vec<Hook>,
    edits: Vec<Edit>,
    functions: Vec<u8>,
    bodies: Vec<u8>,
}

impl NewCode {
    fn hook(
        &mut self,
        module: &Module<'_>,
        places: &Places<'_>,
        target: &Target,
    ) -> Result<Result<(), NoHooks>, BinaryReaderError> {
        let &Target { kind, ref name, function } = target;
        let (Some(body), Some(ty)) = (module.body(function), module.function_type(function)) else {
            return Ok(Err(NoHooks::BadNames));
        };
        let which = self.hooks.len() as u32;
        let moved = module.function_count() + 2 * which;
        let wrapper = moved + 1;
        let params = ty.params().len() as u32;
        let bytes = &module.bytes[body.clone()];
        let Some(jump) = code::jump(params, wrapper, locals(bytes)?, bytes.len()) else {
            return Ok(Err(NoHooks::TooShort { name: name.clone() }));
        };
        let code::Wrapper { body: between, fuel_before, fuel_after } =
            code::wrapper(kind, which, params, moved, places.listeners);

        let moved_body = self.append(places, bytes);
        self.append(places, &between);
        for _ in 0..2 {
            module.functions[function as usize].encode(&mut self.functions);
        }
        let body_start = offset(body.start - places.code.contents.start);
        self.edits.push(Edit { at: body, with: jump });
        let (body, moved_body) = (body_start, offset(moved_body));
        let name = name.clone();
        self.hooks.push(Hook { kind, name, function, moved, wrapper, fuel_before, fuel_after, body, moved_body });
        Ok(Ok(()))
    }

    /// Puts a function behind the others; where its body starts.
    fn append(&mut self, places: &Places<'_>, body: &[u8]) -> usize {
        body.len().encode(&mut self.bodies);
        let start = places.code.contents.len() + self.bodies.len();
        self.bodies.extend_from_slice(body);
        start
    }
}

/// An offset in a code section, which is shorter than 4 GiB by its own header.
fn offset(from_contents: usize) -> u32 {
    u32::try_from(from_contents).unwrap_or(u32::MAX)
}

/// The local declarations of a body.
pub(super) fn locals(body: &[u8]) -> Result<&[u8], BinaryReaderError> {
    let function = FunctionBody::new(wasmparser::BinaryReader::new(body, 0));
    let operators = function.get_binary_reader_for_operators()?;
    Ok(&body[..operators.original_position()])
}
