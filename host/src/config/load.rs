//! Loads a [`Config`] from its file or its text.

use super::check::Checker;
use super::errors::{ConfigError, ConfigErrors, Problem, UnknownProfile};
use super::profile::{Profile, Requestable};
use super::raw;
use super::resolve::{self, DEFAULT};
use super::suggest::nearest;
use super::trust::Allowance;
use crate::catalogue::{CompileBudget, CompileCaps};
use crate::files::{self, Links};
use crate::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most bytes of a configuration file.
const MOST_BYTES: u64 = 4 << 20;

/// The configuration file's name.
pub const FILE_NAME: &str = "airtight.toml";

/// A whole configuration, checked and resolved.
///
/// ```
/// use airtight::config::Config;
/// use airtight::policy::Limit;
///
/// let text = r#"
/// [profile.default]
/// memory = "64MiB"
///
/// [[profile.default.overrides]]
/// filter = "parser::"
/// memory = "4MiB"
/// "#;
/// let config = Config::from_str(text, "airtight.toml", "/work".as_ref())?;
/// let profile = config.profile("default")?;
/// assert_eq!(profile.policy().limits.get(Limit::Memory), Some(64 << 20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that it was read from; `None` if there is none.
    pub path: Option<PathBuf>,
    /// The most bytes that the cache of compiled modules may take.
    pub cache_size: u64,
    /// The most bytes that a module may have.
    pub module_size: u64,
    /// How much work a module may be for the compiler.
    pub compile_caps: CompileCaps,
    /// The time and memory that compiling a module may take. They hold only if modules are compiled in a process of its own, as
    /// the programs do it.
    pub compile_budget: CompileBudget,
    /// The canonical path of the workspace.
    root: PathBuf,
    profiles: BTreeMap<String, Profile>,
}

impl Default for Config {
    /// The configuration without a file: the profile `default` alone, with the default policy.
    fn default() -> Self {
        let default = Profile::new(DEFAULT, Policy::default(), Requestable::default(), Vec::new());
        Self {
            path: None,
            cache_size: 2 << 30,
            module_size: 512 << 20,
            compile_caps: CompileCaps::default(),
            compile_budget: CompileBudget::default(),
            root: PathBuf::new(),
            profiles: [(DEFAULT.to_owned(), default)].into(),
        }
    }
}

impl Config {
    /// Reads `airtight.toml` or `.config/airtight.toml` in `dir`, the workspace's root. If there is neither, the defaults hold.
    ///
    /// # Errors
    /// Everything that is wrong with the file; or that both files exist.
    pub fn load(dir: &Path) -> Result<Self, ConfigErrors> {
        let places = [dir.join(FILE_NAME), dir.join(".config").join(FILE_NAME)];
        // A symbolic link to nothing counts as a file, and is an error: somebody put it there to be read.
        let present: Vec<_> = places.iter().filter(|path| path.symlink_metadata().is_ok()).collect();
        let path = match present[..] {
            [] => return Ok(Self::default()),
            [path] => path,
            [path, other, ..] => return Err(whole_file(path, Problem::TwoFiles(other.clone())).into()),
        };
        let text = files::read_text(path, Links::Follow, MOST_BYTES)
            .map_err(|error| ConfigErrors::from(whole_file(path, Problem::Unreadable(error.to_string()))))?;
        let config = Self::from_str(&text, &display_name(path), dir)?;
        Ok(Self { path: Some(path.clone()), ..config })
    }

    /// Reads the text of a file; errors call it `file_name`, and relative host paths start at `base`.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the lines.
    pub fn from_str(text: &str, file_name: &str, base: &Path) -> Result<Self, ConfigErrors> {
        let mut check = Checker::new(file_name, text);
        let document = check.parse();
        let raw = raw::read(&mut check, &document, base);
        resolve::check_links(&mut check, &raw);
        let root = base.canonicalize().or_else(|_| std::path::absolute(base)).unwrap_or_else(|_| base.to_owned());
        let profiles = resolve::profiles(&mut check, &raw, &root);
        check.finish()?;
        let default = Self::default();
        Ok(Self {
            path: Some(file_name.into()),
            cache_size: raw.cache_size.unwrap_or(default.cache_size),
            module_size: raw.module_size.unwrap_or(default.module_size),
            compile_caps: CompileCaps {
                function: raw.function_weight.unwrap_or(default.compile_caps.function),
                module: raw.module_weight.unwrap_or(default.compile_caps.module),
                single_pass: raw.single_pass_weight.unwrap_or(default.compile_caps.single_pass),
            },
            compile_budget: CompileBudget {
                time: raw.compile_time.map_or(default.compile_budget.time, Duration::from_millis),
                memory: raw.compile_memory.unwrap_or(default.compile_budget.memory),
            },
            root,
            profiles,
        })
    }

    /// The workspace's directory, at which relative paths of the configuration start: its canonical path; empty if there is no
    /// file.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The grants of all profiles that need the user's word, each once.
    #[must_use]
    pub fn wanted(&self) -> Vec<Allowance> {
        let wanted = self.profiles.values().flat_map(|profile| profile.given().wanted.iter());
        wanted.map(|wanted| wanted.allowance.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The profile of that name. `default` is always there.
    ///
    /// # Errors
    /// [`UnknownProfile`], with the names of those that exist.
    pub fn profile(&self, name: &str) -> Result<Profile, UnknownProfile> {
        self.profiles.get(name).cloned().ok_or_else(|| UnknownProfile {
            name: name.to_owned(),
            file: self.path.as_deref().map(|path| display_name(path).into()),
            nearest: nearest(name, self.profile_names()).map(str::to_owned),
            known: self.profile_names().map(str::to_owned).collect(),
        })
    }

    /// The names of all profiles, in alphabetical order.
    pub fn profile_names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}

fn whole_file(path: &Path, problem: Problem) -> ConfigError {
    ConfigError { file: display_name(path), line: None, key: String::new(), problem }
}

/// The path as the user would type it: relative where it is below the current directory.
fn display_name(path: &Path) -> String {
    let current = std::env::current_dir().ok();
    let shown = current.and_then(|current| path.strip_prefix(current).ok()).unwrap_or(path);
    shown.display().to_string()
}
