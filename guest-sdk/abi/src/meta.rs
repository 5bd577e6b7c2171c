//! Reading the section: in the host, from bytes that anybody may have written.

use crate::limits::{Limit, LimitValues, Source};
use crate::record::{HEADER, MAGIC, MAX_BODY, key};
use crate::{SETUP, TEARDOWN, TEST_EXPORT_PREFIX};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Largest section that is read: room for about 200,000 tests.
const MAX_SECTION: usize = 64 << 20;

/// What a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// A test.
    #[default]
    Test,
    /// What runs once before the tests of the module, which begin where it ended. A module has at most one.
    SetUp,
    /// What runs once after them, where the set-up ended. A module has at most one, and a set-up too.
    Teardown,
}

/// What a module says of one of its tests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestMeta {
    /// Full name, `crate::path::function`; without control characters.
    pub name: String,
    /// Name of the export that runs it; unique in the module, without control characters.
    pub export: String,
    /// Source file, as the compiler named it: relative to the workspace's root, with the build machine's separators.
    pub file: String,
    /// Line of the function, from 1.
    pub line: u32,
    /// What it is.
    pub role: Role,
    /// The test must panic, with a message that holds this text (an empty text: any message).
    pub should_panic: Option<String>,
    /// The test is not run unless asked for, for this reason (which may be empty).
    pub ignore: Option<String>,
    /// The group of tests of which no two are run at once, where they could meet; the group without a name has an empty one.
    pub serial: Option<String>,
    /// Its calls are made to fail, one after the other, whenever it is run.
    pub faults: bool,
    /// Limits that the test asks for; those that a test cannot set are not read.
    pub limits: LimitValues,
    /// Grants that the test asks for by name, in the order in which it names them.
    pub grants: Vec<String>,
}

impl TestMeta {
    /// The name under which libtest lists the same test.
    pub fn libtest_name(&self) -> &str {
        libtest_name(&self.name)
    }
}

/// `path::function` of `crate::path::function`: what libtest calls a test.
pub fn libtest_name(name: &str) -> &str {
    name.split_once("::").map_or(name, |(_, rest)| rest)
}

/// Reads the contents of a [`SECTION`](crate::SECTION): every test, in the module's order. Unknown keys are passed over.
///
/// # Errors
/// If the section is larger than 64 MiB, is not whole records of a version that is known, or a record lacks a key,
/// repeats one, or has a value that cannot be; if two records share a name or an export.
pub fn parse_section(section: &[u8]) -> Result<Vec<TestMeta>, MetaError> {
    if section.len() > MAX_SECTION {
        return Err(MetaError::SectionTooLarge { bytes: section.len() });
    }
    let mut tests = Vec::new();
    let mut rest = section;
    while !rest.is_empty() {
        let at = section.len() - rest.len();
        let (body, after) = split_record(rest, at)?;
        tests.push(parse_body(body, at)?);
        rest = after;
    }
    check_unique(&tests)?;
    check_roles(&tests)?;
    Ok(tests)
}

/// Splits the first record's body off.
fn split_record(bytes: &[u8], at: usize) -> Result<(&str, &[u8]), MetaError> {
    let (magic, rest) = bytes.split_first_chunk::<{ MAGIC.len() }>().ok_or(MetaError::Truncated { at })?;
    if magic[..3] != MAGIC[..3] {
        return Err(MetaError::NotARecord { at });
    }
    if magic[3] != MAGIC[3] {
        return Err(MetaError::Version { at, version: magic[3] });
    }
    let (len, rest) = rest.split_first_chunk().ok_or(MetaError::Truncated { at })?;
    let len = u32::from_le_bytes(*len);
    // A length that does not fit is too large as well.
    let len = usize::try_from(len).ok().filter(|len| *len <= MAX_BODY).ok_or(MetaError::RecordTooLarge { at, len })?;
    let (body, rest) = rest.split_at_checked(len).ok_or(MetaError::Truncated { at })?;
    let body =
        core::str::from_utf8(body).map_err(|error| MetaError::NotUtf8 { at: at + HEADER + error.valid_up_to() })?;
    Ok((body, rest))
}

fn parse_body(body: &str, at: usize) -> Result<TestMeta, MetaError> {
    let mut fields = Fields::default();
    let mut parts = body.split('\0');
    // The part after the last NUL is empty in a whole body, and the only one without a value.
    while let Some(key) = parts.next() {
        match parts.next() {
            Some(value) => fields.take(key, value, at)?,
            None if key.is_empty() => {}
            None => return Err(MetaError::NoValue { at, key: key.to_owned() }),
        }
    }
    fields.finish(at)
}

/// The values of a record, as they come.
#[derive(Default)]
struct Fields<'a> {
    name: Option<&'a str>,
    export: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<&'a str>,
    role: Option<&'a str>,
    should_panic: Option<&'a str>,
    ignore: Option<&'a str>,
    serial: Option<&'a str>,
    faults: Option<&'a str>,
    limits: [Option<&'a str>; Limit::COUNT],
    grants: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, key: &str, value: &'a str, at: usize) -> Result<(), MetaError> {
        let (slot, key) = match key {
            key::NAME => (&mut self.name, key::NAME),
            key::EXPORT => (&mut self.export, key::EXPORT),
            key::FILE => (&mut self.file, key::FILE),
            key::LINE => (&mut self.line, key::LINE),
            key::ROLE => (&mut self.role, key::ROLE),
            key::SHOULD_PANIC => (&mut self.should_panic, key::SHOULD_PANIC),
            key::IGNORE => (&mut self.ignore, key::IGNORE),
            key::SERIAL => (&mut self.serial, key::SERIAL),
            key::FAULTS => (&mut self.faults, key::FAULTS),
            key::GRANT => {
                self.grants.push(value);
                return Ok(());
            }
            other => match Limit::from_key(other).filter(|limit| limit.can_be_set_by(Source::Attribute)) {
                Some(limit) => (&mut self.limits[limit as usize], limit.row().key),
                // Written by a newer SDK: it may only say what an older host can do without.
                None => return Ok(()),
            },
        };
        if slot.replace(value).is_some() {
            return Err(MetaError::Repeated { at, key });
        }
        Ok(())
    }

    fn finish(self, at: usize) -> Result<TestMeta, MetaError> {
        let name = required(self.name, key::NAME, at)?;
        if libtest_name(name).is_empty() || !name.contains("::") {
            return Err(MetaError::BadValue { at, key: key::NAME, value: name.to_owned() });
        }
        let export = required(self.export, key::EXPORT, at)?;
        if !export.starts_with(TEST_EXPORT_PREFIX) {
            return Err(MetaError::BadValue { at, key: key::EXPORT, value: export.to_owned() });
        }
        let role = match self.role {
            None => Role::Test,
            Some(SETUP) => Role::SetUp,
            Some(TEARDOWN) => Role::Teardown,
            Some(other) => return Err(MetaError::BadValue { at, key: key::ROLE, value: other.to_owned() }),
        };
        let grants = self.grants.iter().map(|grant| plain(grant, key::GRANT, at));
        let mut limits = LimitValues::NONE;
        for limit in Limit::ALL {
            let value = self.limits[limit as usize].map(|value| number(value, limit.row().key, at));
            limits.set(limit, value.transpose()?);
        }
        Ok(TestMeta {
            name: name.to_owned(),
            export: export.to_owned(),
            file: required(self.file, key::FILE, at)?.to_owned(),
            line: number(required(self.line, key::LINE, at)?, key::LINE, at)?,
            role,
            should_panic: self.should_panic.map(ToOwned::to_owned),
            ignore: self.ignore.map(ToOwned::to_owned),
            serial: self.serial.map(ToOwned::to_owned),
            faults: self.faults.is_some(),
            limits,
            grants: grants.map(|grant| grant.map(ToOwned::to_owned)).collect::<Result<_, _>>()?,
        })
    }
}

fn required<'a>(value: Option<&'a str>, key: &'static str, at: usize) -> Result<&'a str, MetaError> {
    plain(value.ok_or(MetaError::Missing { at, key })?, key, at)
}

/// A value that is shown and compared: it must not be empty or hide anything.
fn plain<'a>(value: &'a str, key: &'static str, at: usize) -> Result<&'a str, MetaError> {
    if value.is_empty() || value.contains(char::is_control) {
        return Err(MetaError::BadValue { at, key, value: value.to_owned() });
    }
    Ok(value)
}

fn number<N: core::str::FromStr>(value: &str, key: &'static str, at: usize) -> Result<N, MetaError> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { value.parse().ok() } else { None };
    parsed.ok_or_else(|| MetaError::BadValue { at, key, value: value.to_owned() })
}

fn check_unique(tests: &[TestMeta]) -> Result<(), MetaError> {
    let (mut names, mut exports) = (BTreeSet::new(), BTreeSet::new());
    for test in tests {
        if !names.insert(&test.name) {
            return Err(MetaError::SharedName { name: test.name.clone() });
        }
        if !exports.insert(&test.export) {
            return Err(MetaError::SharedExport { export: test.export.clone() });
        }
    }
    Ok(())
}

fn check_roles(tests: &[TestMeta]) -> Result<(), MetaError> {
    for role in [Role::SetUp, Role::Teardown] {
        let mut of_role = tests.iter().filter(|test| test.role == role).map(|test| test.name.clone());
        if let (Some(first), Some(second)) = (of_role.next(), of_role.next()) {
            return Err(MetaError::SecondOfRole { role, names: [first, second] });
        }
    }
    let first = |role| tests.iter().find(|test| test.role == role);
    match (first(Role::SetUp), first(Role::Teardown)) {
        (None, Some(teardown)) => Err(MetaError::NoSetUp { teardown: teardown.name.clone() }),
        _ => Ok(()),
    }
}

/// Why a section cannot be read. Offsets are bytes from the start of the section's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetaError {
    /// The section is over the size that is read.
    SectionTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A record does not start with the magic.
    NotARecord {
        /// Offset of the record.
        at: usize,
    },
    /// The record has another version.
    Version {
        /// Offset of the record.
        at: usize,
        /// The byte that tells the version; `1` is known.
        version: u8,
    },
    /// The section ends within a record.
    Truncated {
        /// Offset of the record.
        at: usize,
    },
    /// A record is over the size that the SDK writes.
    RecordTooLarge {
        /// Offset of the record.
        at: usize,
        /// Length of its body.
        len: u32,
    },
    /// A record is not UTF-8.
    NotUtf8 {
        /// Offset of the first byte that is not.
        at: usize,
    },
    /// A record's last key has no value.
    NoValue {
        /// Offset of the record.
        at: usize,
        /// The key.
        key: String,
    },
    /// A key that every test has is missing.
    Missing {
        /// Offset of the record.
        at: usize,
        /// The key.
        key: &'static str,
    },
    /// A key is there twice.
    Repeated {
        /// Offset of the record.
        at: usize,
        /// The key.
        key: &'static str,
    },
    /// A value is not what its key needs.
    BadValue {
        /// Offset of the record.
        at: usize,
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// Two tests have the same name.
    SharedName {
        /// The name.
        name: String,
    },
    /// There are two set-ups or two teardowns.
    SecondOfRole {
        /// What they are.
        role: Role,
        /// Their names.
        names: [String; 2],
    },
    /// There is a teardown, and no set-up that it could undo.
    NoSetUp {
        /// Its name.
        teardown: String,
    },
    /// Two tests have the same export.
    SharedExport {
        /// The export.
        export: String,
    },
}

impl fmt::Display for MetaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SectionTooLarge { bytes } => write!(f, "it has {bytes} bytes, and at most {MAX_SECTION} are read"),
            Self::NotARecord { at } => write!(f, "there is no test record at byte {at}"),
            Self::Version { at, version } => write!(
                f,
                "the record at byte {at} has version `{}`, and this airtight reads `1`: use the airtight and the \
                 airtight-sdk of one release",
                version.escape_ascii()
            ),
            Self::Truncated { at } => write!(f, "it ends within the record at byte {at}"),
            Self::RecordTooLarge { at, len } => {
                write!(f, "the record at byte {at} claims {len} bytes, and at most {MAX_BODY} are read")
            }
            Self::NotUtf8 { at } => write!(f, "byte {at} is not UTF-8"),
            Self::NoValue { at, key } => write!(f, "the key {key:?} of the record at byte {at} has no value"),
            Self::Missing { at, key } => write!(f, "the record at byte {at} has no `{key}`"),
            Self::Repeated { at, key } => write!(f, "the record at byte {at} has `{key}` twice"),
            Self::BadValue { at, key, value } => write!(f, "the record at byte {at} has {value:?} for `{key}`"),
            Self::SharedName { name } => write!(f, "two tests are called `{name}`"),
            Self::SecondOfRole { role, names: [first, second] } => {
                let what = if *role == Role::Teardown { "teardown" } else { "set-up" };
                write!(f, "`{first}` and `{second}` are each its {what}, of which it has one: call one from the other")
            }
            Self::NoSetUp { teardown } => {
                write!(
                    f,
                    "`{teardown}` is its teardown, and it has no `#[airtight::setup]`: make one, or use `T::cleanup`"
                )
            }
            Self::SharedExport { export } => write!(f, "two tests have the export `{export}`"),
        }
    }
}

impl core::error::Error for MetaError {}

#[cfg(test)]
mod tests;
