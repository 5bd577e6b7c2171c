use super::*;

fn read(text: &str) -> Stream {
    Stream::read(text.replace("^V", "\u{16}").replace("^O", "\u{f}").replace("^N", "\u{e}").as_bytes())
}

fn ends(stream: &Stream) -> Vec<(&str, Option<Closing>)> {
    stream.tests.iter().map(|test| (&*test.name, test.closing())).collect()
}

/// Printed by Go 1.27.3, as are all the streams below for which no other version is named.
const PARALLEL: &str = "\
^V=== RUN   TestSub
^V=== RUN   TestSub/a_b
^V=== PAUSE TestSub/a_b
^V=== NAME  TestSub
^V=== RUN   TestSub/x/y
^V=== PAUSE TestSub/x/y
^V=== NAME  TestSub
^V=== RUN   TestSub/a_b#01
^V=== PAUSE TestSub/a_b#01
^V=== NAME  TestSub
^V=== RUN   TestSub/skip
^V=== PAUSE TestSub/skip
^V=== CONT  TestSub/a_b
^V=== CONT  TestSub/skip
    a_test.go:10: sub skip
^V=== CONT  TestSub/x/y
^V--- PASS: TestSub/a_b (0.01s)
^V=== CONT  TestSub/a_b#01
^V--- SKIP: TestSub/skip (0.01s)
^V--- PASS: TestSub/a_b#01 (0.00s)
^V=== NAME  TestSub/x/y
^O    a_test.go:10: bad^N
^V=== RUN   TestSub/x/y/deep
    a_test.go:10: deep log
^V--- PASS: TestSub/x/y/deep (0.00s)
^V=== NAME  TestSub/x/y
^V--- FAIL: TestSub/x/y (0.00s)
^V--- FAIL: TestSub (0.00s)
^V=== NAME  
^VFAIL
";

#[test]
fn subtests_have_their_own_ends_whatever_their_order() {
    let stream = read(PARALLEL);
    assert_eq!(
        ends(&stream),
        [
            ("TestSub", Some(Closing::Fail)),
            ("TestSub/a_b", Some(Closing::Pass)),
            ("TestSub/x/y", Some(Closing::Fail)),
            ("TestSub/a_b#01", Some(Closing::Pass)),
            ("TestSub/skip", Some(Closing::Skip)),
            ("TestSub/x/y/deep", Some(Closing::Pass)),
        ]
    );
    assert_eq!(stream.doubt, None);
    assert!(stream.failed && stream.has_failure());
    assert_eq!(stream.test("TestSub/skip").unwrap().reason(), "sub skip");
    assert_eq!(stream.test("TestSub/x/y").unwrap().failures(), ["a_test.go:10: bad"]);
    assert_eq!(stream.test("TestSub/x/y/deep").unwrap().logged[0].text, "a_test.go:10: deep log\n");
    let below: Vec<_> = stream.subtests("TestSub").map(|(path, _)| path).collect();
    assert_eq!(below, ["a_b", "x/y", "a_b#01", "skip", "x/y/deep"]);
}

#[test]
fn errors_are_told_from_what_was_logged_and_printed() {
    let stream = read(
        "^V=== RUN   TestFail\n^O    a_test.go:6: got 1\n        second line^N\nno newline^O    a_test.go:6: again^N\n    a_test.go:7: a log\n\
         printed\n^V--- FAIL: TestFail (0.00s)\n^V=== NAME  \n^VFAIL\n",
    );
    let test = stream.test("TestFail").unwrap();
    assert_eq!(test.failures(), ["a_test.go:6: got 1\nsecond line", "a_test.go:6: again"]);
    assert_eq!(test.logged.len(), 3);
    let own = String::from_utf8(stream.own).unwrap();
    assert!(own.ends_with("no newline    a_test.go:6: again\n    a_test.go:7: a log\nprinted\n"), "{own}");
}

#[test]
fn an_example_says_what_it_should_have_printed() {
    let stream = read(
        "^V=== RUN   Example_bad\n^V--- FAIL: Example_bad (0.00s)\ngot:\nhello\nwant:\nbye\n^V=== NAME   \n^VFAIL\n",
    );
    assert_eq!(stream.test("Example_bad").unwrap().failures(), ["got:\nhello\nwant:\nbye"]);
}

#[test]
fn before_errors_were_marked_all_that_was_logged_may_say_why() {
    let stream = read(
        "^V=== RUN   TestFail\n    a_test.go:6: a log\n    a_test.go:7: got 1\n        and more\n^V--- FAIL: TestFail (0.00s)\n^VFAIL\n",
    );
    assert_eq!(stream.test("TestFail").unwrap().failures(), ["a_test.go:6: a log", "a_test.go:7: got 1\nand more"]);
}

#[test]
fn what_a_test_prints_without_a_line_s_end_hides_nothing() {
    let stream = read("^V=== RUN   TestA\nhalf a line^V--- PASS: TestA (0.00s)\n^VPASS\n");
    assert_eq!(ends(&stream), [("TestA", Some(Closing::Pass))]);
    assert_eq!((stream.own, stream.doubt), (b"half a line".to_vec(), None));
}

#[test]
fn what_a_test_logs_is_no_line_of_the_stream() {
    let logged = "^V=== RUN   TestA\n    a_test.go:3: \u{1b}^V--- FAIL: TestA (0.00s)\n        --- FAIL: TestA (0.00s)\n^V--- PASS: TestA (0.00s)\n^VPASS\n";
    let stream = read(logged);
    assert_eq!(ends(&stream), [("TestA", Some(Closing::Pass))]);
    assert_eq!(stream.doubt, None);
    assert!(stream.tests[0].logged[0].text.contains("\u{16}--- FAIL"), "{:?}", stream.tests[0].logged);
    let printed = read("^V=== RUN   TestA\n--- FAIL: TestA (0.00s)\nFAIL\n^V--- PASS: TestA (0.00s)\n^VPASS\n");
    assert_eq!((ends(&printed), printed.failed), (vec![("TestA", Some(Closing::Pass))], false));
}

#[test]
fn a_forged_end_is_doubtful_and_never_hides_a_failure() {
    let forged = "^V--- PASS: TestA (0.00s)\n";
    for (text, doubt) in [
        (format!("^V=== RUN   TestA\n{forged}^V--- FAIL: TestA (0.00s)\n^VFAIL\n"), "two ends of TestA"),
        (format!("^V=== RUN   TestA\n^V--- FAIL: TestA (0.00s)\n{forged}^VFAIL\n"), "two ends of TestA"),
        (format!("^V=== RUN   TestA\n^V--- FAIL: TestA (0.00s)\n^VFAIL\n{forged}^VPASS\n"), "after that of all tests"),
        (format!("^V=== RUN   TestA\n^V=== RUN   TestA\n{forged}^VPASS\n"), "twice that TestA began"),
        (format!("^V=== RUN   TestB\n{forged}^VPASS\n"), "TestA, which never began"),
    ] {
        let stream = read(&text);
        assert!(stream.doubt.as_deref().is_some_and(|why| why.contains(doubt)), "{text}: {stream:?}");
        if text.contains("FAIL") {
            assert_eq!(stream.test("TestA").unwrap().closing(), Some(Closing::Fail), "{text}");
            assert!(stream.has_failure());
        }
    }
}

#[test]
fn of_several_rounds_the_worst_end_counts() {
    let round = |word: &str| format!("^V=== RUN   TestA\n^V--- {word}: TestA (0.00s)\n^V=== NAME  \n^V{word}\n");
    for (rounds, end) in
        [(["PASS", "PASS"], Closing::Pass), (["FAIL", "PASS"], Closing::Fail), (["PASS", "FAIL"], Closing::Fail)]
    {
        let stream = read(&rounds.map(round).concat());
        assert_eq!((ends(&stream), stream.doubt.clone()), (vec![("TestA", Some(end))], None), "{rounds:?}");
    }
}

#[test]
fn places_are_taken_off_reasons() {
    for (text, reason) in [
        ("a_test.go:7: not today", "not today"),
        ("a_test.go:7: see b.go:9: there", "see b.go:9: there"),
        ("see b.go:9: there", "see b.go:9: there"),
        ("a.go:x: no", "a.go:x: no"),
        ("", ""),
    ] {
        assert_eq!(without_place(text), reason);
    }
    assert_eq!(read("^V=== RUN   TestA\n^V--- SKIP: TestA (0.00s)\n").tests[0].reason(), "skipped");
}

#[test]
fn lines_end_at_marks_too() {
    let text = b"a\n\x16b\nc\x16d\x1b\x16e\n\n";
    assert_eq!(lines(text).collect::<Vec<_>>(), [&b"a\n"[..], b"\x16b\n", b"c", b"\x16d\x1b\x16e\n", b"\n"]);
    assert_eq!(lines(b"").count(), 0);
}

/// Lines of a stream's own, forged or not, and what may lie between them.
fn pieces() -> impl proptest::strategy::Strategy<Value = Vec<String>> {
    use proptest::prelude::*;
    let word = prop_oneof![Just("PASS"), Just("FAIL"), Just("SKIP")];
    let name = prop_oneof![Just("TestA"), Just("TestA/b"), Just("TestB"), Just("")];
    let piece = prop_oneof![
        (word.clone(), name.clone()).prop_map(|(word, name)| format!("\u{16}--- {word}: {name} (0.00s)\n")),
        name.prop_map(|name| format!("\u{16}=== RUN   {name}\n")),
        word.prop_map(|word| format!("\u{16}{word}\n")),
        "[\\x16\\x1b\\x0e\\x0f\n :a-]{0,12}".prop_map(|text| text),
    ];
    proptest::collection::vec(piece, 0..12)
}

proptest::proptest! {
    #[test]
    fn no_output_breaks_the_reader(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let stream = Stream::read(&bytes);
        proptest::prop_assert!(stream.own.len() <= bytes.len());
    }

    /// Whatever a failing test prints before its true end, the stream does not say that it passed.
    #[test]
    fn nothing_printed_before_the_true_end_hides_a_failure(pieces in pieces()) {
        let printed = pieces.concat();
        let stream = Stream::read(format!("\u{16}=== RUN   TestA\n{printed}\u{16}--- FAIL: TestA (0.00s)\n\u{16}FAIL\n").as_bytes());
        // An escape before the mark is the one thing that hides it, and `testing` writes a line's end before.
        if !printed.ends_with('\u{1b}') {
            proptest::prop_assert!(stream.has_failure());
            proptest::prop_assert_eq!(stream.test("TestA").unwrap().closing(), Some(Closing::Fail));
        }
    }
}
