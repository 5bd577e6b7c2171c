use super::*;
use crate::{record, record_len};
use alloc::format;
use alloc::string::ToString;
use proptest::prelude::*;

const BODY: &str = "name\0c::m::f\0export\0airtight:test/c::m::f\0file\0src/m.rs\0line\x007\0";

fn parse(body: &str) -> Result<Vec<TestMeta>, MetaError> {
    parse_section(&write(body))
}

fn write(body: &str) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap();
    [&MAGIC[..], &len.to_le_bytes(), body.as_bytes()].concat()
}

fn body_of(test: &TestMeta) -> String {
    let TestMeta { name, export, file, line, .. } = test;
    let mut body = format!("name\0{name}\0export\0{export}\0file\0{file}\0line\0{line}\0");
    let mut add = |key: &str, value: Option<String>| {
        body.extend(value.map(|value| format!("{key}\0{value}\0")));
    };
    add(
        key::ROLE,
        match test.role {
            Role::Test => None,
            Role::SetUp => Some(SETUP.to_owned()),
            Role::Teardown => Some(TEARDOWN.to_owned()),
        },
    );
    add(key::SHOULD_PANIC, test.should_panic.clone());
    add(key::IGNORE, test.ignore.clone());
    add(key::SERIAL, test.serial.clone());
    add(key::FAULTS, test.faults.then(String::new));
    test.limits.iter().for_each(|(limit, value)| add(limit.row().key, Some(value.to_string())));
    test.grants.iter().for_each(|grant| add(key::GRANT, Some(grant.clone())));
    body
}

#[test]
fn what_the_guest_writes_at_compile_time_is_read() {
    static RECORD: [u8; record_len(BODY)] = record(BODY);
    let [test] = parse_section(&RECORD).unwrap().try_into().unwrap();
    assert_eq!((test.name.as_str(), test.libtest_name(), test.line), ("c::m::f", "m::f", 7));
    assert_eq!(test.export, "airtight:test/c::m::f");
}

#[test]
fn a_record_without_heap_limits_is_one_of_an_older_sdk() {
    let [test] = parse(&format!("{BODY}memory\05\0")).unwrap().try_into().unwrap();
    assert_eq!(test.limits, LimitValues::NONE.with(Limit::Memory, 5));
}

#[test]
fn an_empty_section_has_no_tests() {
    assert_eq!(parse_section(&[]), Ok(Vec::new()));
}

#[test]
fn unknown_keys_are_passed_over() {
    assert_eq!(parse(&format!("{BODY}colour\0blue\0colour\0red\0")).unwrap().len(), 1);
}

#[test]
fn limits_that_no_test_can_set_are_passed_over() {
    let [test] = parse(&format!("{BODY}stack\05\0timeout-ms\07\0stack\0x\0")).unwrap().try_into().unwrap();
    assert_eq!(test.limits, LimitValues::NONE.with(Limit::Timeout, 7));
}

#[test]
fn errors_name_the_place() {
    let two = |second: &[u8]| [&write(BODY), second].concat();
    let at = record_len(BODY);
    let cases: [(Vec<u8>, &str); 7] = [
        (two(b"XYZ1\0\0\0\0"), "there is no test record at byte"),
        (two(b"ATR2\0\0\0\0"), "has version `2`, and this airtight reads `1`"),
        (two(b"ATR"), "it ends within the record at byte"),
        (two(b"ATR1\x05\0\0\0abc"), "it ends within the record at byte"),
        (two(b"ATR1\xff\xff\xff\xff"), "claims 4294967295 bytes"),
        (two(b"ATR1\x02\0\0\0a\xff"), "is not UTF-8"),
        (two(b"ATR1\0\0\0\0"), "has no `name`"),
    ];
    for (bytes, expected) in cases {
        let message = parse_section(&bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        let place = if expected.contains("UTF-8") { at + HEADER + 1 } else { at };
        assert!(message.contains(&place.to_string()), "{message}");
    }
}

#[test]
fn values_are_checked() {
    let cases = [
        (format!("{BODY}line\01\0"), "has `line` twice"),
        (format!("{BODY}memory\0+5\0"), "has \"+5\" for `memory`"),
        (format!("{BODY}fuel\018446744073709551616\0"), "for `fuel`"),
        (format!("{BODY}peak-heap\0512KiB\0"), "has \"512KiB\" for `peak-heap`"),
        (format!("{BODY}lost\00\0lost\00\0"), "has `lost` twice"),
        (format!("{BODY}grant\0\0"), "has \"\" for `grant`"),
        (format!("{BODY}ignore"), "the key \"ignore\" of the record at byte 0 has no value"),
        (BODY.replace("c::m::f\0export", "main\0export"), "has \"main\" for `name`"),
        (BODY.replace("c::m::f\0export", "c::\u{1b}[2J\0export"), "has \"c::\\u{1b}[2J\" for `name`"),
        (BODY.replace("airtight:test/", ""), "has \"c::m::f\" for `export`"),
        (BODY.replace("line\x007\0", ""), "has no `line`"),
    ];
    for (body, expected) in cases {
        let message = parse(&body).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn two_tests_share_nothing() {
    let again = write(BODY).repeat(2);
    assert_eq!(parse_section(&again), Err(MetaError::SharedName { name: "c::m::f".to_owned() }));
    let other = write(&BODY.replacen("c::m::f", "c::m::g", 1));
    let shared = [write(BODY), other].concat();
    assert!(matches!(parse_section(&shared), Err(MetaError::SharedExport { .. })));
}

#[test]
fn a_module_has_one_set_up_and_one_teardown() {
    let named = |name: &str, role: &str| write(&format!("{}role\0{role}\0", BODY.replace("c::m::f", name)));
    let read = |records: &[(&str, &str)]| {
        parse_section(&records.iter().flat_map(|(name, role)| named(name, role)).collect::<Vec<_>>())
    };
    let both = read(&[("c::close", TEARDOWN), ("c::open", SETUP)]).unwrap();
    assert_eq!(both.iter().map(|test| test.role).collect::<Vec<_>>(), [Role::Teardown, Role::SetUp]);
    assert!(write(&body_of(&both[1])) == named("c::open", SETUP));
    for (records, expected) in [
        (&[("c::a", SETUP), ("c::b", SETUP)][..], "`c::a` and `c::b` are each its set-up"),
        (&[("c::a", SETUP), ("c::b", TEARDOWN), ("c::c", TEARDOWN)], "`c::b` and `c::c` are each its teardown"),
        (&[("c::a", TEARDOWN)], "`c::a` is its teardown, and it has no `#[airtight::setup]`"),
        (&[("c::a", "fixture")], "has \"fixture\" for `role`"),
    ] {
        let message = read(records).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_section_over_the_cap_is_not_read() {
    let bytes = MAX_SECTION + 1;
    assert_eq!(parse_section(&alloc::vec![0; bytes]), Err(MetaError::SectionTooLarge { bytes }));
}

/// The limits that a test can set.
fn attributes() -> Vec<Limit> {
    Limit::ALL.into_iter().filter(|limit| limit.can_be_set_by(Source::Attribute)).collect()
}

prop_compose! {
    fn test_meta()(
        name in "[a-z]{1,4}(::[a-z#_]{1,4}){1,3}",
        file in "[a-z/. \\\\]{1,12}",
        line in any::<u32>(),
        should_panic in prop::option::of("[^\0]{0,12}"),
        ignore in prop::option::of("[^\0]{0,12}"),
        serial in prop::option::of("[a-z]{0,6}"),
        faults in any::<bool>(),
        limits in prop::collection::vec((prop::sample::select(attributes()), any::<u64>()), 0..8),
        grants in prop::collection::vec("[a-z-]{1,6}", 0..4),
    ) -> TestMeta {
        let export = format!("{TEST_EXPORT_PREFIX}{name}");
        TestMeta {
            name,
            export,
            file,
            line,
            role: Role::Test,
            should_panic,
            ignore,
            serial,
            faults,
            limits: limits.into_iter().collect(),
            grants,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(tests in prop::collection::vec(test_meta(), 0..6)) {
        let mut tests = tests;
        tests.sort_by(|a, b| a.name.cmp(&b.name));
        tests.dedup_by(|a, b| a.name == b.name);
        let section: Vec<u8> = tests.iter().flat_map(|test| write(&body_of(test))).collect();
        prop_assert_eq!(parse_section(&section), Ok(tests));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse_section(&bytes);
    }

    #[test]
    fn any_change_of_a_section_is_read_without_panic(
        tests in prop::collection::vec(test_meta(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut section: Vec<u8> = tests.iter().flat_map(|test| write(&body_of(test))).collect();
        let index = at.index(section.len());
        section[index] = byte;
        section.truncate(cut.index(section.len() + 1));
        if let Err(error) = parse_section(&section) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
