//! Where a running test stands among its subtests.

use crate::scopes::GivenNames;
use std::panic::Location;
use std::rc::Rc;

/// Where a [`T`](crate::T) stands among a test's subtests. The default is the test itself.
#[derive(Default)]
pub(crate) struct SubtestPosition {
    /// How many subtests it is in, itself included.
    pub(crate) depth: u32,
    /// The test's name and the subtest's path; `None` for the test itself.
    pub(crate) name: Option<String>,
    /// The subtest's path without the test's name.
    path: String,
    /// Where the subtest was run: `file:line:column`.
    pub(crate) at: Option<String>,
    /// The names of all subtests of the test so far, once there are any.
    pub(crate) names: Option<Rc<GivenNames>>,
}

impl SubtestPosition {
    /// What libtest's reader is told of a subtest before its failures.
    pub(crate) fn prefix(&self) -> Option<String> {
        (self.depth > 0).then(|| format!("[{}] ", self.path))
    }

    /// The place of a subtest of this name.
    pub(crate) fn within(&mut self, test: &str, name: &str, at: &Location<'_>) -> Self {
        let names = Rc::clone(self.names.get_or_insert_default());
        let path = names.unique(&self.path, name);
        let at = Some(at.to_string());
        Self { depth: self.depth + 1, name: Some(format!("{test}/{path}")), path, at, names: Some(names) }
    }
}
