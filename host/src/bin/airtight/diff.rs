//! `airtight diff`: what changed between two reports.

use crate::args::DiffCommand;
use crate::failure::{Done, Failure};
use crate::print::print;
use airtight::exit_status;
use airtight::internals::{DiffOptions, DiffText, GrowthText};
use airtight::report::diff::{ReportDiff, RetainedGrowth};
use airtight::report::json::read;

pub fn diff(command: &DiffCommand) -> Done {
    let old = read(&command.old).map_err(Failure::setup)?;
    let new = read(&command.new).map_err(Failure::setup)?;
    let diff = ReportDiff::between(&old, &new);
    let growth = command.fail_on_growth.map(|threshold| RetainedGrowth::judge(&old, &new, threshold));
    let [old, new] = [&command.old, &command.new].map(|path| path.to_string_lossy());
    let colours = command.color.on_stdout();
    let options = DiffOptions { old: &old, new: &new, all: command.all, colours };
    let mut text = DiffText::new(&diff, options).to_string();
    if let Some(growth) = &growth {
        text.push_str(&GrowthText::new(growth, colours).to_string());
    }
    let printed = print(&text)?;
    let over = growth.is_some_and(|growth| !growth.over.is_empty());
    Ok(if over { exit_status::TEST_FAILED } else { printed })
}
