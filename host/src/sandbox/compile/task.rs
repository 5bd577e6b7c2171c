//! What a process that compiles is told, and what it does.
//!
//! The process is this program once more; its arguments are a word and a [`Task`]. Its standard input is the module, its
//! standard output is the machine code, and its standard error says what is wrong.

use super::super::cache::{Cache, FunctionCache};
use super::super::child::{ChildCompiler, NoCode};
use super::super::engine::{Compiler, Engine, EngineOptions};
use super::make::make;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// What a child process compiles with.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    compiler: String,
    stack: u64,
    pooled: bool,
    threads: bool,
    /// Most seconds of processor time.
    time: u64,
    memory: u64,
    /// The folder of the cache that holds compiled functions, and how many bytes it may keep.
    functions: Option<(PathBuf, u64)>,
}

/// The machine code of a module for this engine, compiled by a child process.
///
/// # Errors
/// See [`NoCode`].
pub fn compile_elsewhere(child: &ChildCompiler, engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, NoCode> {
    let options = engine.options();
    let budget = child.budget.for_size(bytes.len());
    let task = Task {
        compiler: options.compiler.word().to_owned(),
        stack: options.stack,
        pooled: engine.pooled(),
        threads: options.threads,
        time: budget.seconds(),
        memory: budget.memory,
        functions: engine.functions().map(FunctionCache::place),
    };
    let task = serde_json::to_string(&task).map_err(|error| NoCode::Failed(error.to_string()))?;
    child.compile(&task, bytes, budget)
}

/// Compiles the module that `module` gives, as `task` says. It is all that the program does when its argument is the word.
/// This process gets bounds on its time and memory, and ends with the process that started it.
///
/// # Errors
/// What is wrong, in words.
pub fn compile_task(task: &str, mut module: impl Read) -> Result<Vec<u8>, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let task: Task = serde_json::from_str(task).map_err(|error| told(&error))?;
    // On other systems, it ends when nobody reads what it writes.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| told(&error))?;
    let compiler = Compiler::of_word(&task.compiler).ok_or("there is no such compiler")?;
    let functions = task.functions.map(|(dir, most)| Arc::new(FunctionCache::beside(&Cache::new(dir, most))));
    let options = EngineOptions {
        compiler,
        stack: task.stack,
        pooling: task.pooled,
        threads: task.threads,
        ..EngineOptions::default()
    };
    let engine = Engine::make(options, functions, None).map_err(|error| told(&error))?;
    // The stacks of the compiling threads are made before the memory is bounded: they are address space, not work.
    rayon::current_num_threads();
    bound(task.time, task.memory);
    let mut bytes = Vec::new();
    module.read_to_end(&mut bytes).map_err(|error| told(&error))?;
    let code = make(|| engine.wasmtime().precompile_module(&bytes))?;
    if let Some(functions) = engine.functions() {
        // Writing the cache also handles functions of earlier modules: that is not this module's work.
        unbind();
        functions.keep();
    }
    Ok(code)
}

/// Undoes [`bound`] as far as the system allows it.
fn unbind() {
    for resource in [Resource::Cpu, Resource::Data] {
        let limit = getrlimit(resource);
        let _ = setrlimit(resource, Rlimit { current: limit.maximum, ..limit });
    }
}

/// Bounds the processor time of this process in seconds, and the bytes that it may write beyond those that it can write
/// now. It leaves no core file behind.
fn bound(seconds: u64, memory: u64) {
    let memory = memory.saturating_add(own_memory());
    for (resource, most) in [(Resource::Cpu, seconds), (Resource::Data, memory), (Resource::Core, 0)] {
        let Rlimit { current, maximum } = getrlimit(resource);
        let current = Some(current.map_or(most, |own| own.min(most)));
        // If the system refuses one of these bounds, the other ones still hold.
        let _ = setrlimit(resource, Rlimit { current, maximum });
    }
}

/// The bytes that this process can write now. Most of them are address space of the engine that nobody touches.
fn own_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmData:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}
