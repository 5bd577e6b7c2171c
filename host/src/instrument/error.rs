//! Why a module cannot be rewritten.

use wasmparser::BinaryReaderError;

/// Why a module cannot be rewritten. Each message completes "cannot load FILE: …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstrumentError {
    /// A section cannot be parsed.
    #[error("it is not a valid module: {message} (at byte {offset:#x})")]
    Malformed {
        /// What the parser says.
        message: String,
        /// Where, from the start of the file.
        offset: usize,
    },
    /// The module has an export with a name that the host adds itself.
    #[error("its export `{name}` has a name that is kept for airtight; give it another one")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Its own start function would call the host before the host can be called.
    #[error("it has a start function, which runs before the host can be told of anything")]
    StartFunction,
    /// What has to be added to it does not fit.
    #[error("it has so many functions that the calls by which its threads wait do not fit; split the module")]
    TooLarge,
}

impl From<BinaryReaderError> for InstrumentError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed { message: error.message().to_owned(), offset: error.offset() }
    }
}
