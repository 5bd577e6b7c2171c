//! Turns names of functions into ones that people can read, and that are the same on every machine.

/// The longest name that is kept, in bytes. Generic Rust code has names of many kilobytes.
const MAX_LEN: usize = 500;

/// A function's name without mangling and hash, and, for C++, without the type of the result before it.
pub(super) fn readable(raw: &str) -> String {
    let mut name = match rustc_demangle::try_demangle(raw) {
        Ok(name) => format!("{name:#}"),
        Err(_) => from_cpp(raw).unwrap_or_else(|| without_result(raw).to_owned()),
    };
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

/// A name that C++ mangled; `None` for any other.
fn from_cpp(raw: &str) -> Option<String> {
    if !raw.starts_with("_Z") {
        return None;
    }
    let symbol = cpp_demangle::Symbol::new(raw).ok()?;
    let mut start = Start(String::new());
    let options = cpp_demangle::DemangleOptions::new().no_return_type();
    let whole = symbol.structured_demangle(&mut start, &options).is_ok();
    // If the name is too long, its beginning is kept, as for every other name.
    (whole || start.0.len() > MAX_LEN).then_some(start.0)
}

/// The first bytes of a name: a few more than are kept. Writing stops there, because mangled names repeat parts by reference,
/// and a short one may stand for gigabytes.
struct Start(String);

impl cpp_demangle::DemangleWrite for Start {
    fn write_string(&mut self, text: &str) -> std::fmt::Result {
        self.0.push_str(text);
        if self.0.len() > MAX_LEN { Err(std::fmt::Error) } else { Ok(()) }
    }
}

/// A name of C++ without the type of the result, as linkers write it: `ns::f<int>(int)` of `void ns::f<int>(int)`.
fn without_result(name: &str) -> &str {
    const ANONYMOUS: &str = "(anonymous namespace)";
    let (mut depth, mut start) = (0usize, 0);
    for (at, byte) in name.bytes().enumerate() {
        let before = || name[start..at].strip_prefix("operator").is_some() || name[start..at].ends_with("::operator");
        match byte {
            // The arguments of the function itself begin here.
            b'(' if depth == 0 && at > start && !name[at..].starts_with(ANONYMOUS) => return &name[start..],
            b'<' | b'(' | b'[' => depth += 1,
            b'>' | b')' | b']' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && before() => return &name[start..],
            b' ' if depth == 0 => start = at + 1,
            _ => {}
        }
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
    fn cpps_names_read_the_same_wherever_they_come_from() {
        for (mangled, by_the_linker, expected) in [
            ("_ZN3app5Store4grabEi", "app::Store::grab(int)", "app::Store::grab(int)"),
            (
                "_ZN3appL4fillINS_5StoreEEEvRT_i",
                "void app::fill<app::Store>(app::Store&, int)",
                "app::fill<app::Store>(app::Store&, int)",
            ),
            ("_Znwm", "operator new(unsigned long)", "operator new(unsigned long)"),
            ("_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f()", "(anonymous namespace)::f()"),
            (
                "_ZN12_GLOBAL__N_11gIiEEvT_",
                "void (anonymous namespace)::g<int>(int)",
                "(anonymous namespace)::g<int>(int)",
            ),
        ] {
            assert_eq!(readable(mangled), expected, "{mangled}");
            assert_eq!(readable(by_the_linker), expected, "{by_the_linker}");
        }
        // Names that are not mangled, or not of C++.
        for plain in ["_Zx!", "_ZN", "load config", "<T as demo::Trait>::f", "fn(int)", "a<b> c"] {
            assert_eq!(readable(plain), plain);
        }
    }

    #[test]
    fn a_name_that_repeats_itself_is_cut() {
        let parts = "S_".repeat(3);
        let bomb = format!("_Z1fI{}E", (0..30).fold("1a".to_owned(), |name, _| format!("1tI{name}{parts}E")));
        assert!(readable(&bomb).len() <= 503);
        // A name whose parts double with each reference.
        let doubling: String = (0..40)
            .map(|nth| format!("1tIS{n}_S{n}_E", n = if nth == 0 { String::new() } else { format!("{:X}", nth - 1) }))
            .collect();
        assert!(readable(&format!("_Z1fPv{doubling}")).len() <= 503);
    }

    #[test]
    fn hostile_names_are_tamed() {
        assert_eq!(readable("a\x1b[31m"), "a\\u{1b}[31m");
        let long = readable(&"é".repeat(1000));
        assert!(long.len() <= 503 && long.ends_with('…'));
    }
}
