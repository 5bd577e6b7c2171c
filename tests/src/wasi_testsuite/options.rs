//! What to run, and how.

use airtight::Compiler;
use airtight::policy::Mode;
use anyhow::{Context, bail};
use std::path::PathBuf;

/// How the cases' directories may be granted.
const MODES: &[(&str, Mode)] = &[("read-write", Mode::ReadWrite), ("overlay", Mode::Overlay)];

const ENGINES: &[(&str, Compiler)] =
    &[("cranelift", Compiler::Cranelift), ("winch", Compiler::Winch), ("pulley", Compiler::Pulley)];

/// What to run and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A checkout of the suite, with its binaries.
    pub folder: PathBuf,
    /// How the cases' directories are granted.
    pub mode: Mode,
    /// What compiles them.
    pub compiler: Compiler,
}

impl Options {
    /// From `[--mode MODE] [--engine ENGINE] FOLDER`.
    ///
    /// # Errors
    /// An argument is unknown, missing or too many.
    pub fn from_args(args: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let (mut folder, mut mode, mut compiler) = (None, Mode::ReadWrite, Compiler::default());
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--mode" => mode = choice("--mode", args.next(), MODES)?,
                "--engine" => compiler = choice("--engine", args.next(), ENGINES)?,
                option if option.starts_with('-') => bail!("unknown option `{option}`; {USAGE}"),
                path if folder.is_none() => folder = Some(PathBuf::from(path)),
                more => bail!("`{more}` is one argument too many; {USAGE}"),
            }
        }
        Ok(Self { folder: folder.context(USAGE)?, mode, compiler })
    }
}

const USAGE: &str = "usage: wasi-testsuite.sh [--mode MODE] [--engine ENGINE] FOLDER, where FOLDER is a checkout of the \
    wasi-testsuite's branch prod/testsuite-base";

fn choice<T: Copy>(option: &str, value: Option<String>, known: &[(&str, T)]) -> anyhow::Result<T> {
    let value = value.unwrap_or_default();
    let found = known.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
    found.with_context(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        format!("`{option} {value}`: use one of {}", names.join(", "))
    })
}
