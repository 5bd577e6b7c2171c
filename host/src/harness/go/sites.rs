//! Where a Go test allocated, by the profile of its runtime. The hook prints it in the words of [`airtight_abi::go`].

use super::dump::{CALLER, call};
use crate::model::Frame;

/// What the names of functions begin with that are of the hook: those that call a test, and those that look at the heap.
const HOOK: &str = "testing.airtight";

/// The function of the hook that waits for goroutines which are on their way out. It runs while every allocation is noted, and calls
/// `time.Sleep`, which makes a timer.
const WAITS: &str = "testing.airtightWait";

/// Most calls that are kept of one place's stack.
const MOST_CALLS: usize = 64;

/// A place at which a test allocated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedGoSite {
    /// The calls, innermost first, without those of the runtime and of the harness.
    pub stack: Vec<Frame>,
    pub alloc_objects: u64,
    pub alloc_space: u64,
    pub inuse_objects: u64,
    pub inuse_space: u64,
}

/// The places that the hook printed, in its order, and how many more there are. Places where the hook itself allocated are
/// left out.
pub fn sites(text: &str) -> (Vec<ParsedGoSite>, u64) {
    let mut all = Vec::new();
    let mut more = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(number) = line.strip_prefix("more ") {
            more = number.parse().unwrap_or(0);
            continue;
        }
        let numbers: Vec<u64> = line.split(' ').map_while(|number| number.parse().ok()).collect();
        let [alloc_objects, alloc_space, inuse_objects, inuse_space] = numbers[..] else { continue };
        let mut calls = Vec::new();
        // An empty line ends the place.
        while let Some(function) = lines.next().filter(|line| !line.is_empty()) {
            let Some(at) = lines.next() else { break };
            if calls.len() < MOST_CALLS {
                calls.extend(call(function, at));
            }
        }
        if let Some(stack) = users(calls) {
            all.push(ParsedGoSite { stack, alloc_objects, alloc_space, inuse_objects, inuse_space });
        }
    }
    (all, more)
}

/// A stack without the calls outside of the test, and without those inside the runtime that make a block. `None` if the
/// hook itself allocated.
fn users(mut calls: Vec<Frame>) -> Option<Vec<Frame>> {
    let is_runtime = |frame: &Frame| frame.function.starts_with("runtime.");
    let inner = calls.iter().position(|frame| !is_runtime(frame))?;
    calls.drain(..inner);
    // Maps are in a package of the runtime's own, which allocates for the hook, too.
    let is_map = |frame: &Frame| is_runtime(frame) || frame.function.starts_with("internal/runtime/maps.");
    let caller = calls.iter().find(|frame| !is_map(frame));
    let is_hook = caller.is_some_and(|frame| frame.function.starts_with(HOOK));
    if is_hook || calls.iter().any(|frame| frame.function == WAITS) {
        return None;
    }
    let is_harness = |frame: &Frame| frame.function == CALLER || frame.function.starts_with(HOOK);
    let outer =
        calls.iter().position(|frame| is_harness(frame) || is_runtime(frame) && frame.function.ends_with("goexit"));
    calls.truncate(outer.filter(|outer| *outer > 0).unwrap_or(calls.len()));
    Some(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "\
5 50 0 0
example.com/ex.other
\t/home/me/ex/a.go:20

3 300 1 100
runtime.makeslice
\t/go/src/runtime/slice.go:117
example.com/ex.fill
\t/home/me/ex/a.go:9
example.com/ex.TestFill
\t/home/me/ex/a_test.go:5
testing.airtightPrepare.func2
\t/go/src/testing/airtight_hook.go:88
testing.tRunner
\t/go/src/testing/testing.go:2195
runtime.goexit
\t/go/src/runtime/asm_wasm.s:434

1 16 0 0
testing.airtightBegin
\t/go/src/testing/airtight_hook.go:140

1 40 1 40
internal/runtime/maps.newGroups
\t/go/src/internal/runtime/maps/group.go:312
runtime.mapassign
\t/go/src/internal/runtime/maps/runtime.go:191
testing.airtightByPlace
\t/go/src/testing/airtight_hook.go:353

1 80 1 80
time.Sleep
\t/go/src/runtime/time.go:338
testing.airtightWait
\t/go/src/testing/airtight_hook.go:257
testing.airtightPrepare.func2.airtightBegin.1
\t/go/src/testing/airtight_hook.go:241

7 70 0 0
testing.(*T).Run
\t/go/src/testing/testing.go:2260

more 5
";

    #[test]
    fn a_place_is_the_test_s_own_calls() {
        let (sites, more) = sites(TOLD);
        assert_eq!((sites.len(), more), (3, 5));
        let calls: Vec<_> = sites[1].stack.iter().map(|frame| (&*frame.function, frame.file.as_deref())).collect();
        let file = "example.com/ex/a.go";
        assert_eq!(calls, [("example.com/ex.fill", Some(file)), ("example.com/ex.TestFill", Some("a_test.go"))]);
        let ParsedGoSite { alloc_objects, alloc_space, inuse_objects, inuse_space, .. } = sites[1];
        assert_eq!([alloc_objects, alloc_space, inuse_objects, inuse_space], [3, 300, 1, 100]);
        assert_eq!(sites[2].stack[0].function, "testing.(*T).Run");
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "([0-9]{1,22}( [0-9]{1,3}){0,4}\n|more [0-9x]{1,3}\n|a\\.b\n|\t/a.go:[0-9]{1,12}\n|runtime\\.x\n|\n|.){0,40}") {
            for site in sites(&text).0 {
                proptest::prop_assert!(!site.stack.is_empty() && site.stack.len() <= MOST_CALLS);
            }
        }
    }
}
