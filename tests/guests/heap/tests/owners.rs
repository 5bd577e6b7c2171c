//! Lost blocks that hold each other in ways that can be told apart: see `tests/tests/owners.rs`.

use heap::{block, used};
use std::cell::RefCell;
use std::collections::{HashMap, LinkedList};
use std::mem::forget;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex};

struct Page {
    title: String,
    lines: Vec<Box<[u8; 10]>>,
}

/// A box, its title, its list and two lines.
#[test]
fn leak_a_page_with_all_it_owns() {
    let title = "a title".to_owned(); // lost here
    let lines = vec![block::<10>(), block::<10>()]; // lost here
    let page = used(Box::new(Page { title, lines })); // lost here
    assert_eq!(page.title.len() + page.lines.len(), 9);
    forget(page);
}

struct Section {
    title: String,
    parent: RefCell<Option<Rc<Section>>>,
    children: RefCell<Vec<Rc<Section>>>,
}

impl Section {
    fn new(title: &str) -> Rc<Self> {
        let (parent, children) = (RefCell::default(), RefCell::default());
        Rc::new(Self { title: title.to_owned(), parent, children })
    }

    fn add(self: &Rc<Self>, child: Rc<Self>) {
        *child.parent.borrow_mut() = Some(Rc::clone(self));
        self.children.borrow_mut().push(child);
    }
}

/// Two sections and the list between them; the titles go with them.
#[test]
fn leak_a_section_that_owns_its_parent() {
    let top = used(Section::new("top")); // lost here
    let child = Section::new("child"); // lost here
    top.add(child); // lost here
    assert_eq!(top.title.len() + top.children.borrow().len(), 4);
}

/// Three times the same.
#[test]
fn leak_three_cycles() {
    for title in ["one", "two", "six"] {
        let top = used(Section::new(title)); // lost here
        top.add(Section::new(title)); // lost here
    }
}

struct Known {
    parent: RefCell<Weak<Known>>,
    child: RefCell<Option<Rc<Known>>>,
}

/// The reference back is weak already: what is wrong is that the parent was forgotten.
#[test]
fn leak_a_forgotten_parent_that_is_weakly_known() {
    let new = || Rc::new(Known { parent: RefCell::default(), child: RefCell::default() }); // lost here
    let (parent, child) = (used(new()), used(new()));
    *child.parent.borrow_mut() = Rc::downgrade(&parent);
    *parent.child.borrow_mut() = Some(child);
    assert!(parent.child.borrow().as_ref().unwrap().parent.borrow().upgrade().is_some());
    forget(parent);
}

/// The nodes of the list point in both directions, and nothing counts references to them.
#[test]
fn leak_a_list_that_points_both_ways() {
    let mut list = LinkedList::new();
    for number in 0..4_u32 {
        list.push_back(number); // lost here
    }
    forget(used(list));
}

struct Peer(Mutex<Option<Arc<Peer>>>);

#[test]
#[allow(clippy::arc_with_non_send_sync)]
fn leak_what_holds_itself() {
    let one = used(Arc::new(Peer(Mutex::new(None)))); // lost here
    *one.0.lock().unwrap() = Some(Arc::clone(&one));
}

/// Either box would keep the text alive.
#[test]
fn leak_what_two_owners_share() {
    let text: Rc<[u8; 30]> = used(Rc::new([1; 30])); // lost here
    forget(used(Box::new((Rc::clone(&text), 1_u64)))); // lost here
    forget(used(Box::new((text, 2_u32)))); // lost here
}

/// A cycle that a forgotten box holds is no owner.
#[test]
fn leak_a_box_that_holds_a_cycle() {
    let top = Section::new("top"); // lost here
    top.add(Section::new("child")); // lost here
    forget(used(Box::new((top, 7_u64)))); // lost here
}

#[inline(never)]
fn grow(depth: u32) -> u32 {
    forget(block::<24>()); // Each depth loses one.
    if depth == 0 { 0 } else { grow(used(depth) - 1) + 1 }
}

#[test]
fn leak_at_every_depth() {
    assert_eq!(grow(300), 300); // lost here
}

/// Where an entry of the table lies depends on addresses, which are others in a second run.
#[test]
fn leak_a_table_that_is_keyed_by_addresses() {
    let mut table = HashMap::with_capacity(40); // lost here
    for number in 0..40_u64 {
        let owned = Box::new(number); // lost here
        table.insert(std::ptr::from_ref(&*owned) as usize, owned);
    }
    forget(used(table));
}

static TEXTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The static points to the list, and the list to the texts.
#[test]
fn pass_a_cache_of_texts() {
    let mut texts = TEXTS.lock().unwrap();
    texts.reserve_exact(3); // retained here
    for text in ["one", "two", "six"] {
        texts.push(text.to_owned()); // retained here
    }
}

/// What two statics keep is told under the first of them.
#[test]
fn pass_two_statics() {
    static FIRST: Mutex<Option<Box<[u8; 12]>>> = Mutex::new(None);
    static SECOND: Mutex<Option<Box<[u8; 20]>>> = Mutex::new(None);
    *FIRST.lock().unwrap() = Some(block::<12>()); // retained here
    *SECOND.lock().unwrap() = Some(block::<20>()); // retained here
}

#[test]
fn pass_a_thread_local_list() {
    thread_local! {
        static LIST: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    LIST.with_borrow_mut(|list| list.reserve_exact(2)); // retained here
}
