//! Why a module is too much work for the optimising compiler.

/// Why a module is too much work for an optimising compiler. Each message completes "it is too much work for …: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Heavy {
    /// One of its functions is too heavy.
    #[error("{function} weighs {weight}, over the `function-weight` of {cap}")]
    Function {
        /// Its name, as far as that is known, and its index.
        function: String,
        /// Its weight, or at least something over the cap.
        weight: u64,
        /// The cap.
        cap: u64,
    },
    /// The elements of its tables are too heavy.
    #[error(
        "its {elements} elements that are passive or expressions weigh {weight}, over the `module-weight` of {cap} for a module \
         of its size"
    )]
    Elements {
        /// How many elements are passive or given by expressions.
        elements: u64,
        /// Their weight.
        weight: u64,
        /// The cap.
        cap: u64,
    },
    /// Its functions together are too heavy.
    #[error("its functions weigh {weight} or more, over the `module-weight` of {cap} for a module of its size")]
    Module {
        /// The weight of its functions, summed up to the function with which it exceeds the cap.
        weight: u64,
        /// The cap.
        cap: u64,
    },
}
