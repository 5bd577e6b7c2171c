//! Every page of a text reaches the printer. Natively both tests pass.

use lost_memory::{Page, free_page, print};
use std::sync::atomic::{AtomicUsize, Ordering};

const POEM: &str = "Tyger Tyger,\nburning bright,\nIn the forests\nof the night;\nWhat immortal\nhand or eye,";

static SEEN: AtomicUsize = AtomicUsize::new(0);
static GIVEN_BACK: AtomicUsize = AtomicUsize::new(0);

/// Counts the pages, and forgets whose they are.
extern "C" fn count(_: *mut Page) {
    SEEN.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn count_and_give_back(page: *mut Page) {
    GIVEN_BACK.fetch_add(1, Ordering::Relaxed);
    // SAFETY: it is this printer's, which does not use it again.
    unsafe { free_page(page) };
}

#[test]
fn a_printer_that_only_counts() {
    print(POEM, 2, count);
    assert_eq!(SEEN.load(Ordering::Relaxed), 3);
}

#[test]
fn a_printer_that_gives_pages_back() {
    print(POEM, 2, count_and_give_back);
    assert_eq!(GIVEN_BACK.load(Ordering::Relaxed), 3);
}
