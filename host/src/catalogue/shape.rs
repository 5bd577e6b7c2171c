//! Recognises what a file is if it is not a WebAssembly module: people pass `.wat`, native programs and compressed files.

use super::error::CatalogueError;
use super::not_wasm::Shape;

const MAGIC: &[u8] = b"\0asm";
const MODULE_VERSION: [u8; 4] = [1, 0, 0, 0];
/// The second half of the version field, which marks a component.
const COMPONENT_LAYER: [u8; 2] = [1, 0];

const STARTS: &[(&[u8], Shape)] = &[
    (b"\x7fELF", Shape::Native("ELF")),
    (b"MZ", Shape::Native("PE")),
    (b"\xcf\xfa\xed\xfe", Shape::Native("Mach-O")),
    (b"\xce\xfa\xed\xfe", Shape::Native("Mach-O")),
    (b"\xca\xfe\xba\xbe", Shape::Native("Mach-O")),
    (b"!<arch>\n", Shape::Archive),
    (b"BC\xc0\xde", Shape::Bitcode),
    (b"\x1f\x8b", Shape::Compressed("gzip")),
    (b"\x28\xb5\x2f\xfd", Shape::Compressed("zstd")),
    (b"\xfd7zXZ\0", Shape::Compressed("xz")),
    (b"BZh", Shape::Compressed("bzip2")),
    (b"PK\x03\x04", Shape::Compressed("zip")),
    (b"version https://git-lfs", Shape::LfsPointer),
];

/// Refuses bytes that do not begin with the header of a core module.
pub(super) fn check(bytes: &[u8]) -> Result<(), CatalogueError> {
    let Some((magic, rest)) = bytes.split_at_checked(MAGIC.len()) else {
        let cut = !bytes.is_empty() && MAGIC.starts_with(bytes);
        return Err(CatalogueError::NotWasm(if cut { Shape::CutShort } else { sniff(bytes) }));
    };
    if magic != MAGIC {
        return Err(CatalogueError::NotWasm(sniff(bytes)));
    }
    match rest.first_chunk::<4>() {
        None => Err(CatalogueError::NotWasm(Shape::CutShort)),
        Some(&MODULE_VERSION) => Ok(()),
        Some(version) if version[2..] == COMPONENT_LAYER => Err(CatalogueError::Component),
        Some(version) => Err(CatalogueError::NotWasm(Shape::Version(u32::from_le_bytes(*version)))),
    }
}

fn sniff(bytes: &[u8]) -> Shape {
    if bytes.is_empty() {
        return Shape::Empty;
    }
    if let Some((_, shape)) = STARTS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return *shape;
    }
    let head = &bytes[..bytes.len().min(4096)];
    if head.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
        return Shape::Unknown;
    }
    if is_wat(head) { Shape::Text } else { Shape::OtherText }
}

/// Whether the first thing after spaces and line comments is a module, or a field of one.
fn is_wat(mut text: &[u8]) -> bool {
    loop {
        text = text.trim_ascii_start();
        if !text.starts_with(b";;") {
            break;
        }
        let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len());
        text = &text[end..];
    }
    [&b"(module"[..], b"(component", b"(func", b"(import", b"(memory", b"(type", b"(;"]
        .iter()
        .any(|s| text.starts_with(s))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        check(bytes).unwrap_err().to_string()
    }

    #[test]
    fn names_what_it_looks_like() {
        for (bytes, expected) in [
            (&b""[..], "empty"),
            (b"\0as", "ends within the header"),
            (b"\0asm\x01\0", "ends within the header"),
            (b"\0asm\x0b\0\0\0", "version 11"),
            (b"\x7fELF\x02\x01\x01\0", "ELF"),
            (b"MZ\x90\0", "PE"),
            (b"!<arch>\nx", "static library"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"  ;; a comment\n(module)", "wat2wasm"),
            (b"(;x;) (module)", "wat2wasm"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"fn main() {}", "text file"),
            (b"\x01\x02\x03\x04\x05", "does not begin with"),
        ] {
            let message = message(bytes);
            assert!(message.contains(expected), "{bytes:?}: {message}");
        }
    }

    #[test]
    fn a_component_is_no_module() {
        assert!(matches!(check(b"\0asm\x0d\0\x01\0"), Err(CatalogueError::Component)));
        assert!(check(b"\0asm\x01\0\0\0").is_ok());
    }
}
