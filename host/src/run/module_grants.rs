//! What a module's tests are granted beside what the profile grants.

use crate::policy::{DirGrant, Policy};
use crate::sandbox::wasi::{GrantError, Grants};
use std::sync::Arc;

/// What one module's tests get beside the profile's grants: the package's directory and variables.
///
/// ```
/// use airtight::ModuleGrants;
/// use std::path::Path;
///
/// // What a test of a cargo package expects: its directory, and what cargo says of the package.
/// let version = ("CARGO_PKG_VERSION".to_owned(), "1.0.0".to_owned());
/// let grants = ModuleGrants::package(Path::new("/work/parser"), [version]);
/// assert_eq!(grants.dirs[0].guest, "/");
/// ```
#[derive(Debug, Clone, Default)]
pub struct ModuleGrants {
    /// Directories, before the profile's.
    pub dirs: Vec<DirGrant>,
    /// Variables that the profile may replace.
    pub env: Vec<(String, String)>,
}

impl ModuleGrants {
    /// Opens what a test with this policy is granted: the policy's grants and the module's.
    ///
    /// # Errors
    /// A granted directory cannot be opened.
    pub(super) fn with(&self, policy: &Policy) -> Result<Arc<Grants>, GrantError> {
        let mut whole = policy.clone();
        whole.dirs = self.dirs_under(policy).chain(whole.dirs).collect();
        for (name, value) in &self.env {
            whole.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Ok(Arc::new(Grants::new(Arc::new(whole))?))
    }

    /// The module's directories. If the profile grants another directory at a path of one of them, that replaces it, also
    /// at its alias.
    pub(super) fn dirs_under<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = DirGrant> + 'a {
        self.dirs.iter().map(|dir| {
            let same = self.dirs.iter().filter(|other| dir.alias_of.is_some() && other.alias_of == dir.alias_of);
            let mut names = std::iter::once(dir).chain(same).map(|other| &other.guest);
            let instead = names.find_map(|guest| policy.dirs.iter().find(|granted| granted.guest == *guest));
            match instead {
                Some(granted) => DirGrant { host: granted.host.clone(), mode: granted.mode, ..dir.clone() },
                None => dir.clone(),
            }
        })
    }
}
