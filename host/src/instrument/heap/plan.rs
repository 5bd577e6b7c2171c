//! Plans the hooks: which functions are hooked, and what changes in the module's bytes.

use super::code::{self, Listeners};
use super::fills::{self, FillTargets};
use super::hook::{Hook, HookCost, HookKind, Hooks, allocator};
use super::names::{self, HookTarget};
use super::panics::{self, PanicHooks, PanicTargets};
use super::{ALLOCATE_EXPORT, FREE_EXPORT, HOOKS_TABLE, NoHooks, Window};
use crate::catalogue::Module;
use crate::catalogue::sections::{Section, id};
use crate::instrument::InstrumentError;
use crate::instrument::bodies::ModuleBodies;
use crate::instrument::export_globals::NewExport;
use crate::instrument::splice::{Edit, grown, leb};
use wasm_encoder::{Encode, ExportKind};

/// The types of `enter` and `leave`, as entries of a type section.
pub(super) const TYPES: &[u8] = &[0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 0];
pub(super) const TYPE_COUNT: u32 = 2;

/// The sections that come before the globals.
const BEFORE_GLOBALS: &[u8] = &[id::TYPE, id::IMPORT, id::FUNCTION, id::TABLE, id::MEMORY, id::TAG];

/// The table: `funcref`, two elements and no more.
pub(super) const TABLE: &[u8] = &[0x70, 1, 2, 2];

/// The most functions, types and exports of a module, each: the limit that engines agree on.
const MOST: u32 = 1_000_000;

/// What the host wants from the pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::instrument) struct Wanted {
    /// To follow the heap, with this window.
    pub(in crate::instrument) heap: Option<Window>,
    /// To learn of panics.
    pub(in crate::instrument) panics: bool,
    /// To fill functions that panic on this platform.
    pub(in crate::instrument) fills: bool,
}

/// The hooks, and what to change for them. If there are no hooks, nothing is changed.
pub(in crate::instrument) struct HookPlan {
    pub(in crate::instrument) hooks: Hooks,
    pub(in crate::instrument) heap: Result<Hooks, NoHooks>,
    pub(in crate::instrument) panics: Result<PanicHooks, NoHooks>,
    pub(in crate::instrument) edits: Vec<Edit>,
    pub(in crate::instrument) exports: Vec<NewExport>,
}

/// Why the hooks are not possible, or why the module cannot be read.
enum Obstacle {
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

/// Plans the hooks of a module that has none yet.
///
/// # Errors
/// The module cannot be read.
pub(in crate::instrument) fn plan(parsed: &Module<'_>, wanted: Wanted) -> Result<HookPlan, InstrumentError> {
    let module = ModuleBodies::new(parsed)?;
    let mut targets = Targets::find(&module, wanted, false);
    loop {
        if targets.in_order().is_empty() {
            // If heap or panics could be hooked, there would be a function: so neither can.
            let (heap, panics) = (targets.heap.and(Err(NoHooks::Off)), targets.panics.and(Err(NoHooks::Off)));
            let hooks = Hooks::default();
            return Ok(HookPlan { hooks, heap, panics, edits: Vec::new(), exports: Vec::new() });
        }
        match with_targets(&module, &targets) {
            Ok((hooks, edits)) => {
                let exports = targets.exports(module.table_count());
                let Targets { heap, panics, .. } = targets;
                let panics = panics.map(|PanicTargets { text, borrows, .. }| PanicHooks { text, borrows });
                let heap = heap.map(|_| hooks.clone());
                return Ok(HookPlan { hooks, heap, panics, edits, exports });
            }
            // The loop ends, because something is given up each time.
            Err(Obstacle::NoHooks(why)) => targets.give_up(&why),
            Err(Obstacle::Malformed(error)) => return Err(error),
        }
    }
}

/// The functions to hook for each purpose, or why there are none.
#[derive(Debug)]
pub(super) struct Targets {
    pub(super) heap: Result<Vec<HookTarget>, NoHooks>,
    pub(super) panics: Result<PanicTargets, NoHooks>,
    pub(super) fills: FillTargets,
    /// The function to hook for the names of threads.
    threads: Vec<HookTarget>,
}

impl Targets {
    /// The functions to hook in a module; in a module that is `hooked` already, those that are.
    pub(super) fn find(module: &ModuleBodies<'_>, wanted: Wanted, hooked: bool) -> Self {
        let heap = wanted.heap.ok_or(NoHooks::Off).and_then(|window| names::find(module, window));
        let panics = if wanted.panics { panics::find(module, hooked) } else { Err(NoHooks::Off) };
        let may_be = may_be_hooked(module);
        let heap = heap.and_then(|found| may_be.clone().map(|()| found));
        let panics = panics.and_then(|found| may_be.clone().map(|()| found));
        let fills = if wanted.fills && may_be.is_ok() { fills::find(module, hooked) } else { FillTargets::default() };
        let threads = if wanted.fills { names::of_threads(module) } else { Vec::new() };
        let mut targets = Self { heap, panics, fills, threads };
        let in_order = targets.in_order();
        let twice = in_order.windows(2).find(|pair| pair[0].function == pair[1].function);
        if let Some(function) = twice.map(|pair| pair[0].function) {
            targets.panics = targets.panics.and(Err(NoHooks::TwoNames { function }));
            targets.fills = FillTargets::default();
            targets.threads.clear();
        }
        targets
    }

    /// All functions to hook, in the order of their indices.
    pub(super) fn in_order(&self) -> Vec<HookTarget> {
        let heap = self.heap.iter().flatten();
        let panics = self.panics.iter().flat_map(|found| &found.hooks);
        let mut all: Vec<_> = heap.chain(panics).chain(&self.fills.functions).chain(&self.threads).cloned().collect();
        all.sort_by_key(|target| target.function);
        all
    }

    /// The exports by which the host reaches what it needs. `table` is the index of the hooks' table.
    pub(super) fn exports(&self, table: u32) -> Vec<NewExport> {
        let mut exports = vec![NewExport { name: HOOKS_TABLE.to_owned(), kind: ExportKind::Table, index: table }];
        if let Ok(targets) = &self.heap {
            exports.extend(heap_exports(targets));
        }
        if let Ok(found) = &self.panics {
            exports.extend(found.exports());
        }
        exports.extend(self.fills.exports());
        exports
    }

    /// Gives up what cannot be hooked for this reason. If the reason is a single function that is too short, only its purpose
    /// is given up; else everything.
    fn give_up(&mut self, why: &NoHooks) {
        let of_panics = |name: &str| self.panics.iter().flat_map(|found| &found.hooks).any(|hook| hook.name == name);
        match why {
            NoHooks::TooShort { name } if self.threads.iter().any(|hook| hook.name == *name) => self.threads.clear(),
            NoHooks::TooShort { name } if of_panics(name) => self.panics = Err(why.clone()),
            NoHooks::TooShort { .. } if self.heap.is_ok() => self.heap = Err(why.clone()),
            _ => {
                self.threads.clear();
                self.fills = FillTargets::default();
                self.heap = self.heap.as_ref().map_err(Clone::clone).and(Err(why.clone()));
                self.panics = self.panics.as_ref().map_err(Clone::clone).and(Err(why.clone()));
            }
        }
    }
}

/// Whether a module may have hooks at all.
fn may_be_hooked(module: &ModuleBodies<'_>) -> Result<(), NoHooks> {
    // A shared memory is imported, but belongs to the test alone; and the host calls the start function of such a module
    // itself.
    if module.parsed.shared_memory().is_some() {
        return Ok(());
    }
    if module.imports_memory() {
        return Err(NoHooks::ImportedMemory);
    }
    if module.parsed.memories == 0 {
        return Err(NoHooks::NoMemory);
    }
    if module.parsed.section(id::START).is_some() {
        return Err(NoHooks::StartFunction);
    }
    Ok(())
}

/// Where added code, types and tables go.
struct Insertions<'m> {
    code: &'m Section,
    /// The offset behind the function count.
    counted: usize,
    listeners: Listeners,
}

impl<'m> Insertions<'m> {
    fn find(module: &ModuleBodies<'m>, added: u32) -> Result<Self, Obstacle> {
        let code = module.parsed.section(id::CODE).ok_or(NoHooks::NoMalloc)?;
        let mut reader = code.reader(module.bytes());
        let count = reader.read_var_u32()?;
        let counted = reader.original_position();
        // A count in a longer form than needed could not be restored by `undo`.
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

fn with_targets(module: &ModuleBodies<'_>, found: &Targets) -> Result<(Hooks, Vec<Edit>), Obstacle> {
    let targets = found.in_order();
    let added = 2 * targets.len() as u32;
    let places = Insertions::find(module, added)?;
    let mut new = NewCode::default();
    for target in &targets {
        new.hook(module, &places, target, &found.fills)?;
    }
    let NewCode { mut edits, hooks, functions, bodies } = new;
    edits.extend(code_edits(module, &places, added, bodies));
    let (bytes, sections) = (module.bytes(), module.sections());
    edits.push(grown(bytes, sections, id::TYPE, &[], TYPE_COUNT, TYPES)?);
    edits.push(grown(bytes, sections, id::FUNCTION, &[], added, &functions)?);
    let (count, globals) = found.fills.globals();
    if count > 0 {
        edits.push(grown(bytes, sections, id::GLOBAL, BEFORE_GLOBALS, count, &globals)?);
    }
    edits.push(grown(bytes, sections, id::TABLE, &[id::TYPE, id::IMPORT, id::FUNCTION], 1, TABLE)?);
    Ok((Hooks { hooks }, edits))
}

/// The edits of the code section: its size and count, and the bodies that are added behind its functions.
fn code_edits(module: &ModuleBodies<'_>, places: &Insertions<'_>, added: u32, bodies: Vec<u8>) -> [Edit; 2] {
    let count = leb(module.bodies.len() as u32 + added);
    let size = count.len() + (places.code.contents.end - places.counted) + bodies.len();
    let mut header = vec![id::CODE];
    size.encode(&mut header);
    header.extend(count);
    let end = places.code.contents.end;
    [Edit { at: places.code.whole.start..places.counted, with: header }, Edit { at: end..end, with: bodies }]
}

/// The exports by which the host calls the allocator.
fn heap_exports(targets: &[HookTarget]) -> Vec<NewExport> {
    let mut exports = Vec::new();
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
        fills: &FillTargets,
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
        let jump = code::jump(params, wrapper, code::locals(bytes)?, bytes.len());
        let jump = jump.ok_or_else(|| NoHooks::TooShort { name: name.clone() })?;
        let throws = module.parsed.has_tags();
        let code::Wrapper { body: between, cost } = if kind.is_fill() {
            code::Wrapper { body: fills.body(kind, moved)?, cost: HookCost::default() }
        } else {
            code::wrapper(kind, which, params, moved, places.listeners, throws)
        };

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

    /// Adds a function behind the others. Returns where its body starts.
    fn append(&mut self, places: &Insertions<'_>, body: &[u8]) -> usize {
        body.len().encode(&mut self.bodies);
        let start = places.code.contents.len() + self.bodies.len();
        self.bodies.extend_from_slice(body);
        start
    }
}

/// An offset in a code section as a `u32`: the section's header allows less than 4 GiB.
fn offset(from_contents: usize) -> u32 {
    u32::try_from(from_contents).unwrap_or(u32::MAX)
}
