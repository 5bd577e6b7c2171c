//! Who runs the test: where its book is, and how it leaves in the middle.

use crate::book::Book;
use std::fmt::Display;
use std::panic::resume_unwind;
use std::rc::Rc;

#[derive(Clone)]
pub(crate) enum Runner {
    /// libtest: many tests may run at once.
    Libtest(Rc<Book>),
    /// airtight: the instance is the test's own, and the book must outlive the stack.
    #[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
    Airtight(&'static Book),
}

/// The payload of the unwinding by which a test leaves. The reason is in the book, and nothing is printed on the way.
pub(crate) struct LeavePayload;

impl Runner {
    pub(crate) fn book(&self) -> &Book {
        match self {
            Self::Libtest(book) => book,
            #[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
            Self::Airtight(book) => book,
        }
    }

    /// Leaves the test. `why` is for where libtest would not get to know otherwise.
    #[track_caller]
    pub(crate) fn leave(&self, why: &dyn Display) -> ! {
        match self {
            _ if cfg!(panic = "unwind") => resume_unwind(Box::new(LeavePayload)),
            Self::Libtest(_) => panic!("{why}"),
            #[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
            Self::Airtight(_) => core::arch::wasm32::unreachable(),
        }
    }
}
