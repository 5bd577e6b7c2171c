//! Names that a person reads, the same on every machine.

/// Longest name that is kept; generic Rust code has them of many kilobytes.
const MAX_LEN: usize = 500;

/// A function's name without its mangling and hash. Names of other languages stay as they are.
pub(super) fn readable(raw: &str) -> String {
    let mut name = format!("{:#}", rustc_demangle::demangle(raw));
    if name.contains(char::is_control) {
        name = name.escape_debug().to_string();
    }
    if name.len() > MAX_LEN {
        let end = (0..=MAX_LEN).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        name.truncate(end);
        name.push('…');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn hashes_are_left_out_in_both_manglings() {
        assert_eq!(readable("_ZN10demo_guest5tests5leaks17h18343139b8cab671E"), "demo_guest::tests::leaks");
        assert_eq!(readable("_RNvCs7hHA8GJrt0_4test16test_main_static"), "test::test_main_static");
        assert_eq!(readable("fopen"), "fopen");
        assert_eq!(readable("ns::f(int)"), "ns::f(int)");
    }

    #[test]
    fn hostile_names_are_tamed() {
        assert_eq!(readable("a\x1b[31m"), "a\\u{1b}[31m");
        let long = readable(&"é".repeat(1000));
        assert!(long.len() <= 503 && long.ends_with('…'));
    }
}
