//! The `airtight::test` attribute. It is documented where users meet it, in `airtight-sdk`.

mod args;
mod attributes;
mod expand;
mod nearest;
mod sdk;
mod setup;
mod signature;

use proc_macro::TokenStream;

/// Makes a function `fn name() -> World` the set-up of its module; see the documentation of `airtight-sdk`.
#[proc_macro_attribute]
pub fn setup(args: TokenStream, item: TokenStream) -> TokenStream {
    setup::setup(args.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes a function `fn name()` the teardown of its module; see the documentation of `airtight-sdk`.
#[proc_macro_attribute]
pub fn teardown(args: TokenStream, item: TokenStream) -> TokenStream {
    setup::teardown(args.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes a function `fn name(t: &mut airtight::T)` a test; see the documentation of `airtight-sdk`.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(args.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
