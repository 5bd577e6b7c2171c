//! What the gates of a profile need beside the run.

use crate::args::RunArgs;
use crate::failure::Failure;
use airtight::config::Profile;
use airtight::report::{Report, json};
use std::path::Path;

/// The report that gates compare with. Relative paths start at `here`.
pub fn base_report(args: &RunArgs, profile: &Profile, here: &Path) -> Result<Option<Report>, Failure> {
    let gate = profile.gate();
    match args.base.as_deref().or(gate.base.as_deref()) {
        Some(path) => json::read(&here.join(path)).map(Some).map_err(Failure::setup),
        None => match gate.limits.with_base().next() {
            Some((kind, _)) => Err(Failure::setup(anyhow::anyhow!(
                "the gate `{}` of profile `{}` compares with a report: name it with --base REPORT.json, or with `base` in `gate`",
                kind.name(),
                profile.name()
            ))),
            None => Ok(None),
        },
    }
}
