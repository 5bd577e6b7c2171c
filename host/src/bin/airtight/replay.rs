//! Shows an existing report as the end of its run was shown.

use crate::args::ShownArgs;
use crate::failure::Failure;
use crate::print::cannot_print;
use airtight::report::Report;
use airtight::report::console::{Console, ConsoleOptions, OutputTime, StatusLevel};
use airtight::{Event, Listener};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::time::Duration;

/// Prints the tests that did not pass, with everything known about them, and the summary. The tests' output is not in a
/// report.
pub fn replay(report: &Report, shown: &ShownArgs, notes: &[String]) -> Result<(), Failure> {
    let options = ConsoleOptions {
        colours: shown.color.on_stdout(),
        status_level: StatusLevel::None,
        final_status_level: shown.final_status_level,
        success_output: OutputTime::Never,
        failure_output: OutputTime::Never,
        columns: crate::print::columns(crate::args::MessageFormat::Human),
        all_frames: shown.all_frames,
        suppressions: shown.gen_suppressions,
        codes: true,
    };
    let mut console = Console::new(std::io::stdout(), options);
    play(report, notes, &mut console);
    match console.finish() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(cannot_print(error)),
        _ => Ok(()),
    }
}

fn play(report: &Report, notes: &[String], listener: &mut dyn Listener) {
    let modules = &report.canonical.modules;
    let times: HashMap<(&str, &str), u64> =
        report.volatile.times.iter().map(|time| ((&*time.module, &*time.test), time.us)).collect();
    for module in modules {
        for test in &module.tests {
            let us = times.get(&(&*module.name, &*test.name)).copied().unwrap_or_default();
            listener.event(&Event::TestFinished { module: &module.name, test, elapsed: Duration::from_micros(us) });
        }
    }
    notes.iter().for_each(|note| listener.event(&Event::Note(note)));
    listener.event(&Event::RunFinished { report, elapsed: Duration::from_millis(report.volatile.wall_ms) });
}
