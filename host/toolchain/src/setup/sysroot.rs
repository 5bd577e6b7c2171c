//! What a sysroot must hold so that a test can be linked with it, and where private sysroots are.

use crate::error::ToolchainError;
use crate::setup::rustc_info::RustcInfo;
use crate::system::machine::{Machine, entries, file_name};
use crate::{TARGET, THREADS_TARGET};
use memchr::memmem;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// To be raised whenever `sysroot_build` would make another sysroot from the same compiler.
const RECIPE: u32 = 2;
/// Written as the last file of a private sysroot.
const MARKER: &str = "airtight-sysroot.txt";
/// A function that std calls and older wasi-libc lacks. Our stubs stand in for it.
const NEWER_LIBC: &[u8] = b"pthread_join";
/// The start files of commands and of reactors.
pub(crate) const START_FILES: [&str; 2] = ["crt1-command.o", "crt1-reactor.o"];
/// The C library's archive.
pub(crate) const LIBC: &str = "libc.a";
/// The name of rustc's own linker.
pub(crate) const RUST_LLD: &str = "rust-lld";

/// A sysroot, with its directories.
#[derive(Debug, Clone)]
pub(crate) struct Sysroot(pub PathBuf);

impl Sysroot {
    pub fn rustlib(&self) -> PathBuf {
        self.0.join("lib/rustlib")
    }

    /// The directory of std and its dependencies for the target.
    pub fn target_lib(&self) -> PathBuf {
        self.rustlib().join(TARGET).join("lib")
    }

    /// The directory of the start files and libc.
    pub fn self_contained(&self) -> PathBuf {
        self.target_lib().join("self-contained")
    }

    /// The directory of programs that the compiler calls.
    pub fn host_bin(&self, host: &str) -> PathBuf {
        self.rustlib().join(host).join("bin")
    }

    /// The compiler of a private sysroot.
    pub fn rustc(&self) -> PathBuf {
        self.0.join("bin/rustc")
    }

    /// Whether the sysroot was completed.
    pub fn has_marker(&self) -> bool {
        self.marker().exists()
    }

    fn marker(&self) -> PathBuf {
        self.0.join(MARKER)
    }

    /// The archive of a crate of std, if it was built for the target.
    pub fn rlib(&self, name: &str) -> Option<PathBuf> {
        rlib_in(&self.target_lib(), name)
    }

    /// Whether tests with threads can be linked with this sysroot. They use the same linker as tests without.
    pub fn has_threads(&self) -> bool {
        let lib = self.rustlib().join(THREADS_TARGET).join("lib");
        let own = lib.join("self-contained");
        ["std", "test"].iter().all(|name| rlib_in(&lib, name).is_some())
            && own.join(LIBC).exists()
            && own.join(START_FILES[0]).exists()
    }

    /// The part that is missing to link a test with this sysroot, if one is. If the sysroot has no linker of its own, one
    /// is looked for on `machine`.
    pub fn lacks(&self, machine: &Machine<'_>) -> Option<&'static str> {
        let Some(std) = self.rlib("std") else { return Some("std for the target") };
        if self.rlib("test").is_none() {
            return Some("the test harness for the target");
        }
        let libc = self.self_contained().join(LIBC);
        if !libc.exists() || !self.self_contained().join(START_FILES[0]).exists() {
            return Some("wasi-libc");
        }
        if !holds(&libc, NEWER_LIBC) && holds(&std, NEWER_LIBC) && !self.marker().exists() {
            return Some("a wasi-libc as new as its std");
        }
        let own_linker = entries(&self.rustlib()).iter().any(|host| host.join("bin").join(RUST_LLD).exists());
        let other_linker = || [RUST_LLD, "lld", "wasm-ld"].iter().any(|name| machine.which(name).is_some());
        if !own_linker && !other_linker() {
            return Some("a linker");
        }
        None
    }

    /// Whether this is a complete private sysroot for a compiler. A sysroot gets its final name in one rename, so an
    /// incomplete one was damaged later.
    pub fn is_complete(&self, rustc: &Path, info: &RustcInfo) -> bool {
        self.marker().exists()
            && self.rlib("std").is_some()
            && self.rlib("test").is_some()
            && START_FILES.iter().all(|file| self.self_contained().join(file).exists())
            && self.self_contained().join(LIBC).exists()
            // The script names this directory, so a copied or moved cache does not count.
            && fs::read_to_string(self.rustc()).is_ok_and(|script| script == self.rustc_script(rustc))
            && self.rustlib().join(&info.host).join("lib").exists()
    }

    /// Whether the linker still exists. It may be another toolchain's, which was removed.
    pub fn has_linker(&self, info: &RustcInfo) -> bool {
        self.host_bin(&info.host).join(RUST_LLD).exists()
    }

    /// The script `rustc` of a private sysroot: it runs the distribution's compiler with this sysroot. Flags in `RUSTFLAGS`
    /// would not do, since these are the user's.
    pub fn rustc_script(&self, rustc: &Path) -> String {
        format!(
            "#!/bin/sh\nexec {} --sysroot {} \"$@\"\n",
            quoted(&rustc.to_string_lossy()),
            quoted(&self.0.to_string_lossy())
        )
    }

    /// Marks the sysroot as complete.
    pub fn write_marker(&self, info: &RustcInfo) -> Result<(), ToolchainError> {
        let path = self.marker();
        let text = format!("made by airtight {}, recipe {RECIPE}, for\n{}", env!("CARGO_PKG_VERSION"), info.verbose);
        fs::write(&path, text).map_err(ToolchainError::file("write", &path))
    }
}

/// The private sysroot of a compiler. Its name holds the compiler's version, and a hash over the output of `rustc -vV`, the
/// compiler's size and time (a rebuilt package of the same version differs), and the recipe. The sources of std come from
/// the same package build as the compiler: they need not be in the hash, and may be removed later.
pub(crate) fn private(machine: &Machine<'_>, rustc: &Path, info: &RustcInfo) -> Sysroot {
    keyed(machine, rustc, info, "")
}

/// A sysroot of a compiler for a purpose, which is a word. It is empty for the ordinary sysroot.
pub(crate) fn keyed(machine: &Machine<'_>, rustc: &Path, info: &RustcInfo, purpose: &str) -> Sysroot {
    let mut hash = Sha256::new();
    hash.update(format!("recipe {RECIPE}{purpose}\n{}\n{}", rustc.display(), info.verbose));
    if let Ok(data) = fs::metadata(rustc) {
        let time = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        hash.update(format!("\n{} {}", data.len(), time.as_nanos()));
    }
    let digest = format!("{:x}", hash.finalize());
    Sysroot(machine.sysroots().join(format!("{}-{purpose}{}", info.release, &digest[..12])))
}

fn rlib_in(lib: &Path, name: &str) -> Option<PathBuf> {
    let prefix = format!("lib{name}-");
    let is_it = |path: &PathBuf| file_name(path).starts_with(&prefix) && file_name(path).ends_with(".rlib");
    entries(lib).into_iter().find(|path| is_it(path) && path.exists())
}

fn holds(file: &Path, needle: &[u8]) -> bool {
    fs::read(file).is_ok_and(|bytes| memmem::find(&bytes, needle).is_some())
}

/// Quotes a text as one word of a shell.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::{FakeMachine, INFO};

    #[test]
    fn the_key_follows_the_compiler() {
        let fake = FakeMachine::new();
        let rustc = fake.file("usr/bin/rustc", "one");
        let first = private(&fake.machine(), &rustc, &INFO);
        assert_eq!(private(&fake.machine(), &rustc, &INFO).0, first.0);
        assert!(file_name(&first.0).starts_with("1.96.0-"));
        let newer = RustcInfo { verbose: "rebuilt".into(), ..INFO.clone() };
        assert_ne!(private(&fake.machine(), &rustc, &newer).0, first.0);
        fake.file("usr/bin/rustc", "another build");
        assert_ne!(private(&fake.machine(), &rustc, &INFO).0, first.0);
    }

    #[test]
    fn what_lacks_is_named() {
        let fake = FakeMachine::new();
        let sysroot = Sysroot(fake.root().join("toolchain"));
        let lacks = || sysroot.lacks(&fake.machine());
        let lib = "toolchain/lib/rustlib/wasm32-wasip1/lib";
        assert_eq!(lacks(), Some("std for the target"));
        fake.file(&format!("{lib}/libstd-1.rlib"), "pthread_join");
        assert_eq!(lacks(), Some("the test harness for the target"));
        fake.file(&format!("{lib}/libtest-1.rlib"), "");
        assert_eq!(lacks(), Some("wasi-libc"));
        fake.file(&format!("{lib}/self-contained/crt1-command.o"), "");
        fake.file(&format!("{lib}/self-contained/libc.a"), "");
        assert_eq!(lacks(), Some("a wasi-libc as new as its std"));
        fake.file(&format!("{lib}/self-contained/libc.a"), "pthread_join");
        assert_eq!(lacks(), Some("a linker"));
        fake.file("toolchain/lib/rustlib/h/bin/rust-lld", "");
        assert_eq!(lacks(), None);
    }

    #[test]
    fn quoting_survives_quotes() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
