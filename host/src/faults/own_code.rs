//! Which functions are a test's own, and not code that it tests.

use crate::model::Frame;
use std::path::Path;

/// Whether the innermost function of a stack is the test's own: the test itself, a program's `main`, a function within it, or another one of the crate
/// that it is in, if that is one of integration tests: such a crate holds nothing but tests and what they need. Of the functions beside
/// a test in the crate that it tests, nobody knows which are for tests alone.
pub fn is_of_test(stack: &[Frame], test: &str) -> bool {
    let Some(innermost) = stack.first() else { return true };
    if is_test(&innermost.function, test) || is_main(&innermost.function) {
        return true;
    }
    let Some(own) = stack.iter().find(|frame| is_test(&frame.function, test)) else { return false };
    let (Some(file), Some(file_of_test)) = (&innermost.file, &own.file) else { return false };
    let is_within = || {
        let rest = innermost.function.strip_prefix(without_closures(&own.function));
        file == file_of_test && rest.is_some_and(|rest| rest.starts_with("::"))
    };
    let is_beside = || {
        let same_crate = crate_of(&innermost.function) == crate_of(&own.function);
        same_crate && is_integration_test(file) && is_integration_test(file_of_test)
    };
    is_within() || is_beside()
}

/// Whether a function is the test of this name, or a closure in it.
fn is_test(function: &str, test: &str) -> bool {
    let function = without_closures(function);
    function == test || function.strip_suffix(test).is_some_and(|before| before.ends_with("::"))
}

fn is_main(function: &str) -> bool {
    matches!(without_closures(function).rsplit("::").next(), Some("main" | "__main_void" | "__original_main"))
}

/// `a::b` of `a::b::{closure#0}`.
fn without_closures(mut function: &str) -> &str {
    while let Some((outer, inner)) = function.rsplit_once("::")
        && inner.starts_with('{')
    {
        function = outer;
    }
    function
}

/// The crate of a function: `shop` of `shop::save`, and of `<shop::Store as core::ops::Drop>::drop`.
fn crate_of(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&', '*', '(', '[']);
    path.split("::").next().unwrap_or_default()
}

/// Whether cargo makes a crate of integration tests of a file: one in a package's folder `tests`, which is not among its sources.
fn is_integration_test(file: &str) -> bool {
    let folders = Path::new(file).parent().into_iter().flat_map(Path::components);
    let is_in = |name: &str| folders.clone().any(|folder| folder.as_os_str() == name);
    is_in("tests") && !is_in("src")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_test_s_own() {
        let own = |frames: &[(&str, &str)], test: &str| {
            let frames: Vec<Frame> = frames.iter().map(|(function, file)| Frame::new(*function).at(*file, 1)).collect();
            is_of_test(&frames, test)
        };
        let (file, source) = ("tests/shop.rs", "src/lib.rs");
        let saves = ("shop_tests::saves", file);
        assert!(own(&[saves], "saves") && own(&[("shop_tests::saves::{closure#0}::{closure#1}", file)], "saves"));
        for helper in ["shop_tests::open", "shop_tests::saves::open", "<shop_tests::Bad as shop::Store>::open"] {
            assert!(own(&[(helper, file), ("shop::save", source), saves], "saves"), "{helper}");
            assert!(own(&[(helper, "tests/shop/common.rs"), saves], "saves"), "{helper}");
        }
        assert!(!own(&[("shop::save", source), saves], "saves"));
        assert!(!own(&[("shop::open", file), saves], "saves"), "another crate");
        assert!(!own(&[("shop_tests::open", file)], "saves"), "the test is not on the stack");
        // Beside the test in the crate under test.
        let saves = ("shop::tests::saves", "src/tests/mod.rs");
        assert!(!own(&[("shop::tests::open", "src/tests/mod.rs"), saves], "tests::saves"));
        assert!(own(&[("shop::tests::saves::open", "src/tests/mod.rs"), saves], "tests::saves"));
        // A module that is called as a test.
        assert!(!own(&[("shop::save::open", "src/save.rs"), ("shop::save", source)], "save"));
    }
}
