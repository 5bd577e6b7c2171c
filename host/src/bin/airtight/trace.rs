//! `airtight trace`: shows what one test does, event by event.

use crate::args::{MessageFormat, ShownArgs, TraceCommand};
use crate::failure::{Done, Failure};
use crate::loaded::sort_out;
use crate::merge::exit_status_of;
use crate::print::{columns, print};
use crate::replay::replay;
use crate::session::{Session, nothing_selected};
use crate::subjects::NamedSubjects;
use airtight::Plan;
use airtight::exit_status;
use airtight::internals::replace_file;
use airtight::report::console::{OneLine, render_trace};
use airtight::report::files::ReportKind;
use airtight::report::trace::{TraceOptions, TraceReport};
use std::path::Path;

/// How many names of tests are listed if several match.
const LISTED: usize = 10;

pub fn trace(mut command: TraceCommand) -> Done {
    // The test of a name that is a file's is not what is meant.
    if command.traced.ends_with(".wasm") && Path::new(&command.traced).is_file() {
        let file = &command.traced;
        return Err(Failure::usage(format!("the test comes before the module: `airtight trace TEST {file}`")));
    }
    command.tests.filters.push(command.traced.clone());
    command.tests.settle(&mut command.run)?;
    refuse(&command)?;
    command.run.asks_no_verdict = true;
    command.run.trace = Some(TraceOptions::default().most(command.events).allocation(command.min_allocation));
    let named = NamedSubjects::new(&command.paths)?;
    let config = named.config()?;
    let session = Session::open(&command.run, command.tests.harness, &config)?;
    let (loaded, _) = named.load(&session, &config, (&command.build, &command.tests, &command.run))?;
    let (subjects, refused) = sort_out(loaded)?;
    let planned = session.plan(subjects, refused, &command.tests.selection())?;
    one_test(&planned)?;
    let report = session.report_alone(&planned)?;
    let run = &command.run;
    let columns = columns(MessageFormat::Human);
    print(&render_trace(&report, run.color.on_stdout(), columns))?;
    let trace = TraceReport::new(&report).to_json();
    for spec in &run.report {
        replace_file(&spec.path, &trace).map_err(|error| {
            let error = anyhow::Error::from(error);
            Failure::setup(error.context(format!("cannot write the trace to {}", spec.path.display())))
        })?;
    }
    let shown = ShownArgs {
        final_status_level: run.final_status_level,
        all_frames: run.all_frames,
        gen_suppressions: run.gen_suppressions,
        color: run.color,
    };
    replay(&report, &shown, session.notes())?;
    Ok(match report.volatile.interrupted {
        true => exit_status::INTERRUPTED,
        false => exit_status_of(&report),
    })
}

/// Checks that one test is selected. If several match, the error names them.
fn one_test(planned: &Plan) -> Result<(), Failure> {
    let modules = planned.modules().iter();
    let tests = modules.flat_map(|planned| planned.tests.iter().map(|test| (planned.module.name(), test)));
    let tests: Vec<_> = tests.filter(|(_, test)| test.is_test()).collect();
    match &tests[..] {
        [] => Err(nothing_selected(planned)),
        [_] => Ok(()),
        several => {
            let names = several.iter().take(LISTED);
            let names = names.map(|(module, test)| format!("{} {}", OneLine(module), OneLine(&test.name)));
            let more = match several.len().saturating_sub(LISTED) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            Err(Failure::usage(format!(
                "{} tests match, and a trace is of one: {}{more}; `--exact` takes TEST for a whole name, and `-p`, `--test` or a \
                 module's file choose the module",
                several.len(),
                names.collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

/// Refuses settings that have no meaning if one test is traced.
fn refuse(command: &TraceCommand) -> Result<(), Failure> {
    let TraceCommand { run, tests, .. } = command;
    let refused = [
        (tests.filters.len() > 1, "the other filters"),
        (run.no_capture, "--no-capture"),
        (run.message_format != MessageFormat::Human, "--message-format"),
        (run.rerun, "--rerun"),
        (run.cached, "--cached"),
        (run.fuel_profile, "--fuel-profile"),
        (tests.list, "--list"),
        (run.write_back.is_some(), "--write-back"),
        (run.report.iter().any(|spec| spec.kind != ReportKind::Json), "every --report but json=PATH"),
    ];
    Failure::refuse_flags(&refused, "`airtight trace` runs one test and prints what it does")
}
