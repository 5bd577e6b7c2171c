//! The same outline, whose sections only know their parents.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// A heading of a document, with the headings under it.
pub struct Section {
    title: String,
    parent: Weak<Section>,
    children: RefCell<Vec<Rc<Section>>>,
}

impl Section {
    /// The top of an outline.
    pub fn top(title: &str) -> Rc<Self> {
        let title = title.to_owned();
        Rc::new(Self { title, parent: Weak::new(), children: RefCell::default() })
    }

    /// Puts a section under this one, which owns it.
    pub fn add(self: &Rc<Self>, title: &str) -> Rc<Self> {
        let title = title.to_owned();
        let parent = Rc::downgrade(self);
        let child = Rc::new(Self { title, parent, children: RefCell::default() });
        self.children.borrow_mut().push(Rc::clone(&child));
        child
    }

    /// `Manual / Setup / Linux`.
    pub fn path(&self) -> String {
        match self.parent.upgrade() {
            Some(parent) => format!("{} / {}", parent.path(), self.title),
            None => self.title.clone(),
        }
    }
}
