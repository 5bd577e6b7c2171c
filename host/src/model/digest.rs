//! The digest of a report: SHA-256 of its canonical part in canonical JSON (RFC 8785).

use super::{Canonical, Report, SCHEMA, Volatile};
use sha2::{Digest, Sha256};

/// Why a report that was read from a file cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// It follows another schema.
    #[error("the report's schema is `{found}`; this version of airtight reads `{SCHEMA}`")]
    Schema {
        /// The schema that the report names.
        found: String,
    },
    /// Its canonical part is not the one that the digest was computed of.
    #[error(
        "the report was changed after it was written: it states the digest {stated}, but its canonical part has {actual}"
    )]
    Digest {
        /// The digest that the report states.
        stated: String,
        /// The digest of its canonical part.
        actual: String,
    },
}

impl Report {
    /// Puts modules and tests in the report's order (by name) and computes the digest.
    pub fn new(mut canonical: Canonical, volatile: Volatile) -> Self {
        // Two modules may have one name, such as two files with the same stem in different folders: their code tells them
        // apart.
        canonical.modules.sort_by(|a, b| (&a.name, &a.code).cmp(&(&b.name, &b.code)));
        for module in &mut canonical.modules {
            module.tests.sort_by(|a, b| (&a.name, a.harness).cmp(&(&b.name, b.harness)));
        }
        let digest = digest(&canonical);
        Self {
            schema: SCHEMA.to_owned(),
            digest,
            canonical,
            profile: None,
            kept: Vec::new(),
            traces: Vec::new(),
            timelines: Vec::new(),
            recorded: None,
            volatile,
        }
    }

    /// Computes the digest again and compares it with the one that the report states.
    ///
    /// # Errors
    /// The schema is another one, or the canonical part was changed. A report of a later version of airtight may fail, too:
    /// this version drops the fields that it does not know, and the digest differs without them.
    pub fn check(&self) -> Result<(), CheckError> {
        if self.schema != SCHEMA {
            return Err(CheckError::Schema { found: self.schema.clone() });
        }
        let actual = digest(&self.canonical);
        if self.digest == actual { Ok(()) } else { Err(CheckError::Digest { stated: self.digest.clone(), actual }) }
    }
}

/// The bytes that are hashed. Integers above 2^53 - 1, which RFC 8785 cannot write, are strings of decimal digits.
pub fn canonical_json(canonical: &Canonical) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(canonical).expect("a report is plain data with text keys")
}

/// `sha256:` and the hex SHA-256 of [`canonical_json`].
pub fn digest(canonical: &Canonical) -> String {
    format!("sha256:{:x}", Sha256::digest(canonical_json(canonical)))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::super::{Details, TestRecord, Verdict};
    use super::*;

    fn json(canonical: &Canonical) -> String {
        String::from_utf8(canonical_json(canonical)).unwrap()
    }

    #[test]
    fn a_passing_test_is_name_verdict_and_usage() {
        let report = samples::report(vec![samples::module("m", vec![samples::passed("works")])]);
        assert!(
            json(&report.canonical).contains(
                r#""tests":[{"name":"works","usage":{"fuel":1000,"handles_peak":2,"heap":{"tracked":false,"why":"not part of this version"},"linear_peak":1114112},"verdict":"pass"}]"#
            ),
            "{}",
            json(&report.canonical)
        );
    }

    #[test]
    fn the_digest_is_stable() {
        let report = samples::report(vec![samples::module("m", vec![samples::passed("works")])]);
        insta::assert_snapshot!(json(&report.canonical));
        assert_eq!(report.digest, "sha256:0bd0a418928c8de8bae6b78569056a5a52d93e05a0ea471fb01651bea0493ae2");
        report.check().unwrap();
    }

    #[test]
    fn the_order_of_running_does_not_matter() {
        let (a, b) = (samples::passed("a"), samples::leaked());
        let module = |name, one: &TestRecord, two: &TestRecord| samples::module(name, vec![one.clone(), two.clone()]);
        let forwards = samples::report(vec![module("m", &a, &b), module("n", &a, &b)]);
        let backwards = samples::report(vec![module("n", &b, &a), module("m", &b, &a)]);
        assert_eq!(forwards.digest, backwards.digest);
        assert_ne!(forwards.digest, samples::report(vec![module("m", &a, &b)]).digest);
    }

    #[test]
    fn output_and_volatile_figures_are_not_part_of_it() {
        let quiet = samples::report(vec![samples::module("m", vec![samples::failed()])]);
        let mut loud = samples::failed();
        loud.details.get_or_insert_default().output.stdout = b"hello".to_vec();
        let mut loud = samples::report(vec![samples::module("m", vec![loud])]);
        loud.volatile.wall_ms += 1;
        assert_eq!(quiet.digest, loud.digest);
        loud.check().unwrap();
    }

    #[test]
    fn empty_details_are_no_details() {
        let mut test = samples::passed("works");
        let without = samples::report(vec![samples::module("m", vec![test.clone()])]);
        test.details = Some(Box::new(Details::default()));
        let with = samples::report(vec![samples::module("m", vec![test])]);
        assert_eq!(without.digest, with.digest);
    }

    #[test]
    fn a_changed_report_does_not_pass() {
        let mut report = samples::report(vec![samples::module("m", vec![samples::leaked()])]);
        report.canonical.modules[0].tests[0].verdict = Verdict::Pass;
        assert!(matches!(report.check(), Err(CheckError::Digest { .. })));
        report.schema = "airtight.report/2".to_owned();
        assert_eq!(
            report.check().unwrap_err().to_string(),
            "the report's schema is `airtight.report/2`; this version of airtight reads `airtight.report/1`"
        );
    }
}
