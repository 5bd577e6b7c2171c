//! The same random calls are made on each kind of directory that a guest can hold, and on a real directory of the kernel.
//! Results and trees must be the same. A granted directory is compared with a copy of it. A directory that must not change
//! is, at the end, as it was before.
//!
//! A long run, of a hundred thousand sequences each (some hours):
//!
//! ```text
//! PROPTEST_CASES=100000 cargo test --workspace --lib -- wasi::oracle
//! ```

mod kernel;
mod ops;
mod pair;
pub mod seeds;
mod seen;

use crate::policy::{DirGrant, Mode, Policy};
use crate::sandbox::wasi::grants::Grants;
use crate::sandbox::wasi::table::Dir;
use ops::op;
use pair::Pair;
use proptest::prelude::*;
use seeds::{Seed, picture, plant, seeds};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory with neighbours: a call that leads out of it would change or show them.
struct NestedDir {
    top: tempfile::TempDir,
    dir: PathBuf,
}

impl NestedDir {
    fn new(seeds: &[Seed]) -> Self {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("b/c");
        std::fs::create_dir_all(&dir).unwrap();
        for name in ["a", "b/a", "b/b"] {
            std::fs::write(top.path().join(name), "outside").unwrap();
        }
        plant(seeds, &dir);
        Self { top, dir }
    }

    /// The paths of everything outside of the directory itself.
    fn outside(&self) -> Vec<PathBuf> {
        let all = picture(self.top.path());
        let names = all.into_iter().filter(|(path, bytes, ..)| {
            let is_file = *bytes == b"outside";
            assert!(is_file || path.starts_with(self.top.path().join("b")), "{path:?}");
            !path.starts_with(&self.dir)
        });
        names.map(|(path, ..)| path).collect()
    }
}

fn granted(host: &Path, mode: Mode) -> Arc<dyn Dir> {
    let grant = DirGrant { guest: "/d".into(), host: host.to_owned(), mode, name: None, alias_of: None };
    let grants = Grants::new(Arc::new(Policy { dirs: vec![grant], ..Policy::default() })).unwrap();
    Arc::clone(&grants.dirs[0].dir)
}

proptest! {
    #[test]
    fn scratch_agrees_with_the_kernel(ops in prop::collection::vec(op(), 1..80)) {
        let real = NestedDir::new(&[]);
        let grants = Grants::new(Arc::default()).unwrap();
        Pair::new(Arc::clone(&grants.scratch), &real.dir).run_all(&ops);
    }

    #[test]
    fn an_overlay_agrees_with_a_copy(seeds in seeds(), ops in prop::collection::vec(op(), 1..80)) {
        let (below, copy) = (NestedDir::new(&seeds), NestedDir::new(&seeds));
        let before = picture(below.top.path());
        Pair::new(granted(&below.dir, Mode::Overlay), &copy.dir).run_all(&ops);
        prop_assert_eq!(picture(below.top.path()), before);
    }

    #[test]
    fn a_writable_directory_agrees_with_a_copy(seeds in seeds(), ops in prop::collection::vec(op(), 1..80)) {
        let (ours, copy) = (NestedDir::new(&seeds), NestedDir::new(&seeds));
        let outside = ours.outside();
        Pair::new(granted(&ours.dir, Mode::ReadWrite), &copy.dir).run_all(&ops);
        prop_assert_eq!(ours.outside(), outside);
    }

}

proptest! {
    // Each call gets a copy of its own to change, which takes long.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    /// Calls that only read have the same results. A call that would change something is refused with the kernel's error
    /// where the kernel refuses it, else with `Rofs`. Which of the two comes first is tested in the room `host`.
    #[test]
    fn a_read_only_directory_agrees_with_a_copy(seeds in seeds(), ops in prop::collection::vec(op(), 1..40)) {
        let (ours, copy) = (NestedDir::new(&seeds), NestedDir::new(&seeds));
        let before = picture(ours.top.path());
        let mut pair = Pair::new(granted(&ours.dir, Mode::ReadOnly), &copy.dir);
        for op in &ops {
            if op.changes() {
                let fresh = tempfile::tempdir().unwrap();
                plant(&seeds, fresh.path());
                pair.refuse(op, fresh.path());
            } else {
                pair.run(op);
            }
        }
        pair.finish();
        prop_assert_eq!(picture(ours.top.path()), before);
    }
}
