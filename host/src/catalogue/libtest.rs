//! Whether a module holds Rust's own test harness.

use super::module::Module;
use super::sections::id;
use memchr::memmem;
use wasmparser::{Name, NameSectionReader};

/// The harness's entry point, which the `main` that rustc generates for a test binary calls; `_abort` where the tests
/// run in processes of their own.
const ENTRY: [&str; 2] = ["test::test_main_static", "test::test_main_static_abort"];

/// What [`ENTRY`]'s function inlined into its caller leaves behind.
const TEST_FRAME: &str = "test::__rust_begin_short_backtrace";

/// Texts of the harness that no other program has: a panic message, and the middle of the usage text together with a
/// variable that it reads.
const MESSAGE: &[u8] = b"non-static tests passed to test::test_main_static";
const USAGE: &[u8] = b"The FILTER string is tested against the name of all tests";
const VARIABLE: &[u8] = b"RUST_TEST_THREADS";

/// Names decide where there are any, because a program may quote the harness's texts; a stripped module is known by them.
pub(super) fn held_by(bytes: &[u8], module: &Module<'_>) -> bool {
    by_names(bytes, module).unwrap_or_else(|| by_texts(bytes, module))
}

fn by_names(bytes: &[u8], module: &Module<'_>) -> Option<bool> {
    let section = module.custom("name").next()?;
    let mut named = false;
    for name in NameSectionReader::new(section.reader(bytes)) {
        // A name section that cannot be read is as good as none.
        let Name::Function(functions) = name.ok()? else { continue };
        for function in functions {
            named = true;
            if is_entry(function.ok()?.name) {
                return Some(true);
            }
        }
    }
    named.then_some(false)
}

fn is_entry(name: &str) -> bool {
    if !name.contains("test_main_static") && !name.contains("__rust_begin_short_backtrace") {
        return false;
    }
    let path = format!("{:#}", rustc_demangle::demangle(name));
    ENTRY.contains(&path.as_str()) || path == TEST_FRAME
}

fn by_texts(bytes: &[u8], module: &Module<'_>) -> bool {
    let Some(data) = module.section(id::DATA) else { return false };
    let data = &bytes[data.contents.clone()];
    let holds = |text| memmem::find(data, text).is_some();
    holds(MESSAGE) || (holds(USAGE) && holds(VARIABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> bool {
        let bytes = wat::parse_str(text).unwrap();
        held_by(&bytes, &Module::read(&bytes).unwrap())
    }

    #[test]
    fn known_by_name_in_both_manglings() {
        assert!(held("(module (func $_ZN4test16test_main_static17h0123456789abcdefE))"));
        assert!(held("(module (func $_RNvCs7hHA8GJrt0_4test16test_main_static))"));
        assert!(held("(module (func $_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE))"));
    }

    #[test]
    fn a_function_of_the_users_is_not_mistaken() {
        assert!(!held("(module (func $_ZN4mine4test16test_main_static17h0123456789abcdefE))"));
        assert!(!held("(module (func $_ZN3std3sys9backtrace28__rust_begin_short_backtrace17h0123456789abcdefE))"));
        assert!(!held("(module (func $test_main_static))"));
    }

    #[test]
    fn texts_count_only_without_names() {
        let texts = r#"(memory 1) (data (i32.const 8) "non-static tests passed to test::test_main_static")"#;
        assert!(held(&format!("(module (func) {texts})")));
        assert!(!held(&format!("(module (func $quotes) {texts})")));
        assert!(!held(r#"(module (memory 1) (data (i32.const 8) "RUST_TEST_THREADS"))"#));
    }
}
