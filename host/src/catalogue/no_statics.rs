//! Why a module's static data cannot be read.

use wasmparser::BinaryReaderError;

/// Why the static data of a module is not known without running it. Completes "the module …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoStatics {
    /// The address of some of it is computed.
    #[error("computes where its static data lies")]
    Computed,
    /// Two parts of it overlap.
    #[error("has static data that overlaps")]
    Overlap,
    /// Some of it lies outside of the addresses that a memory can have.
    #[error("has static data outside of its memory")]
    Outside,
    /// It cannot be read.
    #[error("has static data that cannot be read: {0}")]
    Malformed(String),
}

impl From<BinaryReaderError> for NoStatics {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed(error.message().to_owned())
    }
}
