//! No two files use each other, directly or through others: a reader of any file can first read everything that it builds
//! on.
//!
//! The paths in a file say which files it uses. A path through the re-exports of a `mod.rs` counts for the file that
//! defines the name, so a `mod.rs` that only re-exports names ties nothing together. A module and the modules inside it
//! count as one, and tests are left out.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The sources of the crates, with the file that is each crate's root.
const CRATES: [(&str, &str); 6] = [
    ("../host/src", "lib.rs"),
    ("../host/src/bin/airtight", "main.rs"),
    ("../host/toolchain/src", "lib.rs"),
    ("../guest-sdk/macros/src", "lib.rs"),
    ("../guest-sdk/src", "lib.rs"),
    ("../guest-sdk/abi/src", "lib.rs"),
];

type ModulePath = Vec<String>;

/// A name that is brought in: what it is called here, the path that it stands for, and whether it is handed on.
struct Import {
    name: String,
    path: Vec<String>,
    is_handed_on: bool,
}

/// A module: in which file it is, what it defines, brings in and names.
#[derive(Default)]
struct ModuleSource {
    file: String,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    paths: Vec<Vec<String>>,
}

/// The modules of a crate.
#[derive(Default)]
struct Modules(BTreeMap<ModulePath, ModuleSource>);

/// What a file asks: another file, and the names.
type Asked = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

impl Modules {
    /// Enters a file that is a module of this path.
    fn enter(&mut self, at: ModulePath, file: &str, items: &[syn::Item]) {
        let mut module = ModuleSource { file: file.to_owned(), ..ModuleSource::default() };
        for item in items.iter().filter(|item| !is_test(item)) {
            let name = match item {
                syn::Item::Fn(item) => Some(&item.sig.ident),
                syn::Item::Struct(item) => Some(&item.ident),
                syn::Item::Enum(item) => Some(&item.ident),
                syn::Item::Trait(item) => Some(&item.ident),
                syn::Item::Type(item) => Some(&item.ident),
                syn::Item::Const(item) => Some(&item.ident),
                syn::Item::Static(item) => Some(&item.ident),
                _ => None,
            };
            module.defined.extend(name.map(ToString::to_string));
            match item {
                syn::Item::Use(item) => {
                    let is_handed_on = !matches!(item.vis, syn::Visibility::Inherited);
                    imports(&item.tree, &mut Vec::new(), is_handed_on, &mut module.imports);
                }
                syn::Item::Mod(syn::ItemMod { ident, content: Some((_, items)), .. }) => {
                    self.enter([&at[..], &[ident.to_string()]].concat(), file, items);
                }
                item => paths(item.to_token_stream(), &mut module.paths),
            }
        }
        self.0.insert(at, module);
    }

    /// The module that a path begins at, and what of the path is left; `None` where it begins elsewhere than in this crate.
    fn start(&self, from: &[String], path: &[String]) -> Option<(ModulePath, usize)> {
        let mut at = from.to_vec();
        let mut used = 0;
        match path.first()?.as_str() {
            "crate" => (at, used) = (Vec::new(), 1),
            "self" => used = 1,
            "super" => {
                while path.get(used).is_some_and(|word| word == "super") {
                    at.pop()?;
                    used += 1;
                }
            }
            child if self.0.contains_key(&[from, &[child.to_owned()]].concat()) => {}
            _ => return None,
        }
        Some((at, used))
    }

    /// The file that defines what a path names.
    fn file_of(&self, from: &[String], path: &[String], seen: &mut BTreeSet<Vec<String>>) -> Option<&str> {
        let (mut at, used) = self.start(from, path)?;
        for word in &path[used..] {
            let inner = [&at[..], std::slice::from_ref(word)].concat();
            if self.0.contains_key(&inner) {
                at = inner;
                continue;
            }
            let module = self.0.get(&at)?;
            if module.defined.contains(word) {
                return Some(&module.file);
            }
            if !seen.insert(inner) {
                return None;
            }
            return module.imports.iter().find_map(|import| match import.name.as_str() {
                "*" => self.file_of(&at, &[&import.path[..], std::slice::from_ref(word)].concat(), seen),
                name if name == word => self.file_of(&at, &import.path, seen),
                _ => None,
            });
        }
        None
    }

    /// What each file asks.
    fn asked(&self) -> Asked {
        let mut asked = Asked::new();
        for (at, module) in &self.0 {
            let brought_in = module.imports.iter().filter(|import| !import.is_handed_on).map(|import| &import.path);
            let through_import = module.paths.iter().filter_map(|path| {
                let import = module.imports.iter().find(|import| import.name == path[0])?;
                Some([&import.path[..], &path[1..]].concat())
            });
            let all = brought_in.chain(&module.paths).cloned().chain(through_import);
            for path in all {
                let found = self.file_of(at, &path, &mut BTreeSet::new());
                if let Some(file) = found.filter(|file| !are_one_room(file, &module.file)) {
                    let names = asked.entry(module.file.clone()).or_default().entry(file.to_owned()).or_default();
                    names.extend(path.last().cloned());
                }
            }
        }
        asked
    }
}

/// Whether one of two files is the other, or a module within it.
fn are_one_room(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|file| {
        let path = file.trim_end_matches(".rs");
        path.strip_suffix("/mod").unwrap_or(path).split('/').collect::<Vec<_>>()
    });
    one.starts_with(&other) || other.starts_with(&one)
}

/// The paths in some code, those within macros too. A name alone is a path of one word.
fn paths(code: TokenStream, found: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for token in code {
        match token {
            TokenTree::Ident(word) => {
                if colons != 2 {
                    found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                }
                path.push(word.to_string());
                colons = 0;
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => {
                paths(group.stream(), found);
                found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                colons = 0;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {
                found.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                colons = 0;
            }
        }
    }
    found.extend((!path.is_empty()).then_some(path));
}

fn is_test(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    let is_test = |attribute: &syn::Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    };
    attributes.iter().any(is_test)
}

fn imports(tree: &syn::UseTree, before: &mut Vec<String>, is_handed_on: bool, found: &mut Vec<Import>) {
    let mut import = |name: String, last: Option<String>| {
        let path = before.iter().cloned().chain(last).collect();
        found.push(Import { name, path, is_handed_on });
    };
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            imports(&path.tree, before, is_handed_on, found);
            before.pop();
        }
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|tree| imports(tree, before, is_handed_on, found));
        }
        syn::UseTree::Name(name) if name.ident == "self" => {
            let last = before.last().cloned().unwrap_or_default();
            import(last, None);
        }
        syn::UseTree::Name(name) => import(name.ident.to_string(), Some(name.ident.to_string())),
        syn::UseTree::Rename(rename) => import(rename.rename.to_string(), Some(rename.ident.to_string())),
        syn::UseTree::Glob(_) => import("*".to_owned(), None),
    }
}

/// Takes away, again and again, what asks nobody that is left. The rest are circles, and who asks them.
fn circles(mut asked: Asked) -> Asked {
    loop {
        let left: BTreeSet<String> = asked.keys().cloned().collect();
        for others in asked.values_mut() {
            others.retain(|file, _| left.contains(file));
        }
        asked.retain(|_, others| !others.is_empty());
        if asked.len() == left.len() {
            break;
        }
    }
    // And what nobody asks who is left.
    loop {
        let wanted: BTreeSet<String> = asked.values().flat_map(|others| others.keys().cloned()).collect();
        let before = asked.len();
        asked.retain(|file, _| wanted.contains(file));
        if asked.len() == before {
            return asked;
        }
    }
}

fn read(src: &Path, root: &str) -> Modules {
    let mut modules = Modules::default();
    let mut dirs = vec![src.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let within = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
            // Programs are crates of their own.
            if path.is_dir() && within != "bin" && !within.ends_with("tests") {
                dirs.push(path);
                continue;
            }
            let Some(stem) = within.strip_suffix(".rs").filter(|stem| !stem.ends_with("tests")) else { continue };
            let mut at: ModulePath = stem.split('/').map(str::to_owned).collect();
            if within == root || at.last().is_some_and(|last| last == "mod") {
                at.pop();
            }
            let source = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
            modules.enter(at, &within, &source.items);
        }
    }
    modules
}

fn words(circles: &Asked) -> String {
    let mut lines = String::new();
    for (file, others) in circles {
        for (other, names) in others {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            lines += &format!("{file} asks {other} for {}\n", names.join(", "));
        }
    }
    lines
}

#[test]
fn no_files_ask_each_other() {
    let mut looked_at = 0;
    for (src, root) in CRATES {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(src);
        let asked = read(&src, root).asked();
        looked_at += asked.values().map(BTreeMap::len).sum::<usize>();
        let circles = circles(asked);
        assert!(circles.is_empty(), "{} has circles of files:\n{}", src.display(), words(&circles));
    }
    assert!(looked_at > 1_500, "only {looked_at} times does one file ask another");
}

/// The modules of a crate whose sources are these: file, module and source.
fn of_sources(sources: &[(&str, &str, &str)]) -> Modules {
    let mut modules = Modules::default();
    for (file, at, source) in sources {
        let at = at.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect();
        modules.enter(at, file, &syn::parse_file(source).unwrap().items);
    }
    modules
}

#[test]
fn a_circle_is_found_wherever_it_leads_through() {
    let root = ("lib.rs", "", "mod a; mod b; mod d { pub use crate::b::B; }");
    let a = ("a.rs", "a", "use crate::d::B; pub struct A(B);");
    let asks_by_use = ("b.rs", "b", "use super::a as other; pub struct B; fn f() { other::A::new(); }");
    let asks_in_tests = ("b.rs", "b", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }");
    let found = |b| words(&circles(of_sources(&[root, a, b]).asked()));
    assert_eq!(found(asks_by_use), "a.rs asks b.rs for B\nb.rs asks a.rs for new\n");
    assert_eq!(found(asks_in_tests), "");
    let asks_itself = ("b.rs", "b", "pub struct B; impl B { fn f() -> super::b::B { B } }");
    assert_eq!(found(asks_itself), "");
}

#[test]
fn a_module_and_those_within_it_are_one_room() {
    assert!(are_one_room("gates/mod.rs", "gates/judge.rs") && are_one_room("threads/slot.rs", "threads.rs"));
    assert!(!are_one_room("gates/mod.rs", "gate.rs") && !are_one_room("run/plan.rs", "run/planned.rs"));
}
