//! Where a package's tests run: its directory is `/` in the guest, read-only, and the working directory; the path that
//! `env!("CARGO_MANIFEST_DIR")` baked in when it was compiled is an alias of it.

use airtight::policy::{DirGrant, Mode};
use airtight::run::ModuleGrants;
use std::path::Path;

/// The package's directory in the guest. WASI has no working directory: the C library starts every program at `/`.
const PACKAGE_DIR: &str = "/";

/// How reports name the package's directory: what is in it is named relative to it.
const REPORTED_AS: &str = ".";

/// The package's directory and variables, given to its tests.
pub fn grants(dir: &Path, env: impl IntoIterator<Item = (String, String)>) -> ModuleGrants {
    let grant = |guest: String| DirGrant {
        guest,
        host: dir.to_owned(),
        mode: Mode::ReadOnly,
        name: None,
        alias_of: Some(REPORTED_AS.to_owned()),
    };
    let mut dirs = vec![grant(PACKAGE_DIR.to_owned())];
    // A directory whose name is no UTF-8 cannot have been baked into a Rust string either.
    dirs.extend(dir.to_str().filter(|path| *path != PACKAGE_DIR).map(|path| grant(path.to_owned())));
    let mut variables: Vec<(String, String)> = env.into_iter().collect();
    for (name, value) in [("CARGO_MANIFEST_DIR", PACKAGE_DIR), ("PWD", PACKAGE_DIR)] {
        variables.push((name.to_owned(), value.to_owned()));
    }
    ModuleGrants { dirs, env: variables }
}

/// The same for a program that cargo or nextest runs: they tell by environment variables what it belongs to.
pub fn grants_of_cargo(here: &Path) -> ModuleGrants {
    let dir = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| here.to_owned(), Into::into);
    let env = std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_"));
    grants(&dir, env)
}
