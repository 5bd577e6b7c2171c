//! Where a statement can be planted: in test functions, at spots that a passing test certainly reaches.

use anyhow::Context;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::fs;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::{Attribute, Block, Item, ItemFn, ItemMod, Stmt};

/// A test function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFunction {
    /// The file it is in.
    pub file: PathBuf,
    /// Its name with its modules, as libtest gives it.
    pub test: String,
    /// Where a statement can be put.
    pub spots: Vec<Spot>,
    /// Whether its crate forbids `unsafe`.
    pub safe_only: bool,
}

/// The start of a statement, or the end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Byte offset in the file.
    pub offset: usize,
    /// Line, from 1.
    pub line: u32,
}

/// The test functions of the crate whose root file is given, and of all its modules.
///
/// # Errors
/// A file cannot be read or is no Rust. A module's file that is not there is passed over: it may be for another platform.
pub fn in_crate(root: &Path) -> anyhow::Result<Vec<TestFunction>> {
    let mut walk = Walk { safe_only: false, places: Vec::new() };
    let dir = root.parent().unwrap_or(Path::new("")).to_owned();
    walk.file(root, &dir, "")?;
    // Variants of one module for several platforms: which of them was built is not known here.
    let names: Vec<_> = walk.places.iter().map(|place| place.test.clone()).collect();
    walk.places.retain(|place| names.iter().filter(|name| **name == place.test).count() == 1);
    Ok(walk.places)
}

struct Walk {
    safe_only: bool,
    places: Vec<TestFunction>,
}

impl Walk {
    /// A file whose modules' files are in `dir`.
    fn file(&mut self, file: &Path, dir: &Path, prefix: &str) -> anyhow::Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        // Offsets are counted after these.
        if text.starts_with('\u{feff}') || text.starts_with("#!/") {
            return Ok(());
        }
        let parsed = syn::parse_file(&text).with_context(|| format!("`{}`", file.display()))?;
        if prefix.is_empty() {
            self.safe_only = parsed.attrs.iter().any(|attribute| mentions(attribute, "unsafe_code"));
        }
        self.items(&parsed.items, file, dir, prefix)
    }

    fn items(&mut self, items: &[Item], file: &Path, dir: &Path, prefix: &str) -> anyhow::Result<()> {
        for item in items {
            match item {
                Item::Fn(function) => self.function(function, file, prefix),
                Item::Mod(module) => self.module(module, file, dir, prefix)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn module(&mut self, module: &ItemMod, file: &Path, dir: &Path, prefix: &str) -> anyhow::Result<()> {
        let name = module.ident.to_string();
        let prefix = format!("{prefix}{name}::");
        let inner = dir.join(&name);
        if let Some((_, items)) = &module.content {
            return self.items(items, file, &inner, &prefix);
        }
        if module.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
            return Ok(());
        }
        let files = [dir.join(format!("{name}.rs")), inner.join("mod.rs")];
        files.iter().filter(|file| file.is_file()).try_for_each(|file| self.file(file, &inner, &prefix))
    }

    fn function(&mut self, function: &ItemFn, file: &Path, prefix: &str) {
        if function.attrs.iter().any(|attribute| attribute.path().is_ident("test")) {
            let test = format!("{prefix}{}", function.sig.ident);
            let spots = spots(&function.block);
            self.places.push(TestFunction { file: file.to_owned(), test, spots, safe_only: self.safe_only });
        }
    }
}

fn mentions(attribute: &Attribute, name: &str) -> bool {
    attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains(name))
}

/// The starts of a body's statements, as far as a run that passes must come; its end too, where that is after a statement.
fn spots(body: &Block) -> Vec<Spot> {
    let mut spots = Vec::new();
    for statement in &body.stmts {
        spots.push(spot(statement.span()));
        if may_leave(statement.to_token_stream()) {
            return spots;
        }
    }
    let ends = match body.stmts.last() {
        Some(Stmt::Expr(_, semicolon)) => semicolon.is_some(),
        Some(Stmt::Macro(last)) => last.semi_token.is_some(),
        Some(Stmt::Local(_) | Stmt::Item(_)) | None => true,
    };
    if ends {
        spots.push(spot(body.brace_token.span.close()));
    }
    spots
}

fn spot(span: proc_macro2::Span) -> Spot {
    Spot { offset: span.byte_range().start, line: u32::try_from(span.start().line).unwrap_or(u32::MAX) }
}

/// Macros that never return from the function around them.
const STAYING: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "dbg",
    "eprint",
    "eprintln",
    "format",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// Keywords before a `!` that is a negation.
const KEYWORDS: &[&str] = &["else", "if", "in", "match", "move", "while"];

/// Whether a run may leave the function within the statement though the test passes: by `return`, by `?`, or in a macro that
/// may hold either. A nested function's own `return` counts too: that loses a spot and does no harm.
fn may_leave(tokens: TokenStream) -> bool {
    let mut last_word = None;
    let mut bang_after = None;
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                if word == "return" {
                    return true;
                }
                (last_word, bang_after) = (Some(word.to_string()), None);
            }
            TokenTree::Punct(mark) => {
                if mark.as_char() == '?' {
                    return true;
                }
                bang_after = if mark.as_char() == '!' { last_word.take() } else { None };
                last_word = None;
            }
            TokenTree::Group(group) => {
                let called = bang_after.take().filter(|word| !KEYWORDS.contains(&word.as_str()));
                if called.is_some_and(|word| !STAYING.contains(&word.as_str())) || may_leave(group.stream()) {
                    return true;
                }
                last_word = None;
            }
            TokenTree::Literal(_) => (last_word, bang_after) = (None, None),
        }
    }
    false
}
