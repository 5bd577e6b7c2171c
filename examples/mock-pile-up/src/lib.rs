//! A container of services, as frameworks have one: what is registered stays until the container is cleared.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The services that are registered, by name; of each name all that ever were.
#[derive(Default)]
pub struct Container(RefCell<BTreeMap<&'static str, Vec<Rc<dyn Any>>>>);

impl Container {
    /// Registers a service, which is found under this name from now on.
    pub fn register<S: 'static>(&self, name: &'static str, service: S) -> Rc<S> {
        let service = Rc::new(service);
        // A service that was registered before is hidden, and kept.
        self.0.borrow_mut().entry(name).or_default().push(Rc::clone(&service) as Rc<dyn Any>);
        service
    }

    /// Forgets every service.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
