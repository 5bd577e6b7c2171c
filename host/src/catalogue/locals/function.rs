//! A function that is looked at.

use wasmparser::{FuncToValidate, FunctionBody, ValidatorResources};

/// Why it cannot be told that functions hold nothing: one may, or it is too much work to find out.
pub(super) struct MayHold;

/// A function, ready to be validated again.
pub(super) type Function<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);
