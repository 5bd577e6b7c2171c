//! Modules that make given WASI calls one after the other, and give the answer to each.
//!
//! After each call the module writes an [`Answer`] to the descriptor that the script names for that. So the answers are
//! known however the test ends.

use airtight::LoadOptions;
use airtight::config::Profile;
use airtight::policy::Policy;
use airtight::report::TestRecord;
use airtight::{RunError, Runner, Selection, Subject};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where a call writes what it returns beside its errno: aligned for all that one can.
const OUT: u32 = 1024;
/// Where the answer is put together: the errno, then what the call has written.
const ANSWER: u32 = OUT - 4;
/// The buffer that reads fill and writes take their bytes from.
const BUFFER: u32 = 2048;
/// Where paths and other arguments in memory begin.
const DATA: u32 = 4096;
/// Bytes of one page, which is all the memory there is.
const PAGE: usize = 1 << 16;

/// One argument of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// A 32-bit number.
    I32(u32),
    /// A 64-bit number.
    I64(u64),
    /// A path: its address and its length.
    Path(String),
    /// Bytes in memory: their address.
    Bytes(Vec<u8>),
    /// One buffer of this length: the address of its description, and the count 1.
    Buffer(u32),
    /// The address to which the call writes what it returns.
    Out,
    /// The address this many bytes behind that one.
    OutAt(u32),
}

/// What one call answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The errno, 0 for success.
    pub errno: u32,
    /// The bytes written to [`Arg::Out`] and behind it, as many as the script asked for.
    pub out: Vec<u8>,
}

/// How the module ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It returns.
    Return,
    /// It leaves with a status.
    Exit(u32),
    /// It executes `unreachable`.
    Trap,
    /// It loops until its fuel is used up.
    Spin,
}

/// A sequence of calls.
#[derive(Debug, Clone, Default)]
pub struct Script {
    imports: BTreeMap<&'static str, String>,
    data: Vec<u8>,
    body: String,
    /// How many bytes each told call returns.
    told: Vec<usize>,
}

impl Script {
    /// Makes a call and tells what it answered, with the first bytes of what it returned, on standard output.
    pub fn call(&mut self, name: &'static str, args: &[Arg], out: usize) -> &mut Self {
        self.call_telling(name, args, out, Some(1))
    }

    /// The same, telling it on another descriptor, or not at all.
    pub fn call_telling(&mut self, name: &'static str, args: &[Arg], out: usize, tell: Option<u32>) -> &mut Self {
        let args = self.arguments(name, args);
        if tell.is_some() {
            let _ = writeln!(self.body, "(memory.fill (i32.const {OUT}) (i32.const 0) (i32.const {out}))");
        }
        let _ = writeln!(self.body, "(i32.store (i32.const {ANSWER}) (call ${name}{args}))");
        if let Some(fd) = tell {
            let len = 4 + out;
            self.import("fd_write", "(param i32 i32 i32 i32)".into());
            let _ = writeln!(
                self.body,
                "(i32.store (i32.const 0) (i32.const {ANSWER})) (i32.store (i32.const 4) (i32.const {len}))
                 (drop (call $fd_write (i32.const {fd}) (i32.const 0) (i32.const 1) (i32.const 8)))"
            );
            self.told.push(out);
        }
        self
    }

    fn arguments(&mut self, name: &'static str, args: &[Arg]) -> String {
        let (mut text, mut types) = (String::new(), String::new());
        let mut push = |value: u64, kind: &str| {
            let _ = write!(text, " ({kind}.const {value})");
            let _ = write!(types, " {kind}");
        };
        for arg in args {
            match arg {
                Arg::I32(value) => push((*value).into(), "i32"),
                Arg::I64(value) => push(*value, "i64"),
                Arg::Path(path) => {
                    push(self.place(path.as_bytes()).into(), "i32");
                    push(path.len() as u64, "i32");
                }
                Arg::Bytes(bytes) => push(self.place(bytes).into(), "i32"),
                Arg::Buffer(len) => {
                    let buffer = [BUFFER.to_le_bytes(), len.to_le_bytes()].concat();
                    push(self.place(&buffer).into(), "i32");
                    push(1, "i32");
                }
                Arg::Out => push(OUT.into(), "i32"),
                Arg::OutAt(offset) => push((OUT + offset).into(), "i32"),
            }
        }
        self.import(name, format!("(param{types})"));
        text
    }

    fn import(&mut self, name: &'static str, params: String) {
        self.imports.entry(name).or_insert(params);
    }

    /// Puts bytes into the module's memory; their address.
    fn place(&mut self, bytes: &[u8]) -> u32 {
        // Descriptions of buffers are read as words.
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        let at = DATA as usize + self.data.len();
        self.data.extend_from_slice(bytes);
        assert!(DATA as usize + self.data.len() <= PAGE, "a script's arguments fit into one page");
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// The module.
    ///
    /// # Panics
    /// If the script calls one function with arguments of different types.
    pub fn module(&self, end: End) -> Vec<u8> {
        let mut imports = self.imports.clone();
        let end = match end {
            End::Return => String::new(),
            End::Trap => "unreachable".to_owned(),
            End::Spin => "(loop $again (br $again))".to_owned(),
            End::Exit(status) => {
                imports.insert("proc_exit", "(param i32)".to_owned());
                format!("(call $proc_exit (i32.const {status}))")
            }
        };
        let imports: String = imports
            .iter()
            .map(|(name, params)| {
                let result = if *name == "proc_exit" { "" } else { "(result i32)" };
                format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} {params} {result}))\n")
            })
            .collect();
        let data: String = self.data.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        });
        let body = &self.body;
        let text = format!(
            "(module {imports} (memory (export \"memory\") 1) (data (i32.const {DATA}) \"{data}\")
             (func (export \"_start\") {body} {end}))"
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// Splits what the module has told into its answers, and what is left over or missing.
    pub fn answers(&self, mut told: &[u8]) -> (Vec<Answer>, Vec<u8>) {
        let mut answers = Vec::new();
        for out in &self.told {
            let Some((errno, rest)) = told.split_first_chunk::<4>() else { break };
            let Some((out, rest)) = rest.split_at_checked(*out) else { break };
            answers.push(Answer { errno: u32::from_le_bytes(*errno), out: out.to_vec() });
            told = rest;
        }
        (answers, told.to_vec())
    }
}

/// Runs a module that is one test, under a policy.
///
/// # Errors
/// A granted directory cannot be opened, or airtight has a bug.
///
/// # Panics
/// If the module cannot be loaded.
pub fn run_module(runner: &Runner, module: Vec<u8>, policy: Policy) -> Result<TestRecord, RunError> {
    let options = LoadOptions::named("script");
    let module = runner.load(module, options).expect("a script is a module");
    let runner = runner.under(Profile::for_policy(policy)).expect("the stack is the usual one");
    let subject = Subject::new(module);
    let planned = runner.plan(vec![subject], &Selection::default())?;
    let mut report = runner.run(&planned, &mut ())?;
    Ok(report.canonical.modules.remove(0).tests.remove(0))
}
