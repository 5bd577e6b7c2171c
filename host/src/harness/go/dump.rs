//! The stacks of goroutines, as Go's runtime prints them: when it gives up, and when it is asked to.
//!
//! ```text
//! goroutine 6 [chan receive]:
//! example.com/ex.TestDead(0x508248)
//!         /home/me/ex/a_test.go:16 +0x3
//! created by testing.(*T).Run in goroutine 1
//!         /usr/lib/go/src/testing/testing.go:2260 +0x54
//! ```

use crate::model::Frame;
use crate::symbols::go_frame as frame;

/// Most goroutines of a dump that are read; further ones are only counted.
pub const READ: usize = 1000;

/// The function through which `testing` calls a test.
pub const CALLER: &str = "testing.tRunner";

/// A goroutine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goroutine {
    pub number: u64,
    /// What it does: `running`, `chan receive`.
    pub state: String,
    /// Its calls, innermost first.
    pub stack: Vec<Frame>,
    /// Where it was started; `None` of the first goroutine and of those of the runtime.
    pub created: Option<Frame>,
}

/// The first `most` goroutines of a dump, in its order, and how many more there are.
pub fn goroutines(text: &str, most: usize) -> (Vec<Goroutine>, usize) {
    let (mut all, mut more) = (Vec::<Goroutine>::new(), 0);
    let mut lines = text.lines().peekable();
    let mut inside = false;
    while let Some(line) = lines.next() {
        if let Some((number, state)) = header(line) {
            inside = all.len() < most;
            if inside {
                all.push(Goroutine { number, state: state.to_owned(), ..Goroutine::default() });
            } else {
                more += 1;
            }
            continue;
        }
        let Some(goroutine) = all.last_mut().filter(|_| inside) else { continue };
        if line.is_empty() {
            inside = false;
            continue;
        }
        let Some((file, number)) = lines.peek().and_then(|next| place(next)) else { continue };
        lines.next();
        match line.strip_prefix("created by ") {
            Some(by) => {
                let by = by.rsplit_once(" in goroutine ").map_or(by, |(by, _)| by);
                goroutine.created = Some(frame(by, file, number));
            }
            None => goroutine.stack.push(frame(function(line), file, number)),
        }
    }
    (all, more)
}

impl Goroutine {
    /// The calls from the user's innermost to the user's outermost, with those between. If none is the user's: those within
    /// the call of the test.
    pub fn user_frames(&self) -> Vec<Frame> {
        user_frames(&self.stack)
    }

    /// The calls that led to a panic, without those that Go made after it.
    pub fn frames_of_panic(&self) -> Vec<Frame> {
        let from = self.stack.iter().rposition(|frame| frame.function == "panic").map_or(0, |at| at + 1);
        user_frames(&self.stack[from..])
    }

    /// The goroutine's state, and its innermost place in the user's code: `goroutine 6 [chan receive] at a_test.go:16`.
    pub fn words(&self) -> String {
        let mut words = format!("goroutine {} [{}]", self.number, self.state);
        if let Some(at) = self.stack.iter().find(|frame| frame.is_own()).or_else(|| self.stack.first()) {
            words += &format!(" at {}", place_of(at));
        }
        if let Some(created) = self.created.as_ref().filter(|created| created.is_own()) {
            words += &format!(", started at {}", place_of(created));
        }
        words
    }

    /// Whether the user wrote one of its calls, or the call that started it.
    pub fn is_users(&self) -> bool {
        self.stack.iter().chain(&self.created).any(Frame::is_own)
    }
}

fn user_frames(stack: &[Frame]) -> Vec<Frame> {
    let first = stack.iter().position(Frame::is_own);
    let last = stack.iter().rposition(Frame::is_own);
    match (first, last) {
        (Some(first), Some(last)) => stack[first..=last].to_vec(),
        _ => stack.iter().take_while(|frame| frame.function != CALLER).cloned().collect(),
    }
}

/// `file:line` of a frame.
fn place_of(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => frame.function.clone(),
    }
}

/// A goroutine's first line, `goroutine 6 [chan receive, 2 minutes]:`, as its number and its state. Newer versions put more
/// between the two.
fn header(line: &str) -> Option<(u64, &str)> {
    let (head, state) = line.strip_prefix("goroutine ")?.strip_suffix("]:")?.split_once('[')?;
    Some((head.split(' ').next()?.parse().ok()?, state))
}

/// The line that says where a call is, `\t/home/me/ex/a_test.go:16 +0x3`, as file and line.
fn place(line: &str) -> Option<(&str, u32)> {
    let (place, _) = line.strip_prefix('\t')?.rsplit_once(" +0x").or_else(|| Some((line.strip_prefix('\t')?, "")))?;
    let (file, line) = place.rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}

/// A call from two lines: the first is its function; the second, behind a tab, says where the call is.
pub fn call(function: &str, at: &str) -> Option<Frame> {
    let (file, line) = place(at)?;
    Some(frame(function, file, line))
}

/// The function of a printed call: the call without its arguments.
fn function(call: &str) -> &str {
    let end = if call.ends_with(')') { call.rfind('(') } else { None };
    &call[..end.unwrap_or(call.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD: &str = "\
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
testing.(*T).Run(0x508008, {0x11d51, 0x8}, 0x30be68)
	/usr/lib/go/src/testing/testing.go:2268 +0x55
main.main()
	_testmain.go:74 +0x3

goroutine 6 [chan receive, 2 minutes]:
example.com/ex/store%2ev2.(*Store[...]).wait({0x1?, 0x2?})
	/home/me/ex/store/wait.go:9 +0x3
example.com/ex.TestDead(0x508248)
	/home/me/ex/a_test.go:16 +0x3
testing.tRunner(0x508248, 0x30be68)
	/usr/lib/go/src/testing/testing.go:2195 +0x12
created by testing.(*T).Run in goroutine 1
	/usr/lib/go/src/testing/testing.go:2260 +0x54

goroutine 7 gp=0x40c1 m=nil [sleep]:
time.Sleep(0x3e8)
	/usr/lib/go/src/runtime/time.go:363 +0x12
example.com/ex.TestDead.func1()
	/home/me/ex/a_test.go:14
created by example.com/ex.TestDead in goroutine 6
	/home/me/ex/a_test.go:13 +0x2
";

    #[test]
    fn goroutines_are_read_with_places_that_no_machine_decides() {
        let (all, more) = goroutines(DEAD, READ);
        assert_eq!((all.len(), more), (3, 0));
        let words: Vec<_> = all.iter().map(Goroutine::words).collect();
        assert_eq!(
            words,
            [
                "goroutine 1 [chan receive] at testing/testing.go:2268",
                "goroutine 6 [chan receive, 2 minutes] at example.com/ex/store.v2/wait.go:9",
                "goroutine 7 [sleep] at a_test.go:14, started at a_test.go:13",
            ]
        );
        assert_eq!(all.iter().map(Goroutine::is_users).collect::<Vec<_>>(), [false, true, true]);
        let own: Vec<_> = all[1].user_frames().into_iter().map(|frame| frame.function).collect();
        assert_eq!(own, ["example.com/ex/store.v2.(*Store[...]).wait", "example.com/ex.TestDead"]);
        assert_eq!(all[2].user_frames().len(), 1);
        assert_eq!(all[0].user_frames().len(), 2, "all, where none is the user's");
    }

    #[test]
    fn a_panic_is_where_it_was_raised() {
        let text = "\
goroutine 18 [running]:
testing.tRunner.func1.2({0x7f13e8, 0x618920})
	/go/src/testing/testing.go:2125 +0x232
panic({0x7f13e8?, 0x618920?})
	/go/src/runtime/panic.go:859 +0x125
os.Exit(0x0)
	/go/src/os/proc.go:67 +0x51
example.com/ex.TestExitZero(0x35111c12a488?)
	/tmp/goexp/ex/a_test.go:13 +0x45
testing.tRunner(0x35111c12a488, 0x81deb0)
	/go/src/testing/testing.go:2195 +0xea
";
        let (all, _) = goroutines(text, READ);
        let frames = all[0].frames_of_panic();
        assert_eq!(frames, [Frame::new("example.com/ex.TestExitZero").at("a_test.go", 13)]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(goroutine [0-9]{1,3} \\[a\\]:\n|created by a in goroutine 1\n|\t/a.go:[0-9]{1,12}( \\+0x1)?\n|a\\.b\\(\\)\n|\n|.){0,40}") {
            for goroutine in goroutines(&text, READ).0 {
                let _ = (goroutine.user_frames(), goroutine.frames_of_panic(), goroutine.words());
            }
        }
    }
}
