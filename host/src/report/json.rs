//! The report as a JSON file.

use super::model::Report;

/// The whole report, indented, with a newline at its end.
///
/// The digest is that of the value of `canonical` in canonical JSON (RFC 8785): any tool that writes RFC 8785 can verify it
/// from the file alone.
pub fn write(report: &Report) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(report).expect("a report is plain data with text keys");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::model::Verdict;
    use super::super::{digest, samples};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_report_reads_well() {
        let tests = vec![samples::passed("works"), samples::leaked(), samples::skipped("later", "ignored")];
        let report = samples::report(vec![samples::module("semver/tests/io", tests)]);
        insta::assert_snapshot!(String::from_utf8(write(&report)).unwrap());
    }

    #[test]
    fn every_verdict_comes_back() {
        let report = samples::report(vec![samples::module("m", samples::one_of_each())]);
        let read: Report = serde_json::from_slice(&write(&report)).unwrap();
        read.check().unwrap();
        assert_eq!(write(&read), write(&report));
        let passed = read.canonical.modules[0].tests.iter().find(|test| test.verdict == Verdict::Pass).unwrap();
        assert_eq!(passed.details, None);
        assert_eq!(read.canonical.modules[0].tests.len(), samples::one_of_each().len());
    }

    #[test]
    fn another_tool_can_verify_the_digest() {
        let mut report = samples::report(vec![samples::module("m", samples::one_of_each())]);
        report.canonical.policy["limits"]["fuel"] = u64::MAX.into();
        let report = Report::new(report.canonical, report.volatile);
        let file: serde_json::Value = serde_json::from_slice(&write(&report)).unwrap();
        let theirs = serde_json_canonicalizer::to_vec(&file["canonical"]).unwrap();
        assert_eq!(theirs, digest::canonical_json(&report.canonical));
        assert_eq!(file["canonical"]["policy"]["limits"]["fuel"], "18446744073709551615");
    }

    proptest! {
        #[test]
        fn any_report_comes_back(report in samples::any_report()) {
            let read: Report = serde_json::from_slice(&write(&report)).unwrap();
            prop_assert_eq!(&read.canonical, &report.canonical);
            prop_assert_eq!(&read.volatile, &report.volatile);
            prop_assert_eq!(read.check(), Ok(()));
        }
    }
}
