//! What a file seems to be that is not WebAssembly.

use std::fmt;

/// What a file seems to be that is not WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// No bytes at all.
    Empty,
    /// Begins as WebAssembly does and ends within the header.
    CutShort,
    /// WebAssembly of a version other than 1: a later one, or one from before the release.
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
    /// The pointer file that Git LFS puts in place of a file that was not downloaded.
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
