//! The output of `rustc -vV`.

use crate::system::command::CommandLine;
use crate::system::machine::Machine;
use std::path::Path;

/// `major.minor`: nothing more is compared.
pub(crate) type Version = (u32, u32);

/// A compiler's own description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RustcInfo {
    /// The version as printed, such as `1.96.0`.
    pub release: String,
    pub version: Version,
    pub commit: Option<String>,
    pub host: String,
    pub llvm_major: Option<u32>,
    /// The whole output, for hashes.
    pub verbose: String,
}

impl RustcInfo {
    /// Asks a compiler. `None` if it does not answer as rustc does.
    pub fn ask(machine: &Machine<'_>, rustc: &Path) -> Option<RustcInfo> {
        RustcInfo::parse(&machine.ask(CommandLine::new(rustc).arg("-vV"))?)
    }

    /// Reads the output of `rustc -vV`.
    pub fn parse(verbose: &str) -> Option<RustcInfo> {
        let field = |name: &str| {
            let value = verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::trim).filter(|value| *value != "unknown")
        };
        let release = field("release")?;
        Some(RustcInfo {
            release: release.to_owned(),
            version: leading_version(release)?,
            commit: field("commit-hash").map(str::to_owned),
            host: field("host")?.to_owned(),
            llvm_major: field("LLVM version").and_then(|text| text.split('.').next()?.parse().ok()),
            verbose: verbose.to_owned(),
        })
    }
}

/// `major.minor` at the start of a version.
pub(crate) fn leading_version(text: &str) -> Option<Version> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fields_are_read() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\ncommit-hash: ac68\nhost: x86_64-unknown-linux-gnu\n\
                    release: 1.96.0\nLLVM version: 22.1.8\n";
        let info = RustcInfo::parse(text).unwrap();
        assert_eq!((info.release.as_str(), info.version, info.llvm_major), ("1.96.0", (1, 96), Some(22)));
        assert_eq!((info.host.as_str(), info.commit.as_deref()), ("x86_64-unknown-linux-gnu", Some("ac68")));
    }

    #[test]
    fn an_unknown_commit_is_none() {
        let info = RustcInfo::parse("commit-hash: unknown\nhost: h\nrelease: 1.85.0-nightly\n").unwrap();
        assert_eq!((info.commit, info.version, info.llvm_major), (None, (1, 85), None));
    }

    proptest! {
        #[test]
        fn anything_else_is_refused_without_a_panic(text in "\\PC*") {
            let _ = RustcInfo::parse(&text);
            let _ = leading_version(&text);
        }

        #[test]
        fn versions_come_back(major in 0u32..100, minor in 0u32..1000, rest in "(\\.[0-9]{1,3})?([+~-][a-z0-9]*)?") {
            prop_assert_eq!(leading_version(&format!("{major}.{minor}{rest}")), Some((major, minor)));
        }
    }
}
