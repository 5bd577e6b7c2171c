//! Saying that an assertion about memory checks nothing.

use std::io::Write;
use std::sync::Once;

/// Says it on standard error, once a program: past libtest, which shows what a test prints only if the test fails.
pub(super) fn say(under_airtight: bool) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // In one piece, so that lines of tests that run at once do not mix. Where it cannot be written, nobody reads it.
        let _ = std::io::stderr().write_all(words(under_airtight).as_bytes());
    });
}

pub(super) fn words(under_airtight: bool) -> &'static str {
    if under_airtight {
        // It may be this test's alone, and tracked until a moment ago.
        "airtight: the heap of this test is not tracked (the report says why), so what it asserts of it from here on is not \
         checked\n"
    } else {
        "airtight: memory is not measured here, so what a test asserts of it is not checked; `airtight test` measures it\n"
    }
}
