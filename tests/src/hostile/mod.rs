//! Modules that attack the host, each with the verdict that it must get. They form one table, with one file for each kind
//! of attack.
//!
//! Descriptors: 3 is the scratch file system, 4 a read-only and 5 a read-write directory of the host, both laid out by
//! [`lay_out`]. Modules of the class `overlay` have overlays after them.

mod bombs;
mod costly;
mod descriptors;
mod layout;
mod long_reports;
mod modules;
mod overlays;
mod paths;
mod program;
mod scopes;
mod sdk;
mod tasks;
mod threads;
mod tracked;

pub use layout::{PUBLIC, SECRET, Site, lay_out};

/// What a module must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expect {
    /// The verdict of its test, or of each of its tests, as the report spells it.
    Verdict(&'static str),
    /// It is ended by this limit.
    Limit(&'static str),
    /// `timeout`, by the wall clock: what it does costs no fuel.
    WallClock,
    /// It is not loaded; the reason has this in it.
    Refused(&'static str),
}

/// One module.
pub struct Hostile {
    /// The kind of attack.
    pub class: &'static str,
    /// Its own name; no two are alike.
    pub name: String,
    /// What it must come to.
    pub expect: Expect,
    /// The module.
    pub bytes: Vec<u8>,
}

impl Hostile {
    fn new(class: &'static str, name: impl Into<String>, expect: Expect, bytes: Vec<u8>) -> Self {
        Self { class, name: name.into(), expect, bytes }
    }

    fn passes(class: &'static str, name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self::new(class, name, Expect::Verdict("pass"), bytes)
    }
}

/// Every module, by class.
pub fn corpus() -> Vec<Hostile> {
    [
        paths::all(),
        overlays::all(),
        descriptors::all(),
        bombs::all(),
        sdk::all(),
        threads::all(),
        scopes::all(),
        tasks::all(),
        tracked::all(),
        modules::all(),
        costly::all(),
        long_reports::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}
