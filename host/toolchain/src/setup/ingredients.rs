//! The installed parts of the distribution from which a private sysroot can be made.

use crate::setup::sysroot::{LIBC, START_FILES, Sysroot};
use crate::system::machine::Machine;
use std::path::PathBuf;

/// The installed parts of the distribution from which a sysroot is made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ingredients {
    pub std: Std,
    /// The directory with `libc.a` and the start files.
    pub libc: PathBuf,
}

/// Std for the target, or its sources.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Std {
    /// The distribution's own build: a directory of archives.
    Packaged(PathBuf),
    /// The sources of the library.
    Source(PathBuf),
}

impl Ingredients {
    /// Finds everything that is needed beside a compiler and a linker; `None` if a part is missing.
    pub fn find(machine: &Machine<'_>) -> Option<Ingredients> {
        let packaged = Sysroot(machine.system("usr"));
        let source = packaged.rustlib().join("src/rust/library");
        let std = if packaged.rlib("std").is_some() && packaged.rlib("test").is_some() {
            Std::Packaged(packaged.target_lib())
        } else if source.join("std/Cargo.toml").exists() && source.join("Cargo.lock").exists() {
            Std::Source(source)
        } else {
            return None;
        };
        let places = ["usr/lib/wasm32-wasip1", "usr/lib/wasm32-wasi"].map(|place| machine.system(place));
        let mut places = places.into_iter().chain([packaged.self_contained()]);
        let libc = places.find(|place| START_FILES.iter().chain([&LIBC]).all(|file| place.join(file).exists()))?;
        Some(Ingredients { std, libc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::fake::FakeMachine;

    #[test]
    fn ingredients_are_packaged_std_or_sources() {
        let fake = FakeMachine::new();
        assert_eq!(Ingredients::find(&fake.machine()), None);
        fake.sources_and_libc();
        let library = fake.root().join("usr/lib/rustlib/src/rust/library");
        let libc = fake.root().join("usr/lib/wasm32-wasi");
        assert_eq!(
            Ingredients::find(&fake.machine()),
            Some(Ingredients { std: Std::Source(library), libc: libc.clone() })
        );
        fake.target("usr", "");
        let packaged = Std::Packaged(fake.root().join("usr/lib/rustlib/wasm32-wasip1/lib"));
        assert_eq!(Ingredients::find(&fake.machine()), Some(Ingredients { std: packaged, libc }));
    }
}
