//! Calls that failed because the policy says so.

use super::sanitise::OneLine;
use super::stack::StackLines;
use super::style::Styles;
use crate::model::InjectedRecord;
use std::fmt::{self, Display, Formatter};

/// An entry for each of them, with its place.
pub(super) struct InjectedText<'a> {
    pub injected: &'a [InjectedRecord],
    pub styles: &'a Styles,
}

impl Display for InjectedText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.injected.iter().try_for_each(|injected| {
            write!(f, "    injected {}", OneLine(&injected.fault))?;
            match &injected.object {
                Some(object) => writeln!(f, " ({})", OneLine(object))?,
                None => writeln!(f)?,
            }
            let stack = StackLines { indent: "        ", label: "at", stack: &injected.stack, styles: self.styles };
            write!(f, "{stack}")
        })
    }
}
