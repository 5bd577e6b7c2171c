//! What a process is told that compiles, and what it does.
//!
//! It is this program once more, with a word and a [`Task`] for arguments. Its standard input is the module, its standard output the
//! machine code, its standard error what is wrong.

use super::super::cache::{Cache, FunctionCache};
use super::super::child::{ChildCompiler, NoCode};
use super::super::engine::{Compiler, Engine, EngineOptions};
use super::make::make;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// What a child compiles with.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    compiler: String,
    stack: u64,
    pooled: bool,
    threads: bool,
    /// In seconds of processor time.
    time: u64,
    memory: u64,
    /// The folder of the cache that compiled functions are in, and its bound.
    functions: Option<(PathBuf, u64)>,
}

/// The code of a module, as this engine takes it.
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

/// Compiles the module that `module` gives as a task says: the whole of what its program does with the word.
/// This process gets bounds on its time and memory, and ends with the one that started it.
///
/// # Errors
/// What is wrong, in words.
pub fn compile_task(task: &str, mut module: impl Read) -> Result<Vec<u8>, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let task: Task = serde_json::from_str(task).map_err(|error| told(&error))?;
    // Elsewhere it ends when nobody reads what it writes.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| told(&error))?;
    let compiler = Compiler::of_word(&task.compiler).ok_or("there is no such compiler")?;
    let functions = task.functions.map(|(dir, most)| Arc::new(FunctionCache::of(&Cache::new(dir, most))));
    let options = EngineOptions {
        compiler,
        stack: task.stack,
        pooling: task.pooled,
        threads: task.threads,
        ..EngineOptions::default()
    };
    let engine = Engine::make(options, functions, None).map_err(|error| told(&error))?;
    // The stacks of the threads that compile are there before their memory is bounded: they are address space, and not work.
    rayon::current_num_threads();
    bound(task.time, task.memory);
    let mut bytes = Vec::new();
    module.read_to_end(&mut bytes).map_err(|error| told(&error))?;
    let code = make(|| engine.wasmtime().precompile_module(&bytes))?;
    if let Some(functions) = engine.functions() {
        // What is kept of earlier modules is not this one's work.
        unbind();
        functions.keep();
    }
    Ok(code)
}

/// Takes back what [`bound`] did, as far as that is allowed.
fn unbind() {
    for resource in [Resource::Cpu, Resource::Data] {
        let limit = getrlimit(resource);
        let _ = setrlimit(resource, Rlimit { current: limit.maximum, ..limit });
    }
}

/// Lets this process have so many seconds of processor time, and so many bytes more that it can write, and leave nothing behind when
/// it takes more than that.
fn bound(seconds: u64, memory: u64) {
    let memory = memory.saturating_add(own_memory());
    for (resource, most) in [(Resource::Cpu, seconds), (Resource::Data, memory), (Resource::Core, 0)] {
        let Rlimit { current, maximum } = getrlimit(resource);
        let current = Some(current.map_or(most, |own| own.min(most)));
        // Where the system does not take one, there is the other.
        let _ = setrlimit(resource, Rlimit { current, maximum });
    }
}

/// The bytes that this process can write now: most of them are address space of the engine's that nobody touches.
fn own_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmData:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}
