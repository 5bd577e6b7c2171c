//! An outline whose sections own their parents, too.

use std::cell::RefCell;
use std::rc::Rc;

/// A heading of a document, with the headings under it.
pub struct Section {
    title: String,
    parent: Option<Rc<Section>>,
    children: RefCell<Vec<Rc<Section>>>,
}

impl Section {
    /// The top of an outline.
    pub fn top(title: &str) -> Rc<Self> {
        let title = title.to_owned();
        Rc::new(Self { title, parent: None, children: RefCell::default() })
    }

    /// Puts a section under this one. From here on each of the two keeps the other alive.
    pub fn add(self: &Rc<Self>, title: &str) -> Rc<Self> {
        let title = title.to_owned();
        let parent = Some(Rc::clone(self));
        let child = Rc::new(Self { title, parent, children: RefCell::default() });
        self.children.borrow_mut().push(Rc::clone(&child));
        child
    }

    /// `Manual / Setup / Linux`.
    pub fn path(&self) -> String {
        match &self.parent {
            Some(parent) => format!("{} / {}", parent.path(), self.title),
            None => self.title.clone(),
        }
    }
}
