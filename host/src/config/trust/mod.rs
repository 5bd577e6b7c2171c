//! Which grants need the user's word. A repository's configuration was written by whoever wrote the repository. It may grant
//! what is in its workspace, and nothing else of the machine unless the user says so.
//!
//! ```text
//! allowance  what a user can allow, in the words of the command line
//! given      the grants of a profile that need the user's word
//! wanted     finds these grants in a resolved profile
//! list       workspaces that the user trusts, in a file of the user's own
//! ```

mod allowance;
mod given;
mod list;
mod wanted;

pub use allowance::{Address, Allowance};
pub(super) use given::{Given, Wanted};
pub use list::{TrustError, TrustList, TrustedWorkspace};
pub(super) use wanted::wanted;

use crate::model::safe_text::{OneLine, shell_word};
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// The word of the user, or of the program that embeds this library: what a configuration may grant of the machine. By default
/// it may grant nothing.
///
/// ```
/// use airtight::config::{Allowance, Config, Trust};
/// use airtight::{Runner, SetupError};
///
/// let config = Config::from_str("[profile.default]\nclock = \"real\"\n", "airtight.toml", "/work".as_ref())?;
/// let refused = Runner::builder(&config, "default")?.build();
/// assert!(matches!(refused, Err(SetupError::Untrusted(_))));
/// Runner::builder(&config, "default")?.trust(Trust::nothing().allow(Allowance::RealClock)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    everything: bool,
    allowed: Vec<Allowance>,
}

impl Trust {
    /// Allows nothing beyond the workspace.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Allows everything that the configuration grants.
    #[must_use]
    pub fn everything() -> Self {
        Self { everything: true, allowed: Vec::new() }
    }

    /// Allows this, too.
    #[must_use]
    pub fn allow(mut self, allowance: Allowance) -> Self {
        self.allowed.push(allowance);
        self
    }

    /// Whether every grant that needs the user's word is allowed.
    ///
    /// # Errors
    /// The grants that are not allowed, and how the user can allow them.
    pub(super) fn check(&self, given: &Given) -> Result<(), UntrustedGrants> {
        let allows = |wanted: &&Wanted| self.allowed.iter().any(|allowed| allowed.covers(&wanted.allowance));
        let missing: Vec<_> =
            given.wanted.iter().filter(|wanted| !self.everything && !allows(wanted)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(UntrustedGrants { root: given.root.clone(), file: given.file.clone(), missing })
    }
}

/// A configuration has grants that only the user can allow, and the user has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntrustedGrants {
    root: PathBuf,
    file: String,
    missing: Vec<Wanted>,
}

impl std::error::Error for UntrustedGrants {}

impl UntrustedGrants {
    /// The allowances that are missing.
    pub fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        self.missing.iter().map(|wanted| &wanted.allowance)
    }
}

impl Display for UntrustedGrants {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} grants what only you can allow, and nothing was run:", self.file)?;
        for Wanted { place, what, allowance, .. } in &self.missing {
            let (place, what, word) = (place.to_string(), what.to_string(), shell_word(&allowance.to_string()));
            writeln!(f, "  {}: {}; to allow it: --allow {}", OneLine(&place), OneLine(&what), OneLine(&word))?;
        }
        let root = self.root.display().to_string();
        write!(
            f,
            "to allow all that it grants, for one run: --trust; for as long as it grants this and nothing else: airtight trust {}",
            OneLine(&shell_word(&root))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overlays, dir_from_option};
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// A workspace with a folder `in`, a link `out` that leads out of it, and a folder beside it.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        for folder in ["ws/in", "beside"] {
            std::fs::create_dir_all(top.join(folder)).unwrap();
        }
        symlink("../beside", top.join("ws/out")).unwrap();
        (dir, top)
    }

    fn config(root: &Path, text: &str) -> Config {
        Config::from_str(text, "airtight.toml", root).unwrap()
    }

    fn refusal(root: &Path, text: &str) -> Option<String> {
        let refused = config(root, text).profile("default").unwrap().check_trust(&Trust::nothing()).err()?;
        let top = root.parent().unwrap().to_str().unwrap();
        Some(refused.to_string().replace(top, "TOP"))
    }

    #[test]
    fn what_is_in_the_workspace_needs_no_word() {
        let (_dir, top) = place();
        let text = "[profile.default]\nmemory = \"1MiB\"\nclock-start = \"2024-02-29T12:00:00Z\"\n\
            [[profile.default.dir]]\nguest = \"/a\"\nhost = \"in\"\nmode = \"read-write\"\n\
            [[profile.default.dir]]\nguest = \"/b\"\nhost = \".\"\n\
            [[profile.default.dir]]\nguest = \"/c\"\nhost = \"../ws/in/..\"\nmode = \"overlay\"\n\
            [[profile.default.socket]]\nname = \"s\"\nlisten = \"127.0.0.1:0\"\n\
            [[profile.default.socket]]\nname = \"c\"\nconnect-to = \"s\"\n";
        assert_eq!(refusal(&top.join("ws"), text), None);
    }

    #[test]
    fn each_grant_of_the_machine_is_named_with_what_allows_it() {
        let (_dir, top) = place();
        let text = "[profile.default]\nclock = \"real\"\noutbound = [\"127.0.0.1:5432\"]\n\
            [[profile.default.dir]]\nguest = \"/a\"\nhost = \"../beside\"\n\
            [[profile.default.dir]]\nguest = \"/b\"\nhost = \"out\"\nmode = \"overlay\"\n\
            [[profile.default.dir]]\nname = \"asked\"\nguest = \"/c\"\nhost = \"..\"\nmode = \"read-write\"\n\
            [[profile.default.socket]]\nname = \"s\"\nlisten = \"127.0.0.1:8080\"\n\
            [[profile.default.socket]]\nname = \"c\"\nconnect = \"[::1]:80\"\non-request = true\n\
            [[profile.default.socket]]\nname = \"u\"\nlisten = \"unix:app.sock\"\n\
            [[profile.default.overrides]]\nfilter = \"slow\"\nclock = \"real\"\n";
        insta::assert_snapshot!(refusal(&top.join("ws"), text).unwrap());
    }

    #[test]
    fn each_is_allowed_on_its_own_or_all_at_once() {
        let (_dir, top) = place();
        let text = "[profile.default]\nclock = \"real\"\n\
            [[profile.default.dir]]\nguest = \"/a\"\nhost = \"../beside\"\n";
        let profile = config(&top.join("ws"), text).profile("default").unwrap();
        let dir = Allowance::parse("dir:beside", &top).unwrap();
        let missing = |trust: &Trust| profile.check_trust(trust).err().map(|refused| refused.allowances().count());
        assert_eq!(missing(&Trust::nothing()), Some(2));
        assert_eq!(missing(&Trust::nothing().allow(dir.clone())), Some(1));
        assert_eq!(missing(&Trust::nothing().allow(dir).allow(Allowance::RealClock)), None);
        assert_eq!(missing(&Trust::everything()), None);
    }

    #[test]
    fn a_profile_answers_for_what_it_inherits_and_not_for_others() {
        let (_dir, top) = place();
        let text = "[profile.default]\nmemory = \"1MiB\"\n[profile.slow]\nclock = \"real\"\n\
            [profile.slower]\ninherits = \"slow\"\n[profile.virtual]\ninherits = \"slow\"\nclock = \"virtual\"\n";
        let config = config(&top.join("ws"), text);
        let is_trusted = |name: &str| config.profile(name).unwrap().check_trust(&Trust::nothing()).is_ok();
        let trusted: Vec<_> = config.profile_names().filter(|name| is_trusted(name)).collect();
        assert_eq!(trusted, ["default", "virtual"]);
        assert_eq!(config.wanted(), [Allowance::RealClock]);
    }

    #[test]
    fn what_the_command_line_grants_is_the_user_s_word() {
        let (_dir, top) = place();
        let text = "[[profile.default.dir]]\nguest = \"/a\"\nhost = \"../beside\"\n";
        let given = |option: &str| {
            let dirs = vec![dir_from_option(option, &top).unwrap()];
            let profile = config(&top.join("ws"), text).profile("default").unwrap();
            profile.with_overlays(Overlays { dirs, ..Overlays::default() }).check_trust(&Trust::nothing()).is_ok()
        };
        assert!(given("beside::/a:read-write"), "it takes the place of the configuration's");
        assert!(!given("beside::/elsewhere"));
    }
}
