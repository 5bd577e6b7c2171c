//! Saying that an assertion about memory checks nothing.

use std::io::Write;
use std::sync::Once;

/// Says it on standard error, once a program: past libtest, which shows what a test prints only if the test fails.
pub(super) fn say(under_airtight: bool) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // Nobody reads it then.
        let _ = writeln!(std::io::stderr(), "{}", words(under_airtight));
    });
}

pub(super) fn words(under_airtight: bool) -> &'static str {
    if under_airtight {
        "airtight: the heap of this module is not tracked (the report says why), so what a test asserts of it is not checked"
    } else {
        "airtight: memory is not measured here, so what a test asserts of it is not checked; `airtight test` measures it"
    }
}
