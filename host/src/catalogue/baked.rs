//! Paths of the machine that built a module, found in the module's code or data. Because of such a path, the same sources give
//! another module when they are built in another folder.
//!
//! Compilers can be told to leave out the paths that they write themselves. Paths that `env!("CARGO_MANIFEST_DIR")`, a
//! procedural macro or a build script has turned into data stay. Custom sections are not searched: they are not part of the
//! code that runs.

use super::Module;
use super::sections::{Section, id};
use airtight_toolchain::places::{Places, VIRTUAL_PACKAGES, VIRTUAL_WORKSPACE};
use memchr::memmem;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The longest path in which the name of a build script's package is looked for.
const LONGEST: usize = 4096;

/// Beginnings of virtual paths: those that compilers write in place of paths of the machine.
const VIRTUAL: [&str; 3] = ["/rustc", VIRTUAL_PACKAGES, VIRTUAL_WORKSPACE];

/// The end of virtual paths: they name source files.
const SOURCE: &[u8] = b".rs";

/// A path of the machine in a module's code or data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BakedPath {
    /// The package that the path belongs to: most often the one whose sources put it there.
    pub package: String,
    /// The directory.
    pub path: String,
}

/// Whether a module holds this text in its code or data.
pub(crate) fn holds(module: &[u8], sections: &[Section], text: &str) -> bool {
    what_runs(module, sections).any(|bytes| occurrences(bytes, text).next().is_some())
}

/// Where these bytes hold a path that is not a part of a virtual one.
fn occurrences<'a>(bytes: &'a [u8], path: &'a str) -> impl Iterator<Item = usize> + 'a {
    memmem::find_iter(bytes, path.as_bytes()).filter(move |at| !in_virtual(bytes, *at, path.len()))
}

/// Whether a path found here is only a part of the virtual path of a source file: `/src` in
/// `/rustc/1a2b/library/std/src/env.rs`. It may also be the beginning of one, if the machine has a directory of that name, too.
///
/// Strings lie in a module one after the other, with nothing between them. So the byte before a path tells nothing: the path of
/// a source may end there, and what follows is then another string.
fn in_virtual(bytes: &[u8], at: usize, len: usize) -> bool {
    let length = |bytes: &mut dyn Iterator<Item = &u8>| bytes.take(LONGEST).take_while(|byte| in_paths(**byte)).count();
    let run = at - length(&mut bytes[..at].iter().rev());
    let end = at + length(&mut bytes[at..].iter());
    let begins = |place: &usize| {
        let rest = &bytes[*place..end];
        VIRTUAL.iter().any(|root| rest.strip_prefix(root.as_bytes()).is_some_and(|rest| rest.starts_with(b"/")))
    };
    let Some(start) = (run..=at).rev().find(begins) else { return false };
    if memmem::find(&bytes[start..at], SOURCE).is_some() || (start == at && bytes.get(at + len) != Some(&b'/')) {
        return false;
    }
    let next = (at + 1..end).find(begins).unwrap_or(end);
    memmem::find(&bytes[at..next], SOURCE).is_some()
}

/// Whether a byte may be part of a virtual path. Spaces could be, but are not taken to be: far more often, a space ends the
/// path.
fn in_paths(byte: u8) -> bool {
    !byte.is_ascii_control() && !b" \"'`<>|:;,".contains(&byte)
}

/// The contents of a module's sections, without the custom ones.
fn what_runs<'a>(module: &'a [u8], sections: &'a [Section]) -> impl Iterator<Item = &'a [u8]> {
    sections.iter().filter(|section| section.id != id::CUSTOM).map(|section| &module[section.contents.clone()])
}

/// The directories of a build whose paths a module holds, by package. A directory that is in no package counts as one of `own`,
/// the module's package.
pub fn baked_paths(places: &Places, module: &Module<'_>, own: &str) -> Vec<BakedPath> {
    let roots = roots(places);
    if roots.is_empty() {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    for bytes in what_runs(module.bytes, &module.sections) {
        for root in &roots {
            for at in occurrences(bytes, root) {
                found.insert(explain(places, &bytes[at..], root, own));
            }
        }
    }
    found.into_iter().collect()
}

/// The outermost directories: those that lie in none of the others.
fn roots(places: &Places) -> Vec<&str> {
    let all: BTreeSet<&Path> = places.packages.keys().chain(&places.dirs).map(PathBuf::as_path).collect();
    let nested = |path: &Path| path.ancestors().skip(1).any(|above| all.contains(above));
    let roots = all.iter().filter(|path| path.parent().is_some() && !nested(path));
    roots.filter_map(|path| path.to_str()).collect()
}

/// The directory whose path these bytes begin with, and its package. Nothing in a module marks the end of a string, so that the
/// longest known directory that fits is taken.
fn explain(places: &Places, bytes: &[u8], root: &str, own: &str) -> BakedPath {
    if let Some((path, package)) = output_of_script(bytes) {
        return BakedPath { package: package.to_owned(), path: path.to_owned() };
    }
    let packages = places.packages.iter().filter_map(|(dir, package)| Some((dir.to_str()?, package.as_str())));
    let dirs = places.dirs.iter().filter_map(|dir| Some((dir.to_str()?, own)));
    // If a package and another directory have the same path, the package is taken.
    let packages = packages.map(|(dir, name)| (dir.len(), true, dir, name));
    let all = packages.chain(dirs.map(|(dir, name)| (dir.len(), false, dir, name)));
    let longest = all.filter(|(_, _, dir, _)| bytes.starts_with(dir.as_bytes())).max();
    let (_, _, path, package) = longest.unwrap_or((0, false, root, own));
    BakedPath { package: package.to_owned(), path: path.to_owned() }
}

/// The output directory of a build script, if the bytes begin with one (`…/build/NAME-0123456789abcdef/out`), and the script's
/// package.
fn output_of_script(bytes: &[u8]) -> Option<(&str, &str)> {
    const BUILD: &str = "/build/";
    const OUT: &str = "/out";
    let end = bytes.iter().take(LONGEST).position(|byte| byte.is_ascii_control()).unwrap_or(bytes.len().min(LONGEST));
    let text = match std::str::from_utf8(&bytes[..end]) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
    };
    let start = text.find(BUILD)? + BUILD.len();
    let (directory, rest) = text[start..].split_once('/')?;
    let (name, hash) = directory.rsplit_once('-')?;
    let hashed = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hashed && rest.starts_with(&OUT[1..])).then(|| (&text[..start + directory.len() + OUT.len()], name))
}

#[cfg(test)]
mod tests {
    use super::{BakedPath, Module, Places, baked_paths, explain, occurrences, output_of_script};
    use proptest::prelude::*;
    use std::path::PathBuf;

    fn places() -> Places {
        let package = |dir: &str, name: &str| (PathBuf::from(dir), name.to_owned());
        Places {
            packages: [
                package("/home/u/ws/app", "app"),
                package("/home/u/ws/app/inner", "inner"),
                package("/home/u/outside", "outside"),
                package("/home/u/.cargo/registry/src/index.crates.io-19/semver-1.0.28", "semver"),
            ]
            .into(),
            dirs: ["/home/u/ws", "/home/u/ws/target", "/home/u/.cargo"].map(PathBuf::from).into(),
        }
    }

    fn module(data: &str) -> Vec<u8> {
        wat::parse_str(format!("(module (memory 1) (data (i32.const 0) {data:?}))")).unwrap()
    }

    fn paths_in(places: &Places, module: &[u8]) -> Vec<BakedPath> {
        baked_paths(places, &Module::read(module).unwrap(), "own")
    }

    fn holds(module: &[u8], text: &str) -> bool {
        super::holds(module, &Module::read(module).unwrap().sections, text)
    }

    fn baked(data: &str) -> Vec<(String, String)> {
        let found = paths_in(&places(), &module(data));
        found.into_iter().map(|baked| (baked.package, baked.path)).collect()
    }

    #[test]
    fn the_package_is_named() {
        let semver = "/home/u/.cargo/registry/src/index.crates.io-19/semver-1.0.28";
        for (data, package, path) in [
            ("x/home/u/ws/app/tests/datacalled `Option::unwrap()`", "app", "/home/u/ws/app"),
            ("/home/u/ws/app/inner/x", "inner", "/home/u/ws/app/inner"),
            ("/home/u/outside", "outside", "/home/u/outside"),
            ("/home/u/ws/target/tmp", "own", "/home/u/ws/target"),
            ("/home/u/ws/README.md", "own", "/home/u/ws"),
            (&format!("{semver}/src"), "semver", semver),
        ] {
            assert_eq!(baked(data), [(package.to_owned(), path.to_owned())], "{data}");
        }
    }

    #[test]
    fn what_a_build_script_wrote_is_its_package_s() {
        let out = "/home/u/ws/target/wasm32-wasip1/debug/build/my-sys-0123456789abcdef/out";
        assert_eq!(baked(&format!("{out}/a.txt")), [("my-sys".to_owned(), out.to_owned())]);
    }

    #[test]
    fn each_is_named_once_and_others_are_not() {
        let both = baked("/home/u/ws/app /home/u/ws/app/a /home/u/outside");
        assert_eq!(both.iter().map(|(package, _)| package.as_str()).collect::<Vec<_>>(), ["app", "outside"]);
        assert!(baked("/home/v/ws/app and /home/u").is_empty());
    }

    #[test]
    fn virtual_paths_are_of_no_machine() {
        let places = Places {
            packages: [(PathBuf::from("/src"), "app".to_owned()), (PathBuf::from("/workspace/x"), "x".to_owned())]
                .into(),
            dirs: ["/cargo", "/workspace"].map(PathBuf::from).into(),
        };
        let paths = |data: &str| -> Vec<String> {
            paths_in(&places, &module(data)).into_iter().map(|baked| baked.path).collect()
        };
        for sources in [
            "/rustc/59807616e1fa/library/std/src/env.rs",
            "/cargo/semver-1.0.28/src/lib.rs",
            "/workspace/x/src/lib.rs",
            "called `Option::unwrap()`/workspace/srcs/src/lib.rs/cargo/a-1.0.0/src/b.rs:12 /rustc/1/src/c.rs",
        ] {
            assert_eq!(paths(sources), Vec::<String>::new(), "{sources}");
            let module = module(sources);
            assert!(!holds(&module, "/src") && !holds(&module, "/workspace/x") && !holds(&module, "/workspace"));
            // Strings lie one after the other.
            assert_eq!(paths(&format!("{sources}/src/data")), ["/src"], "{sources}");
            assert_eq!(paths(&format!("/src{sources}")), ["/src"], "{sources}");
            assert_eq!(paths(&format!("/workspace/x{sources}")), ["/workspace/x"], "{sources}");
        }
        assert_eq!(paths("/cargo/registry/index-1/a-1.0.0"), ["/cargo"]);
        assert_eq!(paths("/rustc/1a2b/table.in/src"), ["/src"]);
        assert_eq!(paths("/workspace/x/tests/data /workspace"), ["/workspace", "/workspace/x"]);
        assert!(holds(&module("/workspace/x"), "/workspace/x"));
    }

    #[test]
    fn names_and_debug_information_do_not_count() {
        let module = wat::parse_str(r#"(module (@custom ".debug_str" "/home/u/ws/app") (func $/home/u/ws))"#).unwrap();
        assert!(paths_in(&places(), &module).is_empty() && !holds(&module, "/home/u/ws"));
        assert!(paths_in(&Places::default(), &module).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_will_do(bytes in proptest::collection::vec(any::<u8>(), 0..200), tail in "[a-z0-9/-]{0,60}") {
            occurrences(&bytes, "/home/u/ws").count();
            explain(&places(), &bytes, "/home/u/ws", "own");
            let path = format!("/home/u/ws/app/{tail}");
            prop_assert_eq!(paths_in(&places(), &module(&path)).len(), 1);
            output_of_script(&bytes);
        }
    }
}
