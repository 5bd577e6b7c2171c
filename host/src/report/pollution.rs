//! What a search for pollution found: tests whose verdict depends on which tests ran before them in the same instance.

use crate::model::resource::VariableRecord;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of the JSON schema.
pub const POLLUTION_SCHEMA: &str = "airtight.pollution/1";

/// The JSON Schema of what [`Pollution::to_json`] gives. It refuses fields and kinds that this version does not write.
pub const POLLUTION_JSON_SCHEMA: &str = include_str!("../../schemas/pollution.schema.json");

/// What was found in a whole suite. All of it is the same bytes everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pollution {
    /// In how many orders the tests were run.
    pub orders: usize,
    /// Each module that has tests, by name.
    pub modules: Vec<ModulePollution>,
}

/// What was found in one module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModulePollution {
    /// Its name.
    pub module: String,
    /// How many of the module's tests were run together.
    pub looked_at: usize,
    /// The tests whose verdict depends on others, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Dependent>,
    /// The tests that were not run with others, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Why none of the module's tests can be run together; `None` if they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A test whose verdict depends on which tests ran before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    /// Its name.
    pub test: String,
    /// How the verdict depends on the others.
    pub dependence: Dependence,
    /// The fewest tests that change the verdict, in the order in which they ran. Without any one of them, the verdict does
    /// not change.
    pub after: Vec<String>,
    /// The message with which the test failed.
    pub message: String,
    /// Where it panicked, if it did: `file:line:column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Paths of files that the tests in `after` left or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Static variables that the tests in `after` changed: those of the user and of packages, not of Rust's library. None is told
    /// of where a module has no debug information.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statics: Vec<VariableRecord>,
}

/// How a test's verdict depends on others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dependence {
    /// The test passes alone and fails after the others. In the words of the literature, it is a *victim*, and they are its
    /// polluters.
    Polluted,
    /// The test fails alone and passes after the others. It is *brittle*, and they set the state that it needs.
    NeedsOthers,
}

/// A test that was not run with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub test: String,
    /// Why.
    pub why: String,
}

impl Pollution {
    /// The tests whose verdict depends on others, each with its module.
    pub fn found(&self) -> impl Iterator<Item = (&str, &Dependent)> {
        self.modules.iter().flat_map(|module| module.found.iter().map(|found| (&*module.module, found)))
    }

    /// What was found in JSON, for `--report json=PATH`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let canonical = serde_json_canonicalizer::to_vec(self).expect("it is plain data with text keys");
        let digest = format!("sha256:{:x}", Sha256::digest(canonical));
        let file = PollutionFile { schema: POLLUTION_SCHEMA, digest, canonical: self };
        let mut bytes = serde_json::to_vec_pretty(&file).expect("it is plain data with text keys");
        bytes.push(b'\n');
        bytes
    }
}

/// The file of a search.
#[derive(Serialize)]
struct PollutionFile<'a> {
    /// [`POLLUTION_SCHEMA`].
    schema: &'static str,
    /// `sha256:` and the hex SHA-256 of `canonical` in canonical JSON (RFC 8785).
    digest: String,
    /// What two machines compare.
    canonical: &'a Pollution,
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::assert_describes;
    use super::*;
    use serde_json::Value;

    /// A search with everything that one can have.
    fn whole() -> Value {
        let dependent = |dependence| Dependent {
            test: "t".to_owned(),
            dependence,
            after: vec!["s".to_owned()],
            message: "the flag is set".to_owned(),
            place: Some("src/lib.rs:7:5".to_owned()),
            files: vec!["/tmp/left".to_owned()],
            statics: vec![VariableRecord {
                name: "shop::prices::CURRENCY".to_owned(),
                file: Some("src/prices.rs".to_owned()),
                line: Some(4),
                library: Some("shop".to_owned()),
            }],
        };
        let module = ModulePollution {
            module: "m".to_owned(),
            looked_at: 2,
            found: vec![dependent(Dependence::Polluted), dependent(Dependence::NeedsOthers)],
            left_out: vec![LeftOut { test: "u".to_owned(), why: "it is ignored".to_owned() }],
            refused: Some("there are not two that could be".to_owned()),
        };
        serde_json::from_slice(&Pollution { orders: 5, modules: vec![module] }.to_json()).unwrap()
    }

    #[test]
    fn what_is_written_is_what_its_schema_says_and_nothing_else() {
        let schema: Value = serde_json::from_str(POLLUTION_JSON_SCHEMA).unwrap();
        let module = "/canonical/modules/0";
        let [found, left_out] = ["found", "left_out"].map(|list| format!("{module}/{list}/0"));
        assert_describes(&schema, &whole(), &["", "/canonical", module, &found, &left_out], &["digest", "variable"]);
    }
}
