//! What the console says of a test or of something that it left, as plain text for the other writers.

use super::details::{Full, Short};
use super::resources::Title;
use super::style::Styles;
use crate::model::{Resource, TestRecord};

/// All there is to say of a test, without colours, times and captured output. Text that a guest chose has been made safe.
pub(crate) fn plain_details(test: &TestRecord) -> String {
    Full { test, all: true, styles: &Styles::default() }.to_string()
}

/// The short form in one line, without the place: `left open: 2 files, 1 socket`. `None` if there is nothing to say.
pub(crate) fn plain_headline(test: &TestRecord) -> Option<String> {
    let text = Short { test, styles: &Styles::default() }.to_string();
    let line = text.lines().next()?.trim_start();
    let line = line.strip_prefix("| ").unwrap_or(line);
    (!line.is_empty()).then(|| line.to_owned())
}

/// What was left: `2 heap blocks (1,024 bytes)`.
pub(crate) fn plain_title(resource: &Resource) -> String {
    Title(resource).to_string()
}
