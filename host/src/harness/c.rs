//! What C and C++ guests have in common, whatever harness holds their tests: how a failed assertion is printed.

/// How the C and C++ libraries begin the line with which they give up: C's `assert`; libc++abi; C++'s `terminate`, if
/// nobody catches an exception.
const STARTS: [&str; 3] = ["Assertion failed: ", "libc++abi: ", "terminate called "];

/// The last failed assertion on standard error, if only the end of the program came after it: `Assertion failed: n == 2
/// (a.c: main: 7)`.
pub fn last_assertion(stderr: &[u8]) -> Option<String> {
    let text = stderr.strip_suffix(b"\n").unwrap_or(stderr);
    let line = text.rsplit(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    STARTS.iter().any(|start| line.starts_with(start)).then(|| line.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_is_the_last_line_or_none() {
        let failed = "Assertion failed: n == 2 (a.c: main: 7)";
        assert_eq!(last_assertion(format!("noise\n{failed}\n").as_bytes()).as_deref(), Some(failed));
        assert_eq!(last_assertion(failed.as_bytes()).as_deref(), Some(failed));
        assert_eq!(
            last_assertion(b"libc++abi: Pure virtual function called!\n").as_deref().unwrap_or(""),
            "libc++abi: Pure virtual function called!"
        );
        for other in [&b"Assertion failed: n\nlater\n"[..], b"said: Assertion failed: n\n", b"", b"\n", b"\xff\xfe"] {
            assert_eq!(last_assertion(other), None, "{other:?}");
        }
    }
}
