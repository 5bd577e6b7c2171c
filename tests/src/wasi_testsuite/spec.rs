//! A case's specification: the JSON file beside its module. The older form is one object of settings, the newer form is a
//! list of operations.

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What to run a case with, and what to expect of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spec {
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The directory that the guest finds at `/`.
    pub root: Option<PathBuf>,
    /// The status it ends with.
    pub exit_code: u32,
    /// What standard output begins with.
    pub stdout: String,
    /// What standard error begins with.
    pub stderr: String,
}

/// The older form.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    args: Vec<String>,
    env: BTreeMap<String, String>,
    root: Option<PathBuf>,
    exit_code: u32,
    stdout: Option<String>,
    stderr: Option<String>,
}

/// The newer form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operations {
    #[serde(default)]
    operations: Vec<Operation>,
    #[serde(default)]
    proposals: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Operation {
    Run {
        #[serde(default)]
        args: Vec<String>,
        #[serde(default)]
        env: BTreeMap<String, String>,
        root: Option<PathBuf>,
    },
    Wait {
        #[serde(default)]
        exit_code: u32,
    },
    Read {
        #[serde(default)]
        id: Stream,
        #[serde(default)]
        payload: String,
    },
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Stream {
    #[default]
    Stdout,
    Stderr,
}

impl Spec {
    /// The specification of a module; one that has none is run with nothing, and ends with status 0.
    ///
    /// # Errors
    /// There is one that asks for what preview 1 does not have, or is not understood.
    pub fn beside(module: &Path) -> anyhow::Result<Self> {
        let path = module.with_extension("json");
        let told = || format!("the specification `{}` is not understood", path.display());
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(told)?,
        };
        let mut spec = Self::parse(&text).with_context(told)?;
        spec.root = spec.root.map(|root| module.with_file_name(root));
        Ok(spec)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let json: Value = serde_json::from_str(text)?;
        if ["operations", "proposals"].iter().any(|key| json.get(key).is_some()) {
            return Self::of_operations(read(json)?);
        }
        let Settings { args, env, root, exit_code, stdout, stderr } = read(json)?;
        let (stdout, stderr) = (stdout.unwrap_or_default(), stderr.unwrap_or_default());
        Ok(Self { args, env, root, exit_code, stdout, stderr })
    }

    fn of_operations(said: Operations) -> anyhow::Result<Self> {
        if let Some(proposal) = said.proposals.first() {
            bail!("the proposal `{proposal}` is not of preview 1");
        }
        let mut spec = Self::default();
        for operation in said.operations {
            match operation {
                Operation::Run { args, env, root } => (spec.args, spec.env, spec.root) = (args, env, root),
                Operation::Wait { exit_code } => spec.exit_code = exit_code,
                Operation::Read { id: Stream::Stdout, payload } => spec.stdout.push_str(&payload),
                Operation::Read { id: Stream::Stderr, payload } => spec.stderr.push_str(&payload),
            }
        }
        Ok(spec)
    }
}

fn read<T: DeserializeOwned>(json: Value) -> anyhow::Result<T> {
    Ok(serde_json::from_value(json)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let older = r#"{"args": ["a"], "env": {"k": "v"}, "root": "dir", "exit_code": 3, "stdout": "out"}"#;
        let newer = r#"{"operations": [{"type": "run", "args": ["a"], "env": {"k": "v"}, "root": "dir"},
            {"type": "read", "payload": "o"}, {"type": "read", "id": "stdout", "payload": "ut"},
            {"type": "wait", "exit_code": 3}]}"#;
        let spec = Spec::parse(older).unwrap();
        assert_eq!(spec, Spec::parse(newer).unwrap());
        assert_eq!(spec.args, ["a"]);
        assert_eq!((spec.env["k"].as_str(), spec.root), ("v", Some("dir".into())));
        assert_eq!((spec.exit_code, spec.stdout.as_str()), (3, "out"));
        assert_eq!(Spec::parse("{}").unwrap(), Spec::default());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let refused = |text| format!("{:#}", Spec::parse(text).unwrap_err());
        assert!(refused(r#"{"arguments": []}"#).contains("arguments"));
        assert!(refused(r#"{"operations": [{"type": "connect"}]}"#).contains("connect"));
        assert!(refused(r#"{"proposals": ["http"]}"#).contains("http"));
        assert!(refused("[").contains("EOF"));
    }
}
