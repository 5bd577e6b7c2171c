//! The report as a JSON file, written and read back.

mod read;

pub use read::{ReadError, Unreadable, read};

use crate::model::Report;

/// The whole report, indented, with a newline at its end.
///
/// The digest is that of the value of `canonical` in canonical JSON (RFC 8785): any tool that writes RFC 8785 can verify it
/// from the file alone.
///
/// ```
/// use airtight::report::{Canonical, Report, Volatile, json};
///
/// let report = Report::new(Canonical::new(serde_json::json!({}), Vec::new()), Volatile::default());
/// let path = std::env::temp_dir().join(format!("report-{}.json", std::process::id()));
/// std::fs::write(&path, json::write(&report))?;
/// assert_eq!(json::read(&path)?.digest, report.digest);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(report: &Report) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(report).expect("a report is plain data with text keys");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::growth::{Growth, Round, Span};
    use crate::model::{Heap, Verdict};
    use crate::model::{digest, samples};
    use proptest::prelude::*;

    #[test]
    fn a_report_reads_well() {
        let tests = vec![samples::passed("works"), samples::leaked(), samples::skipped("later", "ignored")];
        let report = samples::report(vec![samples::module("semver/tests/io", tests)]);
        insta::assert_snapshot!(String::from_utf8(write(&report)).unwrap());
    }

    #[test]
    fn what_is_known_of_a_heap_reads_well() {
        let span = |before, after| Some(Span { before, after });
        let round = |nth: u64| Round {
            heap_blocks: span(nth, nth + 1),
            heap_bytes: span(nth * 48, nth * 48 + 48),
            linear: Span { before: 17 << 16, after: 17 << 16 },
            handles: Span::default(),
        };
        let growth = Growth { sites: vec![samples::blocks(1, 48)], ..Growth::judge((0..3).map(round).collect()) };
        let mut test = samples::left(Verdict::Leak, vec![samples::blocks(2, 1024)], vec![samples::blocks(3, 144)]);
        test.details.as_mut().unwrap().growth = Some(growth);
        insta::assert_snapshot!(serde_json::to_string_pretty(&test).unwrap());
    }

    #[test]
    fn an_absent_figure_is_not_written_and_stays_absent() {
        let heap = Heap { tracked: true, peak: Some(0), ..Heap::default() };
        let json = serde_json::to_string(&heap).unwrap();
        assert_eq!(json, r#"{"tracked":true,"peak":0}"#);
        assert_eq!(serde_json::from_str::<Heap>(&json).unwrap(), heap);
        let read: Heap = serde_json::from_str(r#"{"tracked":false,"why":"no function is named malloc"}"#).unwrap();
        assert_eq!(read, Heap { why: Some("no function is named malloc".into()), ..Heap::default() });
        let linear = Span::default();
        let round = Round { heap_blocks: None, heap_bytes: None, linear, handles: linear };
        let growth = Growth::judge(vec![round]);
        let json = serde_json::to_string(&growth).unwrap();
        assert!(!json.contains("heap") && !json.contains("sites"), "{json}");
        assert_eq!(serde_json::from_str::<Growth>(&json).unwrap(), growth);
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
