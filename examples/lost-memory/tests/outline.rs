//! A section says where it is. Natively both tests pass.

use lost_memory::{shared, weak};

#[test]
fn sections_that_own_their_parents() {
    let manual = shared::Section::top("Manual");
    let setup = manual.add("Setup");
    let linux = setup.add("Linux");
    assert_eq!(linux.path(), "Manual / Setup / Linux");
}

#[test]
fn sections_that_know_their_parents() {
    let manual = weak::Section::top("Manual");
    let setup = manual.add("Setup");
    let linux = setup.add("Linux");
    assert_eq!(linux.path(), "Manual / Setup / Linux");
}
