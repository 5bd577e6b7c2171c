//! Finds the configuration that applies.

use crate::failure::Failure;
use airtight::config::Config;
use std::path::Path;

/// The configuration that applies to `start`: that of the nearest folder above that has one.
pub fn config_above(start: &Path) -> Result<Config, Failure> {
    for dir in start.ancestors() {
        let config = Config::load(dir).map_err(Failure::setup)?;
        if config.path.is_some() {
            return Ok(config);
        }
    }
    Ok(Config::default())
}

/// The configuration that applies to the package or workspace at `path`.
pub fn config_of(path: &Path) -> Result<Config, Failure> {
    let start = std::path::absolute(path).map_err(Failure::setup)?;
    if start.exists() { config_above(&start) } else { Err(not_there(path, &start)) }
}

fn not_there(path: &Path, start: &Path) -> Failure {
    let missing = format!("there is no package or workspace at {}", start.display());
    Failure::setup(anyhow::anyhow!(match path.to_str().filter(|name| !name.contains('/')) {
        // For `cargo test NAME`, the name would be a filter.
        Some(name) => format!("{missing}; if `{name}` is to select tests, write `-- {name}`"),
        None => missing,
    }))
}
