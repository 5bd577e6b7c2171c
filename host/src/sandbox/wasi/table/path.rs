//! Guest paths as reports name them. Nothing here decides what may be opened.

use crate::model::shorten::start_from;
use std::sync::Arc;

/// The most bytes of a name. A directory opened in a directory, again and again, would have a name without end, and so
/// would each directory on the way.
const MAX_NAME: usize = 4096;

/// Stands for the cut-off beginning of a name that is longer.
const LEFT_OUT: &str = "…";

/// The name for what `path` leads to from a directory named `base`. `.` and empty parts are dropped, and `..` is resolved
/// where it can be. If a symbolic link is on the way, the name may be another place's: it is what the guest wrote.
pub fn join(base: &str, path: &str) -> Arc<str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let rest = parts.join("/");
    let joined = match (base, rest.as_str()) {
        (base, "") => base.to_owned(),
        ("" | ".", rest) => rest.to_owned(),
        (base, rest) => format!("{}/{rest}", base.trim_end_matches('/')),
    };
    if joined.len() <= MAX_NAME { joined.into() } else { end_of(&joined).into() }
}

/// The last components of a name, as many as fit in half of the longest name.
fn end_of(name: &str) -> String {
    let tail = &name[start_from(name, name.len() - MAX_NAME / 2)..];
    let whole = tail.find('/').map_or(tail, |slash| &tail[slash + 1..]);
    format!("{LEFT_OUT}/{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!(&*join("/tmp", "a/./b//c"), "/tmp/a/b/c");
        assert_eq!(&*join(".", "tests/x"), "tests/x");
        assert_eq!(&*join(".", "."), ".");
        assert_eq!(&*join("/", "a/../b"), "/b");
        assert_eq!(&*join("/tmp", "../etc"), "/tmp/../etc");
    }

    #[test]
    fn a_name_has_an_end() {
        let (mut name, component) = (Arc::<str>::from("/tmp"), "é".repeat(100));
        for _ in 0..1000 {
            name = join(&name, &component);
            assert!(name.len() <= MAX_NAME, "{}", name.len());
        }
        assert!(name.starts_with(&format!("…/{component}/{component}")), "{name}");
        let long = format!("a/{}", "x".repeat(MAX_NAME));
        assert!(join("/tmp", &long).len() < MAX_NAME);
    }
}
