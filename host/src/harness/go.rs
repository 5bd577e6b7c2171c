//! What Go guests have in common, whatever harness holds their tests: how a panic is printed.

/// The status with which a program of Go's leaves that panicked.
pub const PANICKED: u32 = 2;

/// How its runtime begins what it prints: of a panic, and of what it cannot go on after, as a deadlock of all goroutines.
const STARTS: [&str; 2] = ["panic: ", "fatal error: "];

/// What its runtime prints next: the stacks, that of the goroutine which is to blame first.
const STACKS: &str = "\ngoroutine ";

/// What the runtime said on standard error when it gave up: the last such message that stacks follow.
pub fn last_panic(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let mut lines = text.match_indices('\n').map(|(at, _)| at + 1).chain([0]).collect::<Vec<_>>();
    lines.sort_unstable();
    let start = lines.into_iter().rev().find(|line| {
        let rest = &text[*line..];
        STARTS.iter().any(|start| rest.starts_with(start)) && rest.contains(STACKS)
    })?;
    let message = &text[start..];
    Some(message[..message.find(STACKS)?].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_what_stacks_follow() {
        let panic = "noise\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:3 +0x2\nexit status 2\n";
        assert_eq!(last_panic(panic.as_bytes()).as_deref(), Some("panic: boom"));
        let wrapped = "panic: one [recovered]\n\tpanic: two\n\ngoroutine 7 [running]:\nmain.f()\n";
        assert_eq!(last_panic(wrapped.as_bytes()).as_deref(), Some("panic: one [recovered]\n\tpanic: two"));
        let dead = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n";
        assert_eq!(last_panic(dead.as_bytes()).as_deref(), Some("fatal error: all goroutines are asleep - deadlock!"));
        let twice = format!("panic: printed by the program\n{panic}");
        assert_eq!(last_panic(twice.as_bytes()).as_deref(), Some("panic: boom"));
        for other in
            ["panic: printed and no more\n", "", "\ngoroutine 1", "do not panic: x\n\ngoroutine 1 [running]:\n"]
        {
            assert_eq!(last_panic(other.as_bytes()), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_output_breaks_the_reader(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            last_panic(&bytes);
        }
    }
}
