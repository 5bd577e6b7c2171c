//! Finds linkers for wasm on this machine. LLD is one program under several names: with its flavour as an option, any of
//! them serves.

use crate::setup::rustc_info::RustcInfo;
use crate::setup::sysroot::RUST_LLD;
use crate::system::machine::{Machine, entries, file_name};
use std::path::PathBuf;

/// Every linker that may work, the best first. `info` is the compiler whose objects it has to read.
pub(crate) fn candidates(machine: &Machine<'_>, info: Option<&RustcInfo>) -> Vec<PathBuf> {
    let oldest = info.and_then(|info| info.llvm_major).unwrap_or(0);
    let mut found = vec![machine.system("usr/bin").join(RUST_LLD)];
    found.extend(rustup_linkers(machine));
    found.extend(llvm_linkers(machine, oldest));
    found.extend(["wasm-ld", "lld"].iter().filter_map(|name| machine.which(name)));
    // A distribution has links to programs whose packages are not installed.
    found.retain(|path| path.exists());
    found
}

/// The linker of each rustup toolchain: the stable toolchains first, then the newest by name.
fn rustup_linkers(machine: &Machine<'_>) -> Vec<PathBuf> {
    let home = machine.var("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| machine.var("HOME").map(|home| PathBuf::from(home).join(".rustup")));
    let mut toolchains = home.map(|home| entries(&home.join("toolchains"))).unwrap_or_default();
    toolchains.reverse();
    toolchains.sort_by_key(|path| !file_name(path).starts_with("stable"));
    let hosts = toolchains.iter().flat_map(|toolchain| entries(&toolchain.join("lib/rustlib")));
    hosts.map(|host| host.join("bin").join(RUST_LLD)).collect()
}

/// `wasm-ld-22` and `llvm-22/bin/wasm-ld`, from the newest down to the version of the compiler's own LLVM.
fn llvm_linkers(machine: &Machine<'_>, oldest: u32) -> Vec<PathBuf> {
    let suffix = |path: &PathBuf, prefix: &str| file_name(path).strip_prefix(prefix)?.parse::<u32>().ok();
    let programs = entries(&machine.system("usr/bin")).into_iter();
    let programs = programs.filter_map(|path| Some((suffix(&path, "wasm-ld-")?, path)));
    let trees = entries(&machine.system("usr/lib")).into_iter();
    let trees = trees.filter_map(|path| Some((suffix(&path, "llvm-")?, path.join("bin/wasm-ld"))));
    let mut found: Vec<_> = programs.chain(trees).filter(|(version, _)| *version >= oldest).collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::{FakeMachine, INFO};

    #[test]
    fn all_places_in_order_without_old_ones() {
        let fake = FakeMachine::new();
        let lld = "lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld";
        let nightly = fake.file(&format!("home/.rustup/toolchains/nightly-x/{lld}"), "");
        let stable = fake.file(&format!("home/.rustup/toolchains/stable-x/{lld}"), "");
        let newest = fake.file("usr/lib/llvm-23/bin/wasm-ld", "");
        let same = fake.file("usr/bin/wasm-ld-22", "");
        fake.file("usr/bin/wasm-ld-14", "");
        let unversioned = fake.program("bin/wasm-ld");
        assert_eq!(candidates(&fake.machine(), Some(&INFO)), [stable, nightly, newest, same, unversioned]);
    }

    #[test]
    fn dangling_links_are_not_linkers() {
        let fake = FakeMachine::new();
        let link = fake.root().join("usr/bin/rust-lld");
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("lld-22", link).unwrap();
        assert!(candidates(&fake.machine(), None).is_empty());
    }
}
