//! What a search for pollution found: tests whose verdict depends on which tests ran before them in the same instance.

/// What was found in a whole suite.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pollution {
    /// In how many orders the tests were run.
    pub orders: usize,
    /// Each module that has tests, by name.
    pub modules: Vec<ModulePollution>,
}

/// What was found in one module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModulePollution {
    /// Its name.
    pub module: String,
    /// How many of the module's tests were run together.
    pub looked_at: usize,
    /// The tests whose verdict depends on others, by name.
    pub found: Vec<Dependent>,
    /// The tests that were not run with others, by name.
    pub left_out: Vec<LeftOut>,
    /// Why none of the module's tests can be run together; `None` if they can.
    pub refused: Option<String>,
}

/// A test whose verdict depends on which tests ran before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// Its name.
    pub test: String,
    /// How the verdict depends on the others.
    pub dependence: Dependence,
    /// The fewest tests that change the verdict, in the order in which they ran. Without any one of them, the verdict does
    /// not change.
    pub after: Vec<String>,
    /// The message with which the test failed.
    pub message: String,
    /// Where it panicked, if it did: `file:line:column`.
    pub place: Option<String>,
    /// Paths of files that the tests in `after` left or changed.
    pub files: Vec<String>,
}

/// How a test's verdict depends on others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependence {
    /// The test passes alone and fails after the others. In the words of the literature, it is a *victim*, and they are its
    /// polluters.
    Polluted,
    /// The test fails alone and passes after the others. It is *brittle*, and they set the state that it needs.
    NeedsOthers,
}

/// A test that was not run with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub test: String,
    /// Why.
    pub why: String,
}

impl Pollution {
    /// The tests whose verdict depends on others, each with its module.
    pub fn found(&self) -> impl Iterator<Item = (&str, &Dependent)> {
        self.modules.iter().flat_map(|module| module.found.iter().map(|found| (&*module.module, found)))
    }
}
