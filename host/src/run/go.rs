//! Where the tests of a Go package run: in the package's directory, as under `go test`. The directory is an overlay, so
//! that its files never change.

use super::module_grants::ModuleGrants;
use crate::model::Harness;
use crate::policy::{DirGrant, Mode, PACKAGE};
use std::path::Path;

/// How reports name Go's own directory.
const GOROOT: &str = "$GOROOT";

/// Where absolute paths begin. The host's files are not there, only what is granted at other paths.
const ROOT: &str = "/";

/// Where the null device is.
const DEVICES: &str = "/dev";

impl ModuleGrants {
    /// What the tests of a Go package get. An overlay of the package's directory is at its own path: it is their working
    /// directory, and `runtime.Caller` names its files. The directory of Go itself is at its own path, to be read, if it is
    /// known: it holds time zones, and what the standard library's own tests read.
    ///
    /// ```
    /// use airtight::ModuleGrants;
    /// use std::path::Path;
    ///
    /// let grants = ModuleGrants::go_package(Path::new("/work/store"), Some(Path::new("/usr/lib/go")));
    /// assert_eq!(grants.dirs[0].guest, "/work/store");
    /// assert_eq!(grants.env, [("PWD".to_owned(), "/work/store".to_owned())]);
    /// ```
    #[must_use]
    pub fn go_package(dir: &Path, goroot: Option<&Path>) -> Self {
        let grant = |host: &Path, name: &str, mode| DirGrant {
            guest: host.to_string_lossy().into_owned(),
            host: host.to_owned(),
            mode,
            name: None,
            alias_of: Some(name.to_owned()),
        };
        let package = grant(dir, PACKAGE, Mode::Overlay);
        let env = vec![("PWD".to_owned(), package.guest.clone())];
        let goroot = goroot.map(|goroot| grant(goroot, GOROOT, Mode::ReadOnly));
        // Without a root directory, Go takes a path that does not exist for a bad descriptor. A test that asks for such a
        // path would not learn that there is nothing.
        let root = DirGrant { alias_of: None, ..grant(Path::new(ROOT), ROOT, Mode::Devices) };
        Self { dirs: std::iter::once(package).chain(goroot).chain([root]).collect(), env }
    }

    /// Adds grants that all tests of this harness get, with any runner: Go's tests have the null device.
    pub(super) fn for_harness(mut self, harness: Harness) -> Self {
        if harness == Harness::Go {
            self.dirs.push(DirGrant {
                guest: DEVICES.to_owned(),
                host: DEVICES.into(),
                mode: Mode::Devices,
                name: None,
                alias_of: None,
            });
        }
        self
    }

    /// Whether this directory is the one where the tests run.
    pub(super) fn is_working_directory(&self, dir: &DirGrant) -> bool {
        self.env.iter().any(|(name, value)| name == "PWD" && *value == dir.guest)
    }
}
