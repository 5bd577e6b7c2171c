//! What cargo prints while it builds: JSON on standard output; progress and its own errors on standard error.

use crate::guests::events::BuildEvent;
use crate::system::command::Stream;
use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use cargo_metadata::{Message, PackageId, Target};
use cargo_util_schemas::core::PackageIdSpec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

/// Everything that cargo printed in a build and that matters afterwards.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// Executables that were built as tests.
    pub tests: Vec<cargo_metadata::Artifact>,
    /// For each package that was compiled: its directory, and its name.
    pub packages: BTreeMap<PathBuf, String>,
    /// `rustc-env` variables of build scripts.
    pub script_env: HashMap<PackageId, Vec<(String, String)>>,
    /// The first error of each target that did not compile, and other errors that kept a package from being built.
    pub errors: Vec<CompileError>,
    /// Standard error of the current run.
    pub stderr: String,
    shown: HashSet<String>,
}

/// Why one target did not build.
#[derive(Debug, Clone)]
pub(crate) struct CompileError {
    pub origin: ErrorOrigin,
    pub target: Option<Target>,
    /// The error in one line.
    pub headline: String,
    /// The diagnostic as the compiler printed it, or cargo's own words.
    pub rendered: String,
}

/// The package that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorOrigin {
    /// From a machine-readable message.
    Id(PackageId),
    /// From a line for people: the name, and the version if it is given.
    Named(String, Option<String>),
}

impl Messages {
    /// Takes in a line of cargo's output.
    pub fn take(&mut self, stream: Stream, line: &str, show: &mut dyn FnMut(BuildEvent<'_>)) {
        match stream {
            Stream::Stderr => {
                self.stderr.push_str(line);
                self.stderr.push('\n');
                show(BuildEvent::Cargo(line));
            }
            Stream::Stdout => match serde_json::from_str(line) {
                Ok(message) => self.take_message(message, show),
                // A message of a newer cargo, or the output of a procedural macro.
                Err(error) => tracing::trace!(%error, line, "not a message of cargo's"),
            },
        }
    }

    fn take_message(&mut self, message: Message, show: &mut dyn FnMut(BuildEvent<'_>)) {
        match message {
            Message::CompilerArtifact(artifact) => {
                if let Some(dir) = artifact.manifest_path.parent() {
                    self.packages.insert(dir.into(), split_id(&artifact.package_id).0);
                }
                if artifact.profile.test && artifact.executable.is_some() {
                    self.tests.push(artifact);
                }
            }
            Message::BuildScriptExecuted(script) => {
                self.script_env.entry(script.package_id).or_default().extend(script.env);
            }
            Message::CompilerMessage(message) => {
                let diagnostic = &message.message;
                let rendered = diagnostic.rendered.clone().unwrap_or_else(|| format!("{}\n", diagnostic.message));
                let is_error = matches!(diagnostic.level, DiagnosticLevel::Error | DiagnosticLevel::Ice);
                if is_error && !self.knows(&message.package_id, &message.target) {
                    self.errors.push(CompileError {
                        origin: ErrorOrigin::Id(message.package_id),
                        headline: headline(diagnostic),
                        rendered: rendered.clone(),
                        target: Some(message.target),
                    });
                }
                // A library and its unit tests are compiled from the same source, and give the same diagnostics.
                if self.shown.insert(rendered.clone()) {
                    show(BuildEvent::Diagnostic { is_error, rendered: &rendered });
                }
            }
            _ => {}
        }
    }

    /// An error on standard error in which cargo itself names the package.
    pub fn objection(&self, package: &str) -> Option<&str> {
        let names = [format!("`{package}`"), format!("`{package} v")];
        let mut errors = self.stderr.split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some((*at - line.len(), line))
        });
        let (start, _) =
            errors.find(|(_, line)| line.starts_with("error") && names.iter().any(|name| line.contains(name)))?;
        let end = errors.find(|(_, line)| line.starts_with("error") || line.starts_with("warning")).map(|(at, _)| at);
        self.stderr.get(start..end.unwrap_or(self.stderr.len())).map(str::trim_end)
    }

    fn knows(&self, id: &PackageId, target: &Target) -> bool {
        let same = |known: &Target| known.name == target.name && known.kind == target.kind;
        self.errors
            .iter()
            .any(|error| error.origin == ErrorOrigin::Id(id.clone()) && error.target.as_ref().is_some_and(same))
    }

    /// At the end of a run, adds errors that are only in cargo's own lines: failed build scripts, crashed compilers.
    pub fn finish(&mut self) {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let mut found = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let rest = &lines[index + 1..];
            if let Some(spec) = quoted_after(line, "error: failed to run custom build command for `") {
                found.push(script_error(spec, line, rest));
            } else if let Some(name) = quoted_after(line, "error: could not compile `") {
                let known = self.errors.iter().any(|error| error.origin.name() == name);
                // If the package has a diagnostic, its error is already known.
                if !known {
                    found.push(crash(name, line, rest));
                }
            }
        }
        self.errors.extend(found);
    }
}

impl ErrorOrigin {
    pub fn name(&self) -> String {
        match self {
            ErrorOrigin::Id(id) => split_id(id).0,
            ErrorOrigin::Named(name, _) => name.clone(),
        }
    }

    pub fn version(&self) -> Option<String> {
        match self {
            ErrorOrigin::Id(id) => split_id(id).1,
            ErrorOrigin::Named(_, version) => version.clone(),
        }
    }
}

/// The name and the version in a package ID: `url#name@version`, or `path+file:///…/name#version`. Cargo before 1.77 writes
/// other IDs: such an ID counts as a name.
fn split_id(id: &PackageId) -> (String, Option<String>) {
    match PackageIdSpec::parse(&id.repr) {
        Ok(parsed) => (parsed.name().to_owned(), parsed.version().map(|version| version.to_string())),
        Err(_) => (id.repr.clone(), None),
    }
}

/// A diagnostic in one line, with its place in the source.
fn headline(diagnostic: &Diagnostic) -> String {
    let message = diagnostic.message.lines().next().unwrap_or_default();
    match diagnostic.spans.iter().find(|span| span.is_primary) {
        Some(span) => format!("{}:{}: {message}", span.file_name, span.line_start),
        None => message.to_owned(),
    }
}

fn quoted_after<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.strip_prefix(prefix)?.split_once('`').map(|(quoted, _)| quoted)
}

/// The lines that belong to one of cargo's errors: up to the next error, or up to the note on other jobs.
fn belonging<'a>(line: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let own = rest.iter().take_while(|line| !line.starts_with("error:") && !line.starts_with("warning: build failed"));
    std::iter::once(line).chain(own.copied()).collect()
}

fn script_error(spec: &str, line: &str, rest: &[&str]) -> CompileError {
    let lines = belonging(line, rest);
    let mut said = lines.iter().skip_while(|line| line.trim() != "--- stderr").skip(1).map(|line| line.trim());
    let first = said.by_ref().find(|line| !line.is_empty()).unwrap_or("it printed nothing on standard error");
    // A panic has its place on the first line, and its message on the next.
    let message = if first.contains("panicked at") { said.next().unwrap_or(first) } else { first };
    let (name, version) = match spec.split(' ').collect::<Vec<_>>()[..] {
        [name, version, ..] => (name, version.strip_prefix('v')),
        _ => (spec, None),
    };
    CompileError {
        origin: ErrorOrigin::Named(name.to_owned(), version.map(str::to_owned)),
        target: None,
        headline: format!("its build script failed: {message}"),
        rendered: lines.join("\n"),
    }
}

fn crash(name: &str, line: &str, rest: &[&str]) -> CompileError {
    let lines = belonging(line, rest);
    let cause = lines.iter().skip_while(|line| line.trim() != "Caused by:").nth(1).map(|line| line.trim());
    CompileError {
        origin: ErrorOrigin::Named(name.to_owned(), None),
        target: None,
        headline: cause.unwrap_or(line).trim_start_matches("error: ").to_owned(),
        rendered: lines.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages(stderr: &str) -> Messages {
        let mut messages = Messages::default();
        stderr.lines().for_each(|line| messages.take(Stream::Stderr, line, &mut |_| {}));
        messages.finish();
        messages
    }

    #[test]
    fn ids_are_split() {
        let split = |repr: &str| split_id(&PackageId { repr: repr.into() });
        let some = |name: &str, version: &str| (name.to_owned(), Some(version.to_owned()));
        assert_eq!(split("path+file:///tmp/b#0.1.0"), some("b", "0.1.0"));
        assert_eq!(split("path+file:///tmp/dir#b@0.1.0"), some("b", "0.1.0"));
        assert_eq!(split("registry+https://github.com/rust-lang/crates.io-index#mio@1.0.3"), some("mio", "1.0.3"));
    }

    #[test]
    fn a_failed_build_script_is_an_error() {
        let stderr = "   Compiling b v0.1.0 (/tmp/b)\nerror: failed to run custom build command for `b v0.1.0 (/tmp/b)`\n\n\
                      Caused by:\n  process didn't exit successfully: `x` (exit status: 101)\n  --- stderr\n\n  \
                      thread 'main' (1) panicked at b/build.rs:1:14:\n  needs a C compiler\nwarning: build failed, waiting\n";
        let messages = messages(stderr);
        let error = &messages.errors[0];
        assert_eq!(error.origin, ErrorOrigin::Named("b".into(), Some("0.1.0".into())));
        assert_eq!(error.headline, "its build script failed: needs a C compiler");
        assert!(!error.rendered.contains("waiting"));
    }

    #[test]
    fn an_objection_is_found_by_its_package() {
        let stderr = "   Compiling a v0.1.0\nerror: other\nerror: the syntax of `good v0.1.0 (/w)` is new.\nSee it\n\
                      warning: build failed\n";
        let messages = messages(stderr);
        assert_eq!(messages.objection("good"), Some("error: the syntax of `good v0.1.0 (/w)` is new.\nSee it"));
        assert_eq!(messages.objection("goo"), None);
    }

    #[test]
    fn a_killed_compiler_is_an_error() {
        let stderr = "error: could not compile `b` (lib)\n\nCaused by:\n  process didn't exit successfully: `rustc` \
                      (signal: 9, SIGKILL: kill)\n";
        assert!(messages(stderr).errors[0].headline.ends_with("(signal: 9, SIGKILL: kill)"));
    }

    #[test]
    fn a_diagnostic_is_shown_once_and_kept_with_its_place() {
        let json = r#"{"reason":"compiler-message","package_id":"path+file:///b#0.1.0","manifest_path":"/b/Cargo.toml",
            "target":{"kind":["lib"],"crate_types":["lib"],"name":"b","src_path":"/b/src/lib.rs"},
            "message":{"rendered":"error: no\n","level":"error","message":"no\nmore","children":[],"code":null,"spans":[
            {"file_name":"b/src/lib.rs","byte_start":0,"byte_end":1,"line_start":7,"line_end":7,"column_start":1,
            "column_end":2,"is_primary":true,"text":[],"label":null,"suggested_replacement":null,
            "suggestion_applicability":null,"expansion":null}]}}"#
            .replace('\n', " ");
        let (mut messages, mut shown) = (Messages::default(), 0);
        for _ in 0..2 {
            messages.take(Stream::Stdout, &json, &mut |event| {
                assert!(matches!(event, BuildEvent::Diagnostic { is_error: true, rendered: "error: no\n" }));
                shown += 1;
            });
        }
        messages.take(Stream::Stderr, "error: could not compile `b` (lib) due to 1 previous error", &mut |_| {});
        messages.finish();
        assert_eq!((shown, messages.errors.len()), (1, 1));
        assert_eq!(messages.errors[0].headline, "b/src/lib.rs:7: no");
    }

    proptest! {
        #[test]
        fn any_output_is_taken(text in "(error: (could not compile|failed to run custom build command for) `\\PC{0,9}`?\n|\\PC{0,30}\n){0,9}") {
            messages(&text);
            text.lines().for_each(|line| Messages::default().take(Stream::Stdout, line, &mut |_| {}));
        }
    }
}
