//! Why a module is too much work.

/// Why a module is too much work for an optimising compiler. Each message completes "it is too much work for …: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Heavy {
    /// One of its functions is.
    #[error("{function} weighs {weight}, over the `function-weight` of {cap}")]
    Function {
        /// Its name, as far as that is known, and its index.
        function: String,
        /// Its weight, or at least something over the cap.
        weight: u64,
        /// The cap.
        cap: u64,
    },
    /// The elements of its tables are.
    #[error(
        "its {elements} elements that are passive or expressions weigh {weight}, over the `module-weight` of {cap} for a module \
         of its size"
    )]
    Elements {
        /// How many there are.
        elements: u64,
        /// Their weight.
        weight: u64,
        /// The cap.
        cap: u64,
    },
    /// Its functions together are.
    #[error("its functions weigh {weight} or more, over the `module-weight` of {cap} for a module of its size")]
    Module {
        /// The weight of the first of them, up to the one that is too much.
        weight: u64,
        /// The cap.
        cap: u64,
    },
}
