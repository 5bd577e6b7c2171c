//! Modules with hand-made descriptors: some check out, and some do not.

use super::*;
use proptest::prelude::*;
use std::fmt::Write;

const BASE: u32 = 1024;

/// What the descriptor of a test is made from.
#[derive(Debug, Clone)]
struct DescriptorSource {
    name: String,
    mark: u32,
    text: String,
    ignored: bool,
    reason: Option<String>,
}

impl DescriptorSource {
    fn new(name: &str, mark: u32) -> Self {
        Self { name: name.to_owned(), mark, text: "the text".into(), ignored: false, reason: None }
    }
}

/// Static data, as it grows.
#[derive(Default)]
struct Data(Vec<u8>);

impl Data {
    fn here(&self) -> u32 {
        BASE + self.0.len() as u32
    }

    fn text(&mut self, text: &str) -> [u32; 2] {
        let at = self.here();
        self.0.extend(text.as_bytes());
        [at, text.len() as u32]
    }

    /// Appends a descriptor and returns its address.
    fn descriptor(&mut self, test: &DescriptorSource, static_name: u32) -> u32 {
        let text = self.text(&test.text);
        let name = self.text(&test.name);
        let file = self.text("src/lib.rs");
        let reason = test.reason.as_ref().map_or([0, 0], |reason| self.text(reason));
        self.0.resize(self.0.len().next_multiple_of(4), b'.');
        let at = self.here();
        let words = [test.mark, text[0], text[1], static_name, name[0], name[1], 0, file[0], file[1]];
        let words = words.into_iter().chain(reason).chain([7, 4, 7, 9, u32::from(test.ignored), 0, 2]);
        words.for_each(|word| self.0.extend(word.to_le_bytes()));
        at
    }

    /// A module with this data, as if this rustc had made it.
    fn module(&self, rustc: &str) -> Vec<u8> {
        let mut data = String::new();
        self.0.iter().for_each(|byte| _ = write!(data, "\\{byte:02x}"));
        let producers = format!(r#"(@producers (processed-by "clang" "21") (processed-by "rustc" "{rustc}"))"#);
        let table = "(table 4 funcref) (elem (i32.const 1) $none $test $none)";
        let functions = "(func $test (param i32)) (func $none)";
        let memory = format!(r#"(memory 16) (data (i32.const {BASE}) "{data}")"#);
        wat::parse_str(format!("(module {functions} {table} {memory} {producers})")).unwrap()
    }
}

const RUSTC: &str = "1.95.0 (59807616e 2026-04-14)";
const OLD_NAME: u32 = 0x8000_0001;
const NEW_NAME: u32 = 0x8000_0000;

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Arc<str>> {
    names.into_iter().map(Arc::from).collect()
}

fn read_all(module: &[u8], listed: &[&str], ignored: &[&str]) -> Result<HashMap<Arc<str>, Descriptor>, NoDescriptors> {
    read(&Module::read(module).unwrap(), &names(listed.iter().copied()), &names(ignored.iter().copied()))
}

#[test]
fn every_field_is_read() {
    for (rustc, static_name) in [
        (RUSTC, OLD_NAME),
        ("1.96.1", OLD_NAME),
        ("1.97.0-nightly (e50aa6fba 2026-05-19)", NEW_NAME),
        ("2.0.0", NEW_NAME),
    ] {
        let mut data = Data::default();
        let reason = Some("why".to_owned());
        let plain = data.descriptor(
            &DescriptorSource { reason, ignored: true, ..DescriptorSource::new("a::plain", 0) },
            static_name,
        );
        let panics =
            data.descriptor(&DescriptorSource { ignored: true, ..DescriptorSource::new("a::panics", 1) }, static_name);
        let says = data.descriptor(&DescriptorSource::new("a::says", 2), static_name);
        let module = data.module(rustc);
        let found = read_all(&module, &["a::panics", "a::plain", "a::says"], &["a::panics", "a::plain"]).unwrap();
        let descriptor = |should_panic, ignored: Option<&str>, address| Descriptor {
            should_panic,
            declared: "src/lib.rs:7:4".into(),
            ignored: ignored.map(str::to_owned),
            address,
            list: None,
        };
        assert_eq!(found["a::plain"], descriptor(None, Some("why"), plain));
        let expected = ShouldPanic { address: panics, mark: 1, text: None };
        assert_eq!(found["a::panics"], descriptor(Some(expected), Some(""), panics));
        let expected = ShouldPanic { address: says, mark: 2, text: Some("the text".into()) };
        assert_eq!(found["a::says"], descriptor(Some(expected), None, says));
        assert_eq!(found.len(), 3);
    }
}

/// libtest's list: of each test, the word that points to its descriptor.
#[test]
fn the_word_that_points_to_a_test_is_found() {
    let mut data = Data::default();
    let (one, other) = (
        data.descriptor(&DescriptorSource::new("one", 0), OLD_NAME),
        data.descriptor(&DescriptorSource::new("other", 0), OLD_NAME),
    );
    let list = data.here();
    for word in [one, one + 4, other, other] {
        data.0.extend(word.to_le_bytes());
    }
    let found = read_all(&data.module(RUSTC), &["one", "other"], &[]).unwrap();
    let listed = |address, descriptor| Some(ListedTest { address, descriptor });
    let expected = [listed(list, one), listed(list + 8, other)];
    assert_eq!([found["one"].list, found["other"].list], expected);
}

/// What is read of a module of two tests, after one word of the second's descriptor was replaced.
fn with_word(offset: u32, word: u32) -> Result<HashMap<Arc<str>, Descriptor>, NoDescriptors> {
    let mut data = Data::default();
    data.descriptor(&DescriptorSource::new("one", 0), OLD_NAME);
    let at = data.descriptor(&DescriptorSource::new("two", 2), OLD_NAME);
    let place = (at - BASE + offset) as usize;
    data.0[place..place + 4].copy_from_slice(&word.to_le_bytes());
    read_all(&data.module(RUSTC), &["one", "two"], &[])
}

#[test]
fn a_field_that_cannot_be_one_makes_all_unknown() {
    assert!(with_word(24, 0).is_ok(), "what is between the fields may be anything");
    let missing = NoDescriptors::Missing { name: "two".into(), rustc: RUSTC.to_owned() };
    for (offset, word) in [
        (0, 3),            // No such mark.
        (4, 8),            // A text outside of the data.
        (8, u32::MAX),     // Far outside.
        (12, NEW_NAME),    // Another kind of name.
        (16, BASE + 1),    // Another name.
        (20, 2),           // A shorter name.
        (28, 5),           // A file outside of the data.
        (32, 0),           // A file without a name.
        (44, 0),           // No line.
        (44, 8),           // It ends before it begins.
        (56, 3),           // So does this, in its line.
        (60, 0x0000_0002), // A flag that is neither true nor false.
        (60, 0x0002_0000),
        (60, 0x0400_0000), // No such kind of test.
        (64, 1),           // A benchmark.
        (68, 1),           // A function that is not a test.
        (68, 9),           // None at all.
    ] {
        assert_eq!(with_word(offset, word), Err(missing.clone()), "{offset}: {word}");
    }
    assert_eq!(with_word(60, 1), Err(NoDescriptors::Ignored("two".into())));
}

#[test]
fn what_the_module_and_the_listing_do_not_agree_on_makes_all_unknown() {
    let mut data = Data::default();
    data.descriptor(&DescriptorSource::new("one", 1), OLD_NAME);
    data.descriptor(&DescriptorSource { ignored: true, ..DescriptorSource::new("two", 0) }, OLD_NAME);
    let module = data.module(RUSTC);
    let reads = |listed: &[&str], ignored: &[&str]| read_all(&module, listed, ignored).map(drop);
    assert_eq!(reads(&["one", "two"], &["two"]), Ok(()));
    assert_eq!(reads(&["one", "two"], &[]), Err(NoDescriptors::Ignored("two".into())));
    assert_eq!(reads(&["one", "two"], &["one", "two"]), Err(NoDescriptors::Ignored("one".into())));
    assert_eq!(reads(&["one", "one"], &[]), Err(NoDescriptors::ListedTwice("one".into())));
    let missing = NoDescriptors::Missing { name: "three".into(), rustc: RUSTC.to_owned() };
    assert_eq!(reads(&["one", "three", "two"], &["two"]), Err(missing));

    data.descriptor(&DescriptorSource::new("one", 0), OLD_NAME);
    assert_eq!(read_all(&data.module(RUSTC), &["one", "two"], &["two"]), Err(NoDescriptors::Several("one".into())));
}

#[test]
fn descriptors_that_share_bytes_overlap() {
    assert!(overlap(&[1000, 1068]) && overlap(&[1000, 1072, 1100]));
    assert!(!overlap(&[1000, 1072, 1144]) && !overlap(&[]));
}

#[test]
fn the_compiler_must_be_known_and_not_be_too_old() {
    let mut data = Data::default();
    data.descriptor(&DescriptorSource::new("one", 1), OLD_NAME);
    let reads = |module: &[u8]| read_all(module, &["one"], &[]).map(drop);
    assert_eq!(reads(&data.module("1.94.9")), Err(NoDescriptors::Older("1.94.9".into())));
    assert_eq!(reads(&data.module("devel")), Err(NoDescriptors::NoCompiler));
    assert_eq!(reads(&wat::parse_str("(module)").unwrap()), Err(NoDescriptors::NoCompiler));
    let other = r#"(module (@producers (processed-by "clang" "21")))"#;
    assert_eq!(reads(&wat::parse_str(other).unwrap()), Err(NoDescriptors::NoCompiler));
    assert!(matches!(reads(&data.module("1.97.0")), Err(NoDescriptors::Missing { .. })));
}

/// Half a megabyte of pairs of words, each of which points to one long name: to look at all would be to look at 30 GB.
#[test]
fn a_module_full_of_names_is_given_up() {
    let name = "n".repeat(500_000);
    let mut data = Data::default();
    let [at, len] = data.text(&name);
    for _ in 0..65_536 {
        data.0.extend(at.to_le_bytes());
        data.0.extend(len.to_le_bytes());
    }
    assert_eq!(read_all(&data.module(RUSTC), &[&name], &[]), Err(NoDescriptors::TooMuch));
}

proptest! {
    /// Whatever the data is, it is read without a panic; and what is found is where it says.
    #[test]
    fn any_data_is_read(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        mark in 0u32..4,
        at in any::<prop::sample::Index>(),
        damage in any::<u8>(),
        cut in 0usize..600,
    ) {
        let mut data = Data(bytes);
        data.0.resize(data.0.len().next_multiple_of(4), 0);
        let address = data.descriptor(&DescriptorSource::new("one", mark), OLD_NAME);
        let place = at.index(data.0.len());
        data.0[place] ^= damage;
        data.0.truncate(data.0.len().saturating_sub(cut));
        if let Ok(found) = read_all(&data.module(RUSTC), &["one"], &[]) {
            let expected = found["one"].should_panic.as_ref();
            prop_assert_eq!(found["one"].address, address);
            if let Some(expected) = expected {
                let word = (expected.address - BASE) as usize;
                let found = u32::from_le_bytes(data.0[word..word + 4].try_into().unwrap());
                prop_assert!(found == expected.mark && (1..=2).contains(&found));
            }
        }
    }

    /// Bytes that are not a module's, or a damaged one's, are read without a panic.
    #[test]
    fn any_damage_is_read(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut data = Data::default();
        data.descriptor(&DescriptorSource::new("one", 2), OLD_NAME);
        let mut module = data.module(RUSTC);
        let at = at.index(module.len());
        module[at] = value;
        if let Ok(module) = Module::read(&module) {
            let _ = read(&module, &names(["one"]), &[]);
        }
    }
}
