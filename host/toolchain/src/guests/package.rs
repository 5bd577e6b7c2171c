//! A test binary's name, its variables, and what its manifest says about it.

use cargo_metadata::{Package, Target, TargetKind as CargoKind};
use std::collections::BTreeMap;
use std::path::Path;

/// The kind of target that a test binary was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum TargetKind {
    /// Unit tests of a library.
    Lib,
    /// Unit tests of a binary.
    Bin,
    /// Integration tests.
    Test,
    /// Tests in an example.
    Example,
    /// A benchmark, run as a test.
    Bench,
}

impl TargetKind {
    pub(crate) fn from_cargo(target: &Target) -> TargetKind {
        match target.kind.first() {
            Some(CargoKind::Bin) => TargetKind::Bin,
            Some(CargoKind::Test) => TargetKind::Test,
            Some(CargoKind::Example) => TargetKind::Example,
            Some(CargoKind::Bench) => TargetKind::Bench,
            // `lib`, `rlib`, `cdylib`, `proc-macro`, …: a package has only one library.
            _ => TargetKind::Lib,
        }
    }

    /// The table in a manifest for such targets.
    fn table(self) -> &'static str {
        match self {
            TargetKind::Lib => "lib",
            TargetKind::Bin => "bin",
            TargetKind::Test => "test",
            TargetKind::Example => "example",
            TargetKind::Bench => "bench",
        }
    }
}

/// `package` for the library, `package/test` for an integration test, `package/bin/name` and so on for the others. The name
/// is unique in a workspace: packages cannot share a name there, nor can targets of one kind in a package.
pub(crate) fn binary_name(package: &str, kind: TargetKind, target: &str) -> String {
    match kind {
        TargetKind::Lib => package.to_owned(),
        TargetKind::Test => format!("{package}/{target}"),
        TargetKind::Bin | TargetKind::Example | TargetKind::Bench => format!("{package}/{}/{target}", kind.table()),
    }
}

/// The variables that cargo sets when it runs a package's tests, without those that hold paths of the host. `rust_version`
/// is as written in the manifest.
pub(crate) fn run_time_env(package: &Package, rust_version: Option<&str>) -> BTreeMap<String, String> {
    let version = &package.version;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let path = |value: &Option<cargo_metadata::camino::Utf8PathBuf>| {
        value.as_ref().filter(|path| !path.is_absolute()).map(ToString::to_string).unwrap_or_default()
    };
    [
        ("NAME", package.name.to_string()),
        ("VERSION", version.to_string()),
        ("VERSION_MAJOR", version.major.to_string()),
        ("VERSION_MINOR", version.minor.to_string()),
        ("VERSION_PATCH", version.patch.to_string()),
        ("VERSION_PRE", version.pre.to_string()),
        ("AUTHORS", package.authors.join(":")),
        ("DESCRIPTION", text(&package.description)),
        ("HOMEPAGE", text(&package.homepage)),
        ("REPOSITORY", text(&package.repository)),
        ("LICENSE", text(&package.license)),
        ("LICENSE_FILE", path(&package.license_file)),
        ("README", path(&package.readme)),
        ("RUST_VERSION", rust_version.unwrap_or_default().to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (format!("CARGO_PKG_{name}"), value))
    .collect()
}

/// Whether a build script's `rustc-env` variable may be given to a guest: not if its value is a path of the host.
pub(crate) fn is_portable(value: &str) -> bool {
    !value.split([':', ';', '=']).any(|part| Path::new(part).is_absolute())
}

/// Whether the manifest says `harness = false` for a target. Cargo's metadata does not contain that.
pub(crate) fn harness_is_off(manifest: &toml::Table, kind: TargetKind, name: &str) -> bool {
    let is_off = |table: &toml::Value| table.get("harness").and_then(toml::Value::as_bool) == Some(false);
    match manifest.get(kind.table()) {
        Some(toml::Value::Array(tables)) => {
            tables.iter().any(|table| table.get("name").and_then(toml::Value::as_str) == Some(name) && is_off(table))
        }
        Some(table) => is_off(table),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let names = [
            binary_name("p", TargetKind::Lib, "p"),
            binary_name("p", TargetKind::Test, "it"),
            binary_name("p", TargetKind::Bin, "it"),
            binary_name("p", TargetKind::Example, "it"),
            binary_name("p", TargetKind::Bench, "it"),
        ];
        assert_eq!(names, ["p", "p/it", "p/bin/it", "p/example/it", "p/bench/it"]);
    }

    #[test]
    fn paths_of_the_host_stay_out() {
        for value in ["/root/x", "-L=/usr/lib", "a:/b"] {
            assert!(!is_portable(value), "{value}");
        }
        for value in ["", "1.2.3", "src/x", "https", "2024/01/02"] {
            assert!(is_portable(value), "{value}");
        }
    }

    #[test]
    fn harness_is_read_from_the_manifest() {
        let text = "[lib]\nharness = false\n[[test]]\nname = 'a'\nharness = false\n[[test]]\nname = 'b'\n";
        let manifest: toml::Table = text.parse().unwrap();
        assert!(harness_is_off(&manifest, TargetKind::Lib, "any"));
        assert!(harness_is_off(&manifest, TargetKind::Test, "a"));
        assert!(!harness_is_off(&manifest, TargetKind::Test, "b"));
        assert!(!harness_is_off(&manifest, TargetKind::Bin, "a"));
    }
}
