//! `airtight doctor`: what a set-up lacks. It looks and changes nothing.

use crate::args::PlaceCommand;
use crate::config_file::config_of;
use crate::failure::Done;
use crate::print::print;
use airtight::config::{Baseline, Config};
use airtight::exit_status;
use airtight::report::console::OneLine;
use airtight::toolchain::{cache_dir, find, find_go};
use std::path::Path;

/// The finding about one part of the set-up.
enum Finding {
    /// The part is as it should be.
    Well(String),
    /// The part is missing, and only some users need it.
    Absent(String),
    /// The part is missing or wrong, and nothing works without it.
    Lacking(String),
}

pub fn doctor(command: &PlaceCommand) -> Done {
    let mut findings = vec![("Toolchain", toolchain(&command.path))];
    match config_of(&command.path) {
        Ok(config) => {
            findings.push(("Config", configuration(&config)));
            findings.extend(baselines(&config).map(|finding| ("Baseline", finding)));
        }
        Err(error) => findings.push(("Config", Finding::Lacking(error.to_string()))),
    }
    findings.extend([("Cache", cache()), ("Go", go(&command.path))]);
    let mut text = String::new();
    for (what, finding) in &findings {
        let (mark, words) = match finding {
            Finding::Well(words) => ("ok", words),
            Finding::Absent(words) => ("-", words),
            Finding::Lacking(words) => ("LACKING", words),
        };
        let mut lines = words.lines();
        text.push_str(&format!("{mark:>8} {what:<10} {}\n", OneLine(lines.next().unwrap_or_default())));
        lines.for_each(|line| text.push_str(&format!("{:>20}{}\n", "", OneLine(line))));
    }
    print(&text)?;
    let is_lacking = findings.iter().any(|(_, finding)| matches!(finding, Finding::Lacking(_)));
    Ok(if is_lacking { exit_status::SETUP } else { exit_status::PASSED })
}

fn toolchain(path: &Path) -> Finding {
    match find(path) {
        Ok(Some(toolchain)) => Finding::Well(toolchain.to_string()),
        Ok(None) => Finding::Lacking(
            "none builds for wasm32-wasip1; `airtight setup` makes one ready, and says what it cannot do itself"
                .to_owned(),
        ),
        Err(error) => Finding::Lacking(error.to_string()),
    }
}

fn configuration(config: &Config) -> Finding {
    let names: Vec<_> = config.profile_names().collect();
    match &config.path {
        Some(path) => Finding::Well(format!("{}, with the profiles {}", path.display(), names.join(", "))),
        None => {
            Finding::Absent("there is no airtight.toml, so the defaults hold; `airtight init` writes one".to_owned())
        }
    }
}

/// A finding for the baseline of each profile that names one.
fn baselines(config: &Config) -> impl Iterator<Item = Finding> + '_ {
    let named = config.profile_names().filter_map(|name| {
        let profile = config.profile(name).ok()?;
        profile.baseline().map(Path::to_owned)
    });
    let named: std::collections::BTreeSet<_> = named.collect();
    named.into_iter().map(|path| match Baseline::load(&path) {
        Ok(_) => Finding::Well(path.display().to_string()),
        Err(errors) => Finding::Lacking(errors.to_string()),
    })
}

fn cache() -> Finding {
    let Some(dir) = cache_dir() else {
        return Finding::Absent(
            "there is no home directory, so modules are compiled anew each time; set AIRTIGHT_CACHE_DIR".to_owned(),
        );
    };
    match std::fs::metadata(&dir) {
        Ok(found) if !found.is_dir() => Finding::Lacking(format!("{} is not a directory", dir.display())),
        Ok(found) if found.permissions().readonly() => Finding::Lacking(format!("{} cannot be written", dir.display())),
        Ok(_) => Finding::Well(dir.display().to_string()),
        Err(_) => Finding::Well(format!("{}, which the first run makes", dir.display())),
    }
}

fn go(path: &Path) -> Finding {
    match find_go(path) {
        Ok(go) => Finding::Well(format!("{}, for `airtight go`", go.version)),
        Err(error) => Finding::Absent(format!("for `airtight go` only: {:#}", anyhow::Error::from(error))),
    }
}
