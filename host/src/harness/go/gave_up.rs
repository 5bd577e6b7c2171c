//! What Go's runtime says when it gives up: after a panic that nobody recovered, and after an error that no program
//! survives.

/// How the runtime's last message begins: after a panic, and after an error that no program survives, such as a deadlock of
/// all goroutines.
const STARTS: [&str; 2] = ["panic: ", FATAL];

/// How the message begins that tells of an error that no program survives.
pub const FATAL: &str = "fatal error: ";

/// What the runtime prints after the message: the stacks, first that of the goroutine to blame.
const STACKS: &str = "\ngoroutine ";

/// What the runtime said when it gave up.
#[derive(Debug, PartialEq, Eq)]
pub struct GaveUp {
    pub message: String,
    /// The stacks that the runtime printed after the message.
    pub(super) stacks: String,
}

/// The last message on standard error with which the runtime gave up. Stacks have to follow it: without them it is
/// something that the program printed.
pub fn last_panic(stderr: &[u8]) -> Option<GaveUp> {
    let text = String::from_utf8_lossy(stderr);
    // The last message begins before the last stacks.
    let last = text.rfind(STACKS)?;
    let lines = text[..last].rmatch_indices('\n').map(|(at, _)| at + 1).chain([0]);
    let start = lines.into_iter().find(|line| STARTS.iter().any(|start| text[*line..].starts_with(start)))?;
    let said = &text[start..];
    let (message, stacks) = said.split_at(said.find(STACKS)?);
    Some(GaveUp { message: message.trim_end().to_owned(), stacks: stacks.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_what_stacks_follow() {
        let said = |stderr: &str| last_panic(stderr.as_bytes()).map(|said| said.message);
        let panic = "noise\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:3 +0x2\nexit status 2\n";
        assert_eq!(said(panic).as_deref(), Some("panic: boom"));
        let wrapped = "panic: one [recovered]\n\tpanic: two\n\ngoroutine 7 [running]:\nmain.f()\n";
        assert_eq!(said(wrapped).as_deref(), Some("panic: one [recovered]\n\tpanic: two"));
        let dead = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n";
        assert_eq!(said(dead).as_deref(), Some("fatal error: all goroutines are asleep - deadlock!"));
        let twice = format!("panic: printed by the program\n{panic}");
        assert_eq!(said(&twice).as_deref(), Some("panic: boom"));
        for other in
            ["panic: printed and no more\n", "", "\ngoroutine 1", "do not panic: x\n\ngoroutine 1 [running]:\n"]
        {
            assert_eq!(said(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_output_breaks_the_reader(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            last_panic(&bytes);
        }
    }
}
