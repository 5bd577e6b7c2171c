//! Guests written by hand, in `guests/wat/` and in tests.

use std::path::{Path, PathBuf};

/// An allocator that only takes. It keeps where it is at 2048 and how often it was called at 2112, and nothing between.
pub const ALLOCATOR: &str = r#"
    (memory (export "memory") 12)
    (global $__stack_pointer (mut i32) (i32.const 1024))
    (data (i32.const 2048) "\00\10\00\00")
    (func $malloc (param $size i32) (result i32) (local $at i32)
        (i32.store (i32.const 2112) (i32.add (i32.load (i32.const 2112)) (i32.const 1)))
        (local.set $at (i32.load (i32.const 2048)))
        (i32.store (i32.const 2048)
            (i32.add (local.get $at) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
        (local.get $at))"#;

/// Every file of the folder, by name.
///
/// # Panics
/// If the folder cannot be read.
pub fn wat_guests() -> Vec<PathBuf> {
    let dir = crate::guests_dir().join("wat");
    let entries = dir.read_dir().expect("the folder is there").map(|entry| entry.expect("its entries too").path());
    let mut guests: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "wat")).collect();
    guests.sort();
    guests
}

/// Compiles a file of `guests/wat` into a folder; the module's path.
///
/// # Panics
/// If it does not compile.
pub fn compile(name: &str, into: &Path) -> PathBuf {
    let source = crate::guests_dir().join("wat").join(name).with_extension("wat");
    let bytes = wat::parse_file(&source).unwrap_or_else(|error| panic!("{error}"));
    let module = into.join(name).with_extension("wasm");
    std::fs::write(&module, bytes).expect("the folder is writable");
    module
}
