//! `airtight init`: writes a configuration and a workflow to begin with.

use crate::args::PlaceCommand;
use crate::failure::{Done, Failure};
use crate::print::print;
use airtight::config::FILE_NAME;
use airtight::report::console::OneLine;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

const CONFIG: &str = include_str!("init/airtight.toml");
const WORKFLOW: &str = include_str!("init/airtight.yml");
const WORKFLOW_FILE: &str = ".github/workflows/airtight.yml";

pub fn init(command: &PlaceCommand) -> Done {
    let dir = &command.path;
    if !dir.is_dir() {
        return Err(Failure::setup(anyhow::anyhow!("there is no directory {}", dir.display())));
    }
    // A configuration may be in either of two places. A dangling link occupies its place, too.
    let other = format!(".config/{FILE_NAME}");
    let has_other = dir.join(&other).symlink_metadata().is_ok();
    let mut text = String::new();
    for (file, contents, is_there) in [(FILE_NAME, CONFIG, has_other), (WORKFLOW_FILE, WORKFLOW, false)] {
        let written = !is_there && write_new(&dir.join(file), contents)?;
        let (label, more) = if written { ("Wrote", "") } else { ("Kept", ", which is there") };
        let file = if is_there { other.as_str() } else { file };
        text.push_str(&format!("{label:>12} {}{more}\n", OneLine(file)));
    }
    text.push_str(&format!("{:>12} `airtight doctor` says what the set-up lacks; `airtight test` runs\n", "Note"));
    print(&text)
}

/// Writes a new file; false if the name is taken.
fn write_new(path: &Path, contents: &str) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| Failure::setup(anyhow::anyhow!("cannot write {}: {error}", path.display()));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match File::create_new(path) {
        Ok(mut file) => file.write_all(contents.as_bytes()).map(|()| true).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airtight::config::Config;

    #[test]
    fn the_configuration_is_one() {
        let config = Config::from_str(CONFIG, FILE_NAME, "/work".as_ref()).unwrap();
        assert_eq!(config.profile_names().collect::<Vec<_>>(), ["ci", "default"]);
        assert!(config.profile("ci").unwrap().gate().cleanup_coverage.is_some());
        // Settings that are written as comments must be valid settings, too.
        let all: String = CONFIG
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_ne!(all, CONFIG);
        Config::from_str(&all, FILE_NAME, "/work".as_ref()).unwrap();
    }
}
