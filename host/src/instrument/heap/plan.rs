//! What to change for the hooks.

use super::code::{self, Listeners};
use super::module::ModuleBodies;
use super::names::{self, HookTarget};
use super::{ALLOCATE_EXPORT, FREE_EXPORT, HOOKS_TABLE, HeapHooks, Hook, HookKind, NoHooks, Window, allocator};
use crate::catalogue::Module;
use crate::catalogue::sections::{Section, id};
use crate::instrument::InstrumentError;
use crate::instrument::export_globals::NewExport;
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

/// What to change for the hooks, and what the hooks are.
pub(in crate::instrument) struct HeapEdits {
    pub(in crate::instrument) hooks: HeapHooks,
    pub(in crate::instrument) edits: Vec<Edit>,
    pub(in crate::instrument) exports: Vec<NewExport>,
}

/// Why nothing is hooked: the heap cannot be followed, or the module cannot be read.
pub(in crate::instrument) enum Obstacle {
    NoHooks(NoHooks),
    Malformed(InstrumentError),
}

impl From<NoHooks> for Obstacle {
    fn from(reason: NoHooks) -> Self {
        Self::NoHooks(reason)
    }
}

impl<E: Into<InstrumentError>> From<E> for Obstacle {
    fn from(error: E) -> Self {
        Self::Malformed(error.into())
    }
}

/// What to change for the hooks of a module that has none.
pub(in crate::instrument) fn plan(parsed: &Module<'_>, window: Window) -> Result<HeapEdits, Obstacle> {
    let module = ModuleBodies::new(parsed)?;
    let targets = targets(&module, window)?;
    with_targets(&module, targets)
}

/// What to hook, if anything may be.
pub(super) fn targets(module: &ModuleBodies<'_>, window: Window) -> Result<Vec<HookTarget>, NoHooks> {
    let targets = names::find(module, window)?;
    if module.imports_memory() {
        return Err(NoHooks::ImportedMemory);
    }
    if module.parsed.memories == 0 {
        return Err(NoHooks::NoMemory);
    }
    if module.parsed.section(id::START).is_some() {
        return Err(NoHooks::StartFunction);
    }
    Ok(targets)
}

/// Where what is added goes.
struct Insertions<'m> {
    code: &'m Section,
    /// Behind the function count.
    counted: usize,
    listeners: Listeners,
}

impl<'m> Insertions<'m> {
    fn find(module: &ModuleBodies<'m>, added: u32) -> Result<Self, Obstacle> {
        let code = module.parsed.section(id::CODE).ok_or(NoHooks::NoMalloc)?;
        let mut reader = code.reader(module.bytes());
        let count = reader.read_var_u32()?;
        let counted = reader.original_position();
        // From the longer form of a number the way back is not known.
        if counted - code.contents.start != leb(count).len() {
            return Err(NoHooks::UnusualCode.into());
        }
        let types = module.parsed.types.len() as u32;
        let sizes = [module.function_count().saturating_add(added), types.saturating_add(TYPE_COUNT)];
        if sizes.iter().any(|&size| size > MOST) || module.parsed.exports.len().saturating_add(3) > MOST as usize {
            return Err(NoHooks::TooLarge.into());
        }
        let listeners = Listeners { table: module.table_count(), enter: types, leave: types + 1 };
        Ok(Self { code, counted, listeners })
    }
}

fn with_targets(module: &ModuleBodies<'_>, targets: Vec<HookTarget>) -> Result<HeapEdits, Obstacle> {
    let added = 2 * targets.len() as u32;
    let places = Insertions::find(module, added)?;
    let mut new = NewCode::default();
    for target in &targets {
        new.hook(module, &places, target)?;
    }
    let exports = exports(module.table_count(), &targets);
    let NewCode { mut edits, hooks, functions, bodies } = new;
    edits.extend(code_edits(module, &places, added, bodies));
    let (bytes, sections) = (module.bytes(), module.sections());
    edits.push(grown(bytes, sections, id::TYPE, &[], TYPE_COUNT, TYPES)?);
    edits.push(grown(bytes, sections, id::FUNCTION, &[], added, &functions)?);
    edits.push(grown(bytes, sections, id::TABLE, &[id::TYPE, id::IMPORT, id::FUNCTION], 1, TABLE)?);
    Ok(HeapEdits { hooks: HeapHooks { hooks }, edits, exports })
}

/// The code section's size and count, and what is behind its functions.
fn code_edits(module: &ModuleBodies<'_>, places: &Insertions<'_>, added: u32, bodies: Vec<u8>) -> [Edit; 2] {
    let count = leb(module.bodies.len() as u32 + added);
    let size = count.len() + (places.code.contents.end - places.counted) + bodies.len();
    let mut header = vec![id::CODE];
    size.encode(&mut header);
    header.extend(count);
    let end = places.code.contents.end;
    [Edit { at: places.code.whole.start..places.counted, with: header }, Edit { at: end..end, with: bodies }]
}

/// What the host needs by name.
pub(super) fn exports(table: u32, targets: &[HookTarget]) -> Vec<NewExport> {
    let mut exports = vec![NewExport { name: HOOKS_TABLE.to_owned(), kind: ExportKind::Table, index: table }];
    let kinds = targets.iter().map(|target| target.kind);
    let allocator = allocator(kinds.clone());
    for (target, kind) in targets.iter().zip(kinds) {
        let name = match kind {
            HookKind::Free => FREE_EXPORT,
            _ if Some(kind) == allocator => ALLOCATE_EXPORT,
            _ => continue,
        };
        exports.push(NewExport { name: name.to_owned(), kind: ExportKind::Func, index: target.function });
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
        module: &ModuleBodies<'_>,
        places: &Insertions<'_>,
        target: &HookTarget,
    ) -> Result<(), Obstacle> {
        let &HookTarget { kind, ref name, function } = target;
        let (Some(body), Some(ty)) = (module.body(function), module.function_type(function)) else {
            return Err(NoHooks::BadNames.into());
        };
        let which = self.hooks.len() as u32;
        let moved = module.function_count() + 2 * which;
        let wrapper = moved + 1;
        let params = ty.params().len() as u32;
        let bytes = &module.bytes()[body.clone()];
        let jump = code::jump(params, wrapper, locals(bytes)?, bytes.len());
        let jump = jump.ok_or_else(|| NoHooks::TooShort { name: name.clone() })?;
        let throws = module.parsed.has_tags();
        let code::Wrapper { body: between, cost } = code::wrapper(kind, which, params, moved, places.listeners, throws);

        let moved_body = self.append(places, bytes);
        self.append(places, &between);
        for _ in 0..2 {
            module.parsed.functions[function as usize].encode(&mut self.functions);
        }
        let body_start = offset(body.start - places.code.contents.start);
        self.edits.push(Edit { at: body, with: jump });
        let (body, moved_body) = (body_start, offset(moved_body));
        let name = name.clone();
        self.hooks.push(Hook { kind, name, function, moved, wrapper, cost, body, moved_body });
        Ok(())
    }

    /// Puts a function behind the others; where its body starts.
    fn append(&mut self, places: &Insertions<'_>, body: &[u8]) -> usize {
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
