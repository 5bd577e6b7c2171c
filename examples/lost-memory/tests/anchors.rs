//! One call of this test shows nothing wrong: a cache is there to keep something. Fifty calls show that it keeps everything.

use airtight::T;
use lost_memory::Document;

#[airtight::test]
fn an_anchor_is_the_title_in_small_letters(_: &mut T) {
    let document = Document::open();
    assert_eq!(document.anchor("Getting Started"), "getting-started");
    assert_eq!(document.anchor("Getting Started"), "getting-started");
}
