//! The report for a person: in nextest's shape, written to any [`std::io::Write`].
//!
//! Whatever a guest chose (names, messages, paths, output) is shown with its control characters escaped. Text of more than
//! one line stands behind a gutter. So a test can neither drive the terminal nor forge a line of the report.

#[cfg(feature = "cli")]
mod bar_line;
mod baseline;
mod blocks;
mod certainty;
mod coverage;
mod details;
pub(crate) mod diff;
mod entry;
mod faults;
mod findings;
mod gates;
mod go;
mod growth;
mod heap_summary;
mod injected;
mod leftovers;
mod levels;
mod limits;
mod plain;
mod pollution;
#[cfg(feature = "cli")]
mod progress;
mod reasons;
mod reporter;
mod resources;
mod sanitise;
mod stack;
mod status;
mod style;
mod subtests;
mod summary;
mod trace;
mod tracked;
mod units;
pub(crate) mod verification;
mod wrap;

#[cfg(test)]
mod tests;

pub use faults::render_faults;
pub(in crate::report) use faults::sentence as fault_sentence;
pub use findings::render_findings;
pub use levels::{FinalStatusLevel, OutputTime, StatusLevel};
pub(crate) use plain::{plain_details, plain_headline, plain_title};
pub use pollution::render_pollution;
#[cfg(feature = "cli")]
pub use progress::{Progress, SearchProgress};
pub use reporter::{Console, ConsoleOptions};
pub use sanitise::OneLine;
pub(in crate::report) use trace::event_words;
pub use trace::render_trace;
pub(crate) use units::GroupedDigits;
