//! A function whose values are followed.

use wasmparser::{FuncToValidate, FunctionBody, ValidatorResources};

/// It could not be shown that the functions hold no pointer: one of them may, or it is too much work to find out.
pub(super) struct MayHold;

/// A function, ready to be validated again.
pub(super) type Function<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);
