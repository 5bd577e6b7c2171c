//! The `airtight::test` attribute. It is documented where users meet it, in `airtight-sdk`.

mod args;
mod attributes;
mod expand;
mod nearest;
mod sdk;
mod signature;

use proc_macro::TokenStream;

/// Makes a function `fn name(t: &mut airtight::T)` a test; see the documentation of `airtight-sdk`.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(args.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
