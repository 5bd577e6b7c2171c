//! What a file is, when it is no WebAssembly module: people pass `.wat`, native programs and compressed files.

use super::CatalogueError;
use std::fmt;

const MAGIC: &[u8] = b"\0asm";
const MODULE_VERSION: [u8; 4] = [1, 0, 0, 0];
/// The second half of a component's version field says which layer it is of.
const COMPONENT_LAYER: [u8; 2] = [1, 0];

/// What a file that is not WebAssembly looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// No bytes at all.
    Empty,
    /// Begins as WebAssembly does and ends within the header.
    CutShort,
    /// WebAssembly of a version that does not exist yet, or did once.
    Version(u32),
    /// WebAssembly text.
    Text,
    /// A native program or library (ELF, Mach-O, PE).
    Native(&'static str),
    /// A static library.
    Archive,
    /// LLVM bitcode.
    Bitcode,
    /// A compressed file.
    Compressed(&'static str),
    /// A pointer that Git LFS left in place of the file.
    LfsPointer,
    /// Some other text.
    OtherText,
    /// None of these.
    Unknown,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::CutShort => f.write_str("the file ends within the header; build or download it again"),
            Self::Version(version) => {
                write!(f, "it is WebAssembly of version {version}, and only version 1 is known; rebuild it")
            }
            Self::Text => {
                f.write_str("it is WebAssembly text; translate it with `wat2wasm` or `wasm-tools parse` first")
            }
            Self::Native(format) => {
                write!(f, "it is a native program or library ({format}); build it for the target wasm32-wasip1")
            }
            Self::Archive => f.write_str("it is a static library; give the linked program"),
            Self::Bitcode => f.write_str("it is LLVM bitcode; give the linked program"),
            Self::Compressed(format) => write!(f, "it is compressed ({format}); unpack it first"),
            Self::LfsPointer => f.write_str("it is a Git LFS pointer; fetch the file itself with `git lfs pull`"),
            Self::OtherText => f.write_str("it is a text file; give the .wasm file that the build made"),
            Self::Unknown => f.write_str("it does not begin with `\\0asm`; give the .wasm file that the build made"),
        }
    }
}

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

/// Refuses what does not have the header of a core module.
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
