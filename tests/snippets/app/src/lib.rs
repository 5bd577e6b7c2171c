//! A parser of names, and what its tests leave.

/// The names in a text.
pub fn parse(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod parser {
    use super::*;

    #[test]
    fn parses_two() {
        assert_eq!(parse("a, b"), ["a", "b"]);
    }

    #[test]
    fn forgets_a_name() {
        std::mem::forget(parse("a"));
    }

    #[test]
    #[ignore = "it takes long"]
    fn slow() {
        assert_eq!(parse(&"a,".repeat(1000)).len(), 1001);
    }
}

#[cfg(test)]
#[test]
fn parse_nothing() {
    assert_eq!(parse(""), [""]);
}
