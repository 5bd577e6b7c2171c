//! Names of Rust's types as debug information writes them, and as people do: `Rc<Section>` for
//! `alloc::rc::Rc<demo::Section, alloc::alloc::Global>`.

/// The longest name of a type that is shown whole, in bytes. Of a longer one, inner arguments are left out.
const MAX_SHORT: usize = 60;

/// The longest name that is read.
const MAX_READ: usize = 16 << 10;

/// Arguments that nobody writes: every collection has them unless it is told otherwise.
const UNWRITTEN: [&str; 2] = ["alloc::alloc::Global", "std::hash::random::RandomState"];

/// The type arguments of a function: `A` and `B` of `name<A, B>`. Empty if it has none.
pub(super) fn arguments(generic: &str) -> Vec<&str> {
    let inner = generic.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
    inner.filter(|inner| inner.len() <= MAX_READ).map(split).unwrap_or_default()
}

/// The parts of a list that commas separate, but for commas within brackets.
pub(super) fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' if list[..at].ends_with('-') => {}
            b'>' | b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = list[start..].trim();
    parts.extend((!last.is_empty()).then_some(last));
    parts
}

/// The name of a type as people write it: without the paths of modules, and without arguments that are the usual ones. In a
/// long name, `…` stands for the arguments that are too deep.
pub(super) fn short(name: &str) -> String {
    let most = if name.len() <= MAX_READ { 4 } else { 0 };
    let fits = (1..=most).rev().map(|depth| written(name, depth)).find(|text| text.len() <= MAX_SHORT);
    fits.unwrap_or_else(|| "…".to_owned())
}

/// A name with arguments up to this depth.
fn written(name: &str, deepest: usize) -> String {
    let (mut text, mut depth, mut rest) = (String::new(), 0_usize, name);
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_alphanumeric() || first == '_' || first == '{' || rest.starts_with("::");
        if is_word {
            let (path, after) = rest.split_at(path_end(rest));
            rest = after;
            if depth <= deepest {
                text.push_str(&last_segment(path));
            }
            continue;
        }
        if let Some(after) = rest.strip_prefix(", ")
            && let Some(unwritten) = UNWRITTEN.iter().find(|word| is_argument(after, word))
        {
            rest = &after[unwritten.len()..];
            continue;
        }
        let (close, arrow) = (matches!(first, '>' | ')' | ']'), first == '>' && text.ends_with('-'));
        depth = if close && !arrow { depth.saturating_sub(1) } else { depth };
        if depth <= deepest {
            text.push(first);
        }
        if matches!(first, '<' | '(' | '[') {
            depth += 1;
            text.push_str(if depth == deepest + 1 { "…" } else { "" });
        }
        rest = &rest[first.len_utf8()..];
    }
    text
}

/// Whether the text begins with an argument that is this word.
fn is_argument(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| rest.starts_with(['>', ',']))
}

/// Where the path at the beginning of a text ends.
fn path_end(text: &str) -> usize {
    let mut braces = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            ':' => {
                let double = text[at..].starts_with("::") || text[..at].ends_with(':');
                if braces == 0 && !double {
                    return at;
                }
            }
            _ if braces > 0 || c.is_alphanumeric() || c == '_' => {}
            _ => return at,
        }
    }
    text.len()
}

/// The last segment of a path. A closure is told by the function that it is in.
fn last_segment(path: &str) -> String {
    let mut segments = path.rsplit("::");
    let last = segments.next().unwrap_or(path);
    if !last.starts_with("{closure") {
        return last.to_owned();
    }
    match segments.find(|segment| !segment.starts_with('{')) {
        Some(function) => format!("closure in {function}"),
        None => "closure".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_apart_at_the_outermost_commas() {
        assert_eq!(arguments("new<demo::Page>"), ["demo::Page"]);
        assert_eq!(
            arguments("f<(u8, u16), fn(u8) -> [u8; 2], [A<B, C>; 3]>"),
            ["(u8, u16)", "fn(u8) -> [u8; 2]", "[A<B, C>; 3]"]
        );
        assert_eq!([arguments("new"), arguments("a<b"), arguments("{impl#0}")], [[""; 0]; 3]);
        assert_eq!(split("u8, ()"), ["u8", "()"]);
    }

    #[test]
    fn names_are_shown_as_they_are_written() {
        for (name, expected) in [
            ("owners::Section", "Section"),
            ("alloc::rc::Rc<owners::Section, alloc::alloc::Global>", "Rc<Section>"),
            ("std::collections::hash::map::HashMap<u8, &str, std::hash::random::RandomState>", "HashMap<u8, &str>"),
            ("(alloc::string::String, [demo::A; 3], *const demo::B)", "(String, [A; 3], *const B)"),
            ("&mut dyn core::ops::function::Fn<(), Output=()>", "&mut dyn Fn<(), Output=()>"),
            ("demo::tests::leaks::{closure_env#0}", "closure in leaks"),
            ("demo::tests::leaks::{closure#1}::{closure_env#0}<u8>", "closure in leaks<u8>"),
            ("fn(demo::A) -> demo::B", "fn(A) -> B"),
            ("()", "()"),
            ("demo::Global", "Global"),
        ] {
            assert_eq!(short(name), expected, "{name}");
        }
    }

    #[test]
    fn of_a_long_name_what_is_deep_is_left_out() {
        let deep = |depth: usize| "demo::Nested<".repeat(depth) + "u8" + &">".repeat(depth);
        assert_eq!(short(&deep(3)), "Nested<Nested<Nested<u8>>>");
        assert_eq!(short(&deep(40)), "Nested<Nested<Nested<Nested<Nested<…>>>>>");
        let wide = format!("demo::Map<{}, u8>", "demo::A<demo::AVeryLongNameOfOneType, u8>, ".repeat(3));
        assert!(short(&wide).len() <= MAX_SHORT, "{}", short(&wide));
        assert_eq!(short(&"a".repeat(100)), "…");
        assert_eq!(short(&deep(10_000)), "…");
    }
}
