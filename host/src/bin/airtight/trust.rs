//! `airtight trust`, and what the configuration may grant in a run, by the command line or by the user's list.

use crate::args::{RunArgs, TrustCommand};
use crate::config_file::config_above;
use crate::failure::{Done, Failure};
use crate::print::print;
use airtight::config::{Allowance, Config, Trust, TrustList, TrustedWorkspace};
use airtight::report::console::OneLine;
use std::path::Path;

pub fn trust(command: &TrustCommand) -> Done {
    let list = list()?;
    if command.list {
        return show(&list);
    }
    let found = command.path.canonicalize();
    if command.revoke {
        // A workspace that does not exist any more is found by its name.
        let start = found.or_else(|_| std::path::absolute(&command.path)).map_err(Failure::setup)?;
        return revoke(&list, &start);
    }
    let start = found.map_err(|error| {
        Failure::setup(anyhow::anyhow!("{} cannot be found: {error}", OneLine(&command.path.display().to_string())))
    })?;
    let config = config_above(&start)?;
    if config.wanted().is_empty() {
        return print(&format!("{:>12} there is nothing to trust: {}\n", "Note", nothing_wanted(&config)));
    }
    print(&described(&list.trust(&config).map_err(Failure::setup)?))
}

fn nothing_wanted(config: &Config) -> &'static str {
    match config.path {
        Some(_) => "the configuration grants nothing outside of its workspace",
        None => "there is no airtight.toml here or above",
    }
}

fn show(list: &TrustList) -> Done {
    let workspaces = list.workspaces().map_err(Failure::setup)?;
    if workspaces.is_empty() {
        return print(&format!("{:>12} no workspace is trusted\n", "Note"));
    }
    print(&workspaces.iter().map(described).collect::<String>())
}

/// Takes back the trust in the nearest trusted workspace above. Its configuration may be gone or be wrong.
fn revoke(list: &TrustList, start: &Path) -> Done {
    for root in start.ancestors() {
        if list.revoke(root).map_err(Failure::setup)? {
            return print(&format!("{:>12} {}\n", "Revoked", OneLine(&root.display().to_string())));
        }
    }
    let start = start.display().to_string();
    Err(Failure::setup(anyhow::anyhow!(
        "{start} is not trusted, nor is a directory above it; see `airtight trust --list`"
    )))
}

fn described(workspace: &TrustedWorkspace) -> String {
    let path = workspace.path.display().to_string();
    let allows = workspace.allows.iter().map(|allowed| format!("{:>12} {}\n", "", OneLine(allowed)));
    format!("{:>12} {} to grant\n{}", "Trusted", OneLine(&path), allows.collect::<String>())
}

fn list() -> Result<TrustList, Failure> {
    TrustList::of_user().ok_or_else(|| {
        Failure::setup(anyhow::anyhow!("there is no home directory to keep the list in; set XDG_CONFIG_HOME"))
    })
}

/// What the configuration may grant in a run. No variable decides that, since a repository can set variables for programs
/// that cargo runs.
pub fn of_run(args: &RunArgs, config: &Config, here: &Path) -> Result<Trust, Failure> {
    let mut trust = if args.trust { Trust::everything() } else { Trust::nothing() };
    for text in &args.allow {
        let allowance = Allowance::parse(text, here)
            .map_err(|problem| Failure::setup(anyhow::anyhow!("--allow {text}: {problem}")))?;
        trust = trust.allow(allowance);
    }
    let profile = config.profile(&args.profile).map_err(Failure::setup)?;
    let listed = || match TrustList::of_user() {
        Some(list) => list.trusts(config).map_err(Failure::setup),
        None => Ok(false),
    };
    // The list is read only if it matters: a list that cannot be read stops no other run.
    if profile.check_trust(&trust).is_err() && listed()? {
        return Ok(Trust::everything());
    }
    Ok(trust)
}
