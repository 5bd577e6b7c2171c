//! The library's names, in `library-names.txt`, so that a change of one is a visible decision. `BLESS=1` writes the file
//! anew.

use std::collections::BTreeSet;
use std::path::Path;
use syn::{Attribute, Item, UseTree, Visibility};

/// The names that a module of the library has for its users, each with the path they write.
fn names(module: &str, file: &Path, found: &mut BTreeSet<String>) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for item in syn::parse_file(&text).unwrap().items {
        let mut add = |name: String| {
            found.insert(format!("{module}::{name}"));
        };
        match item {
            Item::Use(item) if is_public(&item.vis) => leaves(&item.tree, &mut add),
            Item::Mod(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => {
                add(item.ident.to_string());
                assert!(item.content.is_none(), "a public module of the library has a file of its own");
                let dir = file.parent().unwrap();
                let [folder, file] = [dir.join(item.ident.to_string()), dir.join(format!("{}.rs", item.ident))];
                let file = if file.exists() { file } else { folder.join("mod.rs") };
                names(&format!("{module}::{}", item.ident), &file, found);
            }
            Item::Struct(item) if is_public(&item.vis) => add(item.ident.to_string()),
            Item::Enum(item) if is_public(&item.vis) => add(item.ident.to_string()),
            Item::Trait(item) if is_public(&item.vis) => add(item.ident.to_string()),
            Item::Fn(item) if is_public(&item.vis) => add(format!("{}()", item.sig.ident)),
            Item::Const(item) if is_public(&item.vis) => add(item.ident.to_string()),
            Item::Type(item) if is_public(&item.vis) => add(item.ident.to_string()),
            _ => {}
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "hidden")
    })
}

fn leaves(tree: &UseTree, add: &mut dyn FnMut(String)) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, add),
        UseTree::Name(name) => add(name.ident.to_string()),
        UseTree::Rename(rename) => add(rename.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, add)),
        UseTree::Glob(_) => panic!("a name of the library is not given by a glob"),
    }
}

#[test]
fn the_names_of_the_library_are_those_of_the_list() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    names("airtight", &here.join("../host/src/lib.rs"), &mut found);
    let found: String = found.iter().map(|name| format!("{name}\n")).collect();
    let list = here.join("library-names.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&list, &found).unwrap();
    }
    let listed = std::fs::read_to_string(&list).unwrap_or_default();
    assert_eq!(found, listed, "the library's names are others; `BLESS=1` writes them to {}", list.display());
}
