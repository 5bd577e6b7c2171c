//! From code offsets to functions, files and lines. It is done lazily, and with nothing but the module's bytes.
//!
//! Everything is read from the module's own name section, its debug information (DWARF) and the tables of Go, each once, when
//! it is first needed. Nothing here fails: if something cannot be read, frames are without it.

mod assigned;
mod block_type;
mod class;
mod counted;
mod decls;
mod demangle;
mod dwarf;
mod functions;
mod go;
mod harness_frames;
mod metered;
mod names;
mod owner;
mod paths;
mod recursion;
mod refusal;
mod scopes;
mod symbol;
#[cfg(test)]
mod tests;
mod trim;
mod type_names;
mod variables;

pub use assigned::ElementType;
pub use counted::CountedPointer;
pub use go::{GoTables, NoGoTables, frame as go_frame};
pub use harness_frames::HarnessFrames;
pub use paths::PathRoots;

use crate::catalogue::Module;
use crate::catalogue::sections::Section;
use crate::ledger::RawFrame;
use crate::model::Frame;
use crate::model::resource::VariableRecord;
use assigned::{AssignedTypes, ModuleCode};
use class::{Class, class};
use decls::Decl;
use demangle::readable;
use dwarf::Dwarf;
use functions::FunctionStarts;
use names::FunctionNames;
use owner::Owner;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use symbol::Symbol;
use trim::Purpose;
use variables::Variable;

/// How many of the innermost frames are looked at for the cause of a trap: no more lie between the trap and the code that led
/// to it.
const CAUSE_FRAMES: usize = 64;

/// The most bytes of symbols, most of them names, that are kept for one module after they were looked up.
const MOST_KNOWN: usize = 32 << 20;

/// Why Rust code trapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrapCause {
    /// A panic. Its message went to standard error.
    Panic,
    /// An allocation failed, and the code could not go on without it.
    AllocError,
    /// Neither, as far as the names tell.
    Other,
}

/// The functions, files and lines of one module.
pub struct Symbols {
    bytes: Arc<Vec<u8>>,
    sections: Vec<Section>,
    roots: PathRoots,
    harnesses: Vec<HarnessFrames>,
    /// The paths of tests whose function lies within a function of the same name.
    doubled: HashSet<String>,
    names: OnceLock<FunctionNames>,
    lines: Mutex<Lines>,
    starts: OnceLock<FunctionStarts>,
    /// Go's own tables, of a binary of Go's.
    go: OnceLock<Result<Arc<GoTables>, NoGoTables>>,
}

/// Debug information, and the symbols that were looked up in it.
#[derive(Default)]
struct Lines {
    dwarf: Option<Option<Dwarf>>,
    known: HashMap<RawFrame, Arc<[Symbol]>>,
    /// About how many bytes `known` takes.
    known_bytes: usize,
    decls: Option<Vec<Decl>>,
    variables: Option<Vec<Variable>>,
    assigned: AssignedTypes,
}

/// For what a block was allocated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AllocatedFor {
    /// The type of Rust's library that counts references to it, if one does.
    pub counted: Option<CountedPointer>,
    /// The name of the type of Rust's library for which it was.
    pub type_name: Option<String>,
    /// In C, the type to which the variable points that its address was assigned to.
    pub element: Option<ElementType>,
}

impl Lines {
    /// Keeps the symbols that were found for a frame.
    fn remember(&mut self, raw: RawFrame, symbols: &Arc<[Symbol]>) {
        self.known_bytes += symbols.iter().map(Symbol::bytes).sum::<usize>();
        if self.known_bytes > MOST_KNOWN {
            // They can be looked up again.
            self.known.clear();
            self.known_bytes = 0;
        }
        self.known.insert(raw, Arc::clone(symbols));
    }
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").field("bytes", &self.bytes.len()).field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Symbols {
    /// The symbols of a module, from its bytes and sections before any rewriting. Nothing is read yet.
    pub(crate) fn new(bytes: Arc<Vec<u8>>, sections: Vec<Section>, roots: PathRoots) -> Self {
        Self {
            bytes,
            sections,
            roots,
            harnesses: Vec::new(),
            doubled: HashSet::new(),
            names: OnceLock::new(),
            lines: Mutex::default(),
            starts: OnceLock::new(),
            go: OnceLock::new(),
        }
    }

    /// A text that identifies these symbols: the SHA-256 of the module's bytes, and the directories from which its files are
    /// named.
    pub fn sum(&self) -> String {
        format!("{:x} {:?}", Sha256::digest(&**self.bytes), self.roots)
    }

    /// The symbols of a module that was not parsed yet.
    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: &[u8], roots: PathRoots) -> Self {
        Self::new(Arc::new(bytes.to_vec()), crate::catalogue::sections::sections(bytes).unwrap_or_default(), roots)
    }

    /// The same symbols, with the harnesses whose frames the module may have.
    pub(crate) fn with_harnesses(mut self, harnesses: Vec<HarnessFrames>) -> Self {
        self.harnesses = harnesses;
        self
    }

    /// The same symbols, with the paths of tests whose harness puts the user's function into another one of the same name. In
    /// frames, the name is shown once.
    pub(crate) fn with_doubled_paths(mut self, tests: impl IntoIterator<Item = String>) -> Self {
        self.doubled.extend(tests);
        self
    }

    /// The module, as it was before any rewriting.
    pub(crate) fn module(&self) -> (&[u8], &[Section]) {
        (&self.bytes, &self.sections)
    }

    /// The frames of a stack to report, innermost first, with inlined calls as frames of their own. The first frame is the
    /// innermost one of the user's code or of a dependency: frames of languages' libraries at the inner end are left out, and
    /// so are those of the harness at the outer end. If nothing is left, all frames of the test are reported. There are at most
    /// 32 entries: of a deeper stack, calls in libraries share an entry that says how many they are.
    pub fn frames(&self, stack: &[RawFrame]) -> Vec<Frame> {
        self.frames_for(stack, Purpose::Other)
    }

    /// [`Symbols::frames`] for the stack of an allocation: without the frames of allocators, whoever wrote them.
    pub fn frames_of_allocation(&self, stack: &[RawFrame]) -> Vec<Frame> {
        self.frames_for(stack, Purpose::Allocation)
    }

    /// [`Symbols::frames_of_allocation`] as the place of an allocation. Calls by which a function of the user calls itself are
    /// left out, so that every depth of a recursion is the same place; a mark stands for them. If there are marks, the same
    /// stack without them is returned, too.
    pub fn place_of_allocation(&self, stack: &[RawFrame]) -> (Vec<Frame>, Option<Vec<Frame>>) {
        let frames = self.frames_for(stack, Purpose::Place);
        let plain: Vec<Frame> = frames.iter().filter(|frame| !recursion::is_mark(frame)).cloned().collect();
        let folds = plain.len() < frames.len();
        (frames, folds.then_some(plain))
    }

    /// For what a block was allocated, as far as the debug information tells.
    pub fn allocated_for(&self, stack: &[RawFrame]) -> AllocatedFor {
        let groups = self.groups(&stack[..stack.len().min(CAUSE_FRAMES)]);
        let inner = || groups.iter().flat_map(|group| group.iter()).take_while(|symbol| symbol.owner.is_foreign());
        let counted = counted::counted(inner().map(|symbol| symbol.frame.function.as_str()));
        let known = block_type::block_type(inner().map(|symbol| block_type::LibraryCall {
            path: &symbol.frame.function,
            generic: symbol.generic.as_deref(),
        }));
        let type_name = known.or_else(|| Some(counted?.name().to_owned()));
        let element = if type_name.is_none() { self.assigned_type(stack, &groups) } else { None };
        AllocatedFor { counted, type_name, element }
    }

    /// The type to which the variable of C's points to which the block of this allocation was assigned.
    fn assigned_type(&self, stack: &[RawFrame], groups: &[Arc<[Symbol]>]) -> Option<ElementType> {
        // Where a function of the library was inlined, it is not called.
        let is_users = |group: &Arc<[Symbol]>| group.first().is_some_and(|symbol| !symbol.owner.is_foreign());
        let call = *stack.get(groups.iter().position(is_users)?)?;
        let mut lines = self.lines();
        let unit = self.dwarf(&mut lines)?.unit_of(call.offset?)?;
        let module = ModuleCode { bytes: &self.bytes, sections: &self.sections };
        lines.assigned.find(module, (call, unit), |function| self.names().raw(function))
    }

    fn frames_for(&self, stack: &[RawFrame], purpose: Purpose) -> Vec<Frame> {
        let groups = self.groups(stack);
        trim::user_frames(&groups, &self.harnesses, purpose).unwrap_or_else(|| trim::all_frames(&groups))
    }

    /// The frames of the test, each as a group with the calls that were inlined into it.
    fn groups(&self, stack: &[RawFrame]) -> Vec<Arc<[Symbol]>> {
        let mut lines = self.lines();
        stack[..self.test_end(stack)].iter().map(|raw| self.expand(&mut lines, *raw)).collect()
    }

    /// [`Symbols::frames`] for the stack of a panic. Without debug information, the innermost frame is given the place that the
    /// panic itself reports (`file:line:column`). If no frame is the user's, the whole test was inlined into its caller, and
    /// the test is the only frame.
    pub fn frames_of_panic(&self, stack: &[RawFrame], place: &str, test: &str) -> Vec<Frame> {
        let mut frames = self.frames(stack);
        if frames.iter().any(|frame| frame.file.is_some()) {
            return frames;
        }
        let Some((file, line)) = split_place(place) else { return frames };
        if trim::user_frames(&self.groups(stack), &self.harnesses, Purpose::Other).is_none() {
            frames = vec![Frame::new(test)];
        }
        if let Some(innermost) = frames.first_mut() {
            (innermost.file, innermost.line) = (self.named_file(Some(file)), Some(line));
        }
        frames
    }

    /// The only frame that is known of a panic whose stack has unwound: the test, at the place of the panic
    /// (`file:line:column`).
    pub fn frames_of_place(&self, place: &str, test: &str) -> Vec<Frame> {
        let mut frame = self.function_decl(test).unwrap_or_else(|| Frame::new(test));
        if let Some((file, line)) = split_place(place) {
            (frame.file, frame.line) = (self.named_file(Some(file)), Some(line));
        }
        vec![frame]
    }

    /// A place (`file:line:column`) with the file named as in reports, from a place as the compiler wrote it.
    pub fn place(&self, compiled: &str) -> String {
        let named = || {
            let (rest, column) = compiled.rsplit_once(':')?;
            let (file, line) = rest.rsplit_once(':')?;
            Some(format!("{}:{line}:{column}", self.named_file(Some(file))?))
        };
        named().unwrap_or_else(|| compiled.to_owned())
    }

    /// Whether the stack was captured while a harness ran a test, and not while it prepared or reported.
    ///
    /// It is false if the module has neither names nor debug information.
    pub fn in_test_window(&self, stack: &[RawFrame]) -> bool {
        self.holds(stack, Class::TestWindow)
    }

    /// Whether the module's names tell in which functions a harness runs a test.
    pub fn know_test_window(&self) -> bool {
        self.names().know(Class::TestWindow)
    }

    /// Whether there is debug information with files and lines.
    pub fn know_lines(&self) -> bool {
        self.sections.iter().any(|section| section.name == ".debug_line")
    }

    /// The tables of Go.
    ///
    /// # Errors
    /// The module is not a binary of Go's, or of a version whose tables are not known.
    pub fn go(&self) -> Result<&Arc<GoTables>, &NoGoTables> {
        let read = || {
            let module = Module::read(&self.bytes).map_err(|_| NoGoTables::NotGo)?;
            GoTables::read(&module).map(Arc::new)
        };
        self.go.get_or_init(read).as_ref()
    }

    /// Why a trap with this stack happened.
    pub fn cause(&self, stack: &[RawFrame]) -> TrapCause {
        let inner = &stack[..stack.len().min(CAUSE_FRAMES)];
        // Rust may panic because an allocation failed. Then the allocation is the cause.
        if self.holds(inner, Class::AllocError) {
            TrapCause::AllocError
        } else if self.holds(inner, Class::Panic) {
            TrapCause::Panic
        } else {
            TrapCause::Other
        }
    }

    /// Whether the test, or a package that it uses, had asked for panics to be caught. False if that is not known.
    pub fn catches_panics(&self, stack: &[RawFrame]) -> bool {
        let groups = self.groups(stack);
        let mut outward = groups.iter().flat_map(|group| group.iter()).peekable();
        let catches = |symbol: &Symbol| class(&symbol.frame.function, &self.harnesses) == Some(Class::Catch);
        while let Some(symbol) = outward.next() {
            // Rust's library itself catches panics and passes them on: around `main`, and in scoped threads. Those do not
            // count.
            let asked = outward.peek().is_some_and(|outer| !catches(outer) && !outer.owner.is_foreign());
            if catches(symbol) && asked {
                return true;
            }
        }
        false
    }

    /// Whether one of the innermost functions of the stack has one of these texts in its path.
    pub fn mentions(&self, stack: &[RawFrame], paths: &[&str]) -> bool {
        let groups = self.groups(&stack[..stack.len().min(CAUSE_FRAMES)]);
        let mut functions = groups.iter().flat_map(|group| group.iter()).map(|symbol| symbol.frame.function.as_str());
        functions.any(|function| paths.iter().any(|path| function.contains(path)))
    }

    /// The functions of libraries at the inner end of a stack, innermost first, up to the first function of the user or of a
    /// dependency.
    pub fn library_calls(&self, stack: &[RawFrame]) -> Vec<String> {
        let groups = self.groups(&stack[..stack.len().min(CAUSE_FRAMES)]);
        let calls = groups.iter().flat_map(|group| group.iter()).take_while(|symbol| symbol.owner.is_foreign());
        calls.map(|symbol| symbol.frame.function.clone()).collect()
    }

    /// Where a function is declared. `path` is its path, or the end of its path from a whole segment on: some harnesses leave
    /// out the crate. If several functions fit, the one with the shortest path is meant. Closures do not count.
    ///
    /// File and line are absent if there is no debug information.
    pub fn function_decl(&self, path: &str) -> Option<Frame> {
        let mut lines = self.lines();
        let decls = self.decls(&mut lines);
        let fits = decls.iter().enumerate().filter(|(_, decl)| decls::matches(&decl.path, path));
        let best = fits.min_by_key(|(_, decl)| (decl.path.len(), decl.line.is_none())).map(|(index, _)| index);
        match best {
            Some(index) => Some(self.declared(&mut lines, index)),
            None => self.named(path),
        }
    }

    /// A function by its index, and the line on which it begins, where the debug information tells.
    pub fn function(&self, function: u32) -> Frame {
        if let Ok(go) = self.go()
            && let Some(frame) = go.calls(function, 0).pop()
        {
            return frame;
        }
        let starts = self.starts.get_or_init(|| FunctionStarts::read(&self.bytes)).get(function);
        let mut lines = self.lines();
        let raw = RawFrame { function, offset: starts.map(|starts| *starts.end()) };
        let mut frame = match self.expand(&mut lines, raw).last() {
            Some(symbol) => symbol.frame.clone(),
            None => Frame::new(format!("wasm function {function}")),
        };
        // The first operator may be what was put in of another function.
        let decls = self.decls(&mut lines).iter();
        let decl = decls
            .filter_map(|decl| Some((decl.start?, decl.line?)))
            .find(|(start, _)| starts.is_some_and(|starts| starts.contains(start)));
        if let (Some((_, line)), Some(_)) = (decl, &frame.file) {
            frame.line = Some(line);
        }
        frame
    }

    /// The variable of static data that an address belongs to, and where that begins. `None` where the debug information does not
    /// tell, or names several.
    pub fn variable_at(&self, address: u32) -> Option<(u32, VariableRecord)> {
        let mut lines = self.lines();
        let variable = variables::find(self.variables(&mut lines), address)?;
        let (owner, file) = self.owner(variable);
        Some((variable.start, record(variable, &owner, file)))
    }

    /// The static variables of the user and of packages of which these addresses hold a part, by address. The addresses are in
    /// order.
    pub fn variables_within(&self, addresses: &[Range<u32>]) -> Vec<VariableRecord> {
        let mut lines = self.lines();
        let variables = variables::within(self.variables(&mut lines), addresses).into_iter();
        let owned = variables.map(|variable| (variable, self.owner(variable)));
        let owned = owned.filter(|(_, (owner, _))| !owner.is_foreign());
        owned.map(|(variable, (owner, file))| record(variable, &owner, file)).collect()
    }

    fn variables<'l>(&self, lines: &'l mut Lines) -> &'l [Variable] {
        if lines.variables.is_none() {
            let variables = self.dwarf(lines).map(variables::read);
            lines.variables = Some(variables.unwrap_or_default());
        }
        lines.variables.as_deref().unwrap_or_default()
    }

    /// To whom a variable belongs, which its file tells, and the file.
    fn owner(&self, variable: &Variable) -> (Owner, Option<String>) {
        let source = variable.file.as_deref().and_then(|file| self.roots.source(file));
        let owner = source.as_ref().map_or(Owner::User, |source| Owner::new(&variable.path, Some(source), &[]));
        (owner, source.map(|source| source.path))
    }

    fn declared(&self, lines: &mut Lines, index: usize) -> Frame {
        let decl = &self.decls(lines)[index];
        let (function, start) = (readable(&decl.path), decl.start);
        let file = self.named_file(decl.file.as_deref());
        let mut frame = Frame { file, line: decl.line, ..Frame::new(function) };
        if let (None, Some(start)) = (frame.line, start) {
            let calls = self.dwarf(lines).map(|dwarf| dwarf.calls(start)).unwrap_or_default();
            if let Some(call) = calls.last() {
                frame.file = self.named_file(call.file.as_deref());
                frame.line = call.line;
            }
        }
        frame
    }

    fn named_file(&self, compiled: Option<&str>) -> Option<String> {
        Some(self.roots.source(compiled?)?.path)
    }

    /// A function of which only the name section tells.
    fn named(&self, path: &str) -> Option<Frame> {
        let last = path.rsplit("::").next().unwrap_or(path);
        let names = self.names().all().filter(|raw| raw.contains(last)).map(readable);
        let function = names.filter(|name| decls::matches(name, path)).min_by_key(|name| (name.len(), name.clone()))?;
        Some(Frame::new(function))
    }

    /// How many frames of a stack lie within the test that a harness runs; all if no harness runs one.
    fn test_end(&self, stack: &[RawFrame]) -> usize {
        let names = self.names();
        let is_window = |raw: &RawFrame| names.class(raw.function) == Some(Class::TestWindow);
        stack.iter().rposition(is_window).filter(|end| *end > 0).unwrap_or(stack.len())
    }

    fn holds(&self, stack: &[RawFrame], wanted: Class) -> bool {
        let names = self.names();
        if names.know(wanted) {
            return stack.iter().any(|raw| names.class(raw.function) == Some(wanted));
        }
        // Such a function may have been inlined everywhere, or have a name in the debug information alone.
        let mut lines = self.lines();
        self.dwarf(&mut lines).is_some()
            && stack.iter().any(|raw| {
                let symbols = self.expand(&mut lines, *raw);
                symbols.iter().any(|symbol| class(&symbol.frame.function, &self.harnesses) == Some(wanted))
            })
    }

    /// The symbols of a frame: the calls that were inlined into it, innermost first, and the function itself.
    fn expand(&self, lines: &mut Lines, raw: RawFrame) -> Arc<[Symbol]> {
        if let Some(known) = lines.known.get(&raw) {
            return Arc::clone(known);
        }
        if raw == RawFrame::LEFT_OUT {
            return [Symbol::left_out()].into();
        }
        if let (Some(block), Ok(go)) = (raw.go_block(), self.go()) {
            let symbols: Arc<[Symbol]> = go.calls(raw.function, block).into_iter().map(Symbol::of_go).collect();
            lines.remember(raw, &symbols);
            return symbols;
        }
        let calls = match (raw.offset, self.dwarf(lines)) {
            (Some(offset), Some(dwarf)) => dwarf.calls(offset),
            _ => Vec::new(),
        };
        let name = self.names().raw(raw.function).map(readable);
        let outermost = || name.clone().unwrap_or_else(|| format!("wasm function {}", raw.function));
        let last = calls.len().saturating_sub(1);
        let mut symbols: Vec<_> = calls
            .into_iter()
            .enumerate()
            .map(|(index, call)| {
                // Debug information may have a function's name without its path. For the function itself, the name section has
                // the path.
                let named = if index == last { name.clone() } else { None };
                let function = named.or(call.name.as_deref().map(readable)).unwrap_or_else(outermost);
                let source = call.file.and_then(|file| self.roots.source(&file));
                let symbol = Symbol::new(self.as_written(function), source, call.line, &self.harnesses);
                symbol.with_generic(call.generic)
            })
            .collect();
        if symbols.is_empty() {
            symbols.push(Symbol::new(self.as_written(outermost()), None, None, &self.harnesses));
        }
        let symbols: Arc<[Symbol]> = symbols.into();
        lines.remember(raw, &symbols);
        symbols
    }

    /// The path of a function as its author wrote it; see [`Symbols::with_doubled_paths`].
    fn as_written(&self, function: String) -> String {
        if self.doubled.is_empty() {
            return function;
        }
        let within = function.match_indices("::").find_map(|(at, _)| {
            let (test, rest) = (&function[..at], &function[at + 2..]);
            let inner = rest.strip_prefix(self.doubled.get(test)?.rsplit("::").next()?)?;
            (inner.is_empty() || inner.starts_with("::")).then(|| format!("{test}{inner}"))
        });
        within.unwrap_or(function)
    }

    fn names(&self) -> &FunctionNames {
        self.names.get_or_init(|| FunctionNames::read(&self.bytes, &self.sections, &self.harnesses))
    }

    fn dwarf<'l>(&self, lines: &'l mut Lines) -> Option<&'l Dwarf> {
        lines.dwarf.get_or_insert_with(|| Dwarf::open(&self.bytes, &self.sections)).as_ref()
    }

    fn decls<'l>(&self, lines: &'l mut Lines) -> &'l [Decl] {
        if lines.decls.is_none() {
            let decls = self.dwarf(lines).map(|dwarf| decls::read(dwarf, &self.roots));
            lines.decls = Some(decls.unwrap_or_default());
        }
        lines.decls.as_deref().unwrap_or_default()
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        // Symbols that were looked up before a panic in another thread are still right.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// File and line of `file:line:column`.
fn split_place(place: &str) -> Option<(&str, u32)> {
    let (rest, _column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}

fn record(variable: &Variable, owner: &Owner, file: Option<String>) -> VariableRecord {
    let (name, library) = (readable(&variable.path), owner.library().map(str::to_owned));
    VariableRecord { name, file, line: variable.line, library }
}
