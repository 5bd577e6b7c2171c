//! Guest paths as reports name them. Nothing here decides what may be opened.

use std::sync::Arc;

/// The name of what `path` leads to from a directory named `base`: `.` and empty parts are dropped, `..` is resolved
/// where it can be (a symbolic link may make it another place; the name stays what the guest wrote).
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
    joined.into()
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn names_are_plain() {
        assert_eq!(&*join("/tmp", "a/./b//c"), "/tmp/a/b/c");
        assert_eq!(&*join(".", "tests/x"), "tests/x");
        assert_eq!(&*join(".", "."), ".");
        assert_eq!(&*join("/", "a/../b"), "/b");
        assert_eq!(&*join("/tmp", "../etc"), "/tmp/../etc");
    }
}
