//! The hash by which reports name a module's code.

use super::Module;
use super::sections::{HEADER_LEN, id};
use sha2::{Digest, Sha256};

/// The beginning of the names of custom sections that count as code: their contents change how the module's tests run.
const OURS: &str = "airtight.";

/// `sha256:` and the hex SHA-256 of the module without its custom sections, except those named `airtight.*`.
///
/// Names, debug information and the toolchain's notes are left out. So a binary and its stripped copy have the same hash, and
/// paths of the machine that built it do not count.
pub(super) fn code(module: &Module<'_>) -> String {
    let mut hash = Sha256::new_with_prefix(&module.bytes[..HEADER_LEN]);
    for section in module.sections.iter().filter(|section| section.id != id::CUSTOM || section.name.starts_with(OURS)) {
        hash.update(&module.bytes[section.whole.clone()]);
    }
    format!("sha256:{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> String {
        let module = wat::parse_str(text).unwrap();
        code(&Module::read(&module).unwrap())
    }

    #[test]
    fn only_our_custom_sections_count() {
        let plain = hash(r#"(module (func (export "f")))"#);
        assert_eq!(plain, hash(r#"(module (@custom "producers" "x") (func $named (export "f")))"#));
        assert_ne!(plain, hash(r#"(module (@custom "airtight.tests" "x") (func (export "f")))"#));
        assert_ne!(plain, hash(r#"(module (func (export "g")))"#));
    }

    #[test]
    fn it_is_the_hash_of_the_stripped_file() {
        // `printf '\0asm\1\0\0\0' | sha256sum`
        assert_eq!(hash("(module)"), "sha256:93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476");
    }
}
