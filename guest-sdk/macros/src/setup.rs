//! From the user's function to the set-up or the teardown of a module.

use crate::args::Args;
use crate::expand::{exports, test_constant};
use crate::{attributes, sdk};
use airtight_abi::{SETUP, TEARDOWN};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result, ReturnType, Signature, Visibility};

/// Expands `#[airtight::setup(args)] fn name() -> World { … }` to
/// ```text
/// fn name() -> &'static World {    // what tests call: the first call makes it, and under airtight the set-up was that call
///     fn name() -> World { … }     // the user's function
///     static AIRTIGHT_WORLD: OnceLock<World> = OnceLock::new();
///     // on wasm32-wasip1: the export that airtight calls, which makes it, and the record that lists it
///     AIRTIGHT_WORLD.get_or_init(name)
/// }
/// ```
pub(crate) fn setup(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let Parts { mut function, attributes, args, sdk } = match parse(&args, item, "setup")? {
        SetupInput::Later(again) => return Ok(again),
        SetupInput::Now(parts) => *parts,
    };
    let visibility = std::mem::replace(&mut function.vis, Visibility::Inherited);
    let name = function.sig.ident.clone();
    let world = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let make = format_ident!("{name}_made_by_airtight");
    let test = test_constant(&name, &args, &sdk);
    let exports = exports(&name, &make, Some(SETUP), &args, &sdk);
    Ok(quote! {
        #(#attributes)*
        #[allow(dead_code, reason = "under airtight it has run before the tests, whether they ask for it or not")]
        #visibility fn #name() -> &'static #world {
            #function
            static AIRTIGHT_WORLD: ::std::sync::OnceLock<#world> = ::std::sync::OnceLock::new();
            const _: () = {
                #test
                #[allow(dead_code, reason = "natively it is made when it is asked for")]
                fn #make(_: &mut #sdk::T) {
                    if AIRTIGHT_WORLD.get().is_none() {
                        // Called from here, so that no stack of it goes through the library; it may have asked for itself.
                        let _ = AIRTIGHT_WORLD.set(#name());
                    }
                }
                #exports
            };
            AIRTIGHT_WORLD.get_or_init(#name)
        }
    })
}

/// Expands `#[airtight::teardown(args)] fn name() { … }` to the function, and what airtight calls it by.
pub(crate) fn teardown(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let Parts { function, attributes, args, sdk } = match parse(&args, item, "teardown")? {
        SetupInput::Later(again) => return Ok(again),
        SetupInput::Now(parts) => *parts,
    };
    let (name, output) = (function.sig.ident.clone(), &function.sig.output);
    let call = format_ident!("{name}_called_by_airtight");
    let test = test_constant(&name, &args, &sdk);
    let exports = exports(&name, &call, Some(TEARDOWN), &args, &sdk);
    Ok(quote! {
        #(#attributes)*
        #[allow(dead_code, reason = "nothing but airtight calls it")]
        #function
        const _: () = {
            #test
            #[allow(dead_code, reason = "nothing but airtight calls it")]
            fn #call(_: &mut #sdk::T) #output {
                #name()
            }
            #exports
        };
    })
}

struct Parts {
    function: ItemFn,
    attributes: Vec<syn::Attribute>,
    args: Args,
    sdk: TokenStream,
}

enum SetupInput {
    Now(Box<Parts>),
    /// The compiler still has attributes to turn on or off.
    Later(TokenStream),
}

fn parse(given: &TokenStream, item: TokenStream, what: &str) -> Result<SetupInput> {
    let mut function: ItemFn = syn::parse2(item)?;
    let args: Args = syn::parse2(given.clone())?;
    let sdk = sdk::path(args.sdk.as_ref())?;
    let attributes = std::mem::take(&mut function.attrs);
    if attributes::are_conditional(&attributes) {
        let what = format_ident!("{what}");
        return Ok(SetupInput::Later(quote!(#(#attributes)* #[#sdk::#what(#given)] #function)));
    }
    check(&function.sig, what)?;
    let for_tests = [&args.should_panic, &args.ignore, &args.serial, &args.faults];
    if let Some(marker) = for_tests.into_iter().flatten().next() {
        return Err(Error::new(
            marker.span,
            format!("this is for tests: a {what} is to return, and is run once, where a test is"),
        ));
    }
    Ok(SetupInput::Now(Box::new(Parts { function, attributes, args, sdk })))
}

/// Checks that the function can be called. Types are left to the compiler.
fn check(signature: &Signature, what: &str) -> Result<()> {
    let form = if what == "setup" { "fn name() -> World" } else { "fn name()" };
    let refuse = |span, why: &str| Err(Error::new(span, format!("a {what} {why}: it is written `{form}`")));
    if let Some(token) = &signature.asyncness {
        return refuse(token.span, "cannot be `async`");
    }
    if let Some(token) = &signature.unsafety {
        return refuse(token.span, "cannot be `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        return refuse(abi.span(), "cannot be `extern`");
    }
    if !signature.generics.params.is_empty() {
        return refuse(signature.generics.span(), "cannot be generic");
    }
    match signature.inputs.first() {
        Some(first) => refuse(first.span(), "takes no argument"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn the_form_is_told() {
        check(&parse_quote!(fn name() -> Database), "setup").unwrap();
        check(&parse_quote!(fn name() -> Result<(), Error>), "teardown").unwrap();
        let message = |signature: Signature| check(&signature, "setup").unwrap_err().to_string();
        assert_eq!(
            message(parse_quote!(fn name(t: &mut T))),
            "a setup takes no argument: it is written `fn name() -> World`"
        );
        assert!(message(parse_quote!(async fn name())).contains("`async`"));
        assert!(message(parse_quote!(unsafe fn name())).contains("`unsafe`"));
        assert!(message(parse_quote!(extern "C" fn name())).contains("`extern`"));
        assert!(message(parse_quote!(fn name<A>() -> A)).contains("generic"));
    }
}
