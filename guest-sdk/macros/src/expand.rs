//! From the user's function to a test that three harnesses can run.

use crate::args::Args;
use crate::attributes::{self, Attributes};
use crate::{sdk, signature};
use airtight_abi::{SECTION, TEST_EXPORT_PREFIX, key};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{ItemFn, Result, Signature};

/// Expands `#[airtight::test(args)] item` to
/// ```text
/// #[test] fn name() {              // what libtest finds: same path, same name
///     fn name(t: &mut T) { … }     // the user's function
///     {
///         const AIRTIGHT_TEST: Test = …;
///         // on wasm32-wasip1: the export that airtight calls, and the record that lists it
///         libtest(&AIRTIGHT_TEST, name)
///     }
/// }
/// ```
/// The inner block keeps our names out of the user's function, which could see items beside it.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut function: ItemFn = syn::parse2(item)?;
    let given = args.clone();
    let mut args: Args = syn::parse2(args)?;
    let sdk = sdk::path(args.sdk.as_ref())?;
    if attributes::are_conditional(&function.attrs) {
        let attributes = std::mem::take(&mut function.attrs);
        return Ok(quote!(#(#attributes)* #[#sdk::test(#given)] #function));
    }
    let Attributes { outer, inner } = attributes::sort(std::mem::take(&mut function.attrs), &mut args)?;
    signature::check(&function.sig, args.should_panic.is_some())?;
    function.attrs = inner;
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);

    let name = function.sig.ident.clone();
    let libtest_attributes = libtest_attributes(&args);
    let test = test_constant(&name, &args, &sdk);
    let (called, blocking) = blocking(&function.sig, &sdk);
    let exports = exports(&name, &called, None, &args, &sdk);
    Ok(quote! {
        #(#outer)*
        #[::core::prelude::v1::test]
        #libtest_attributes
        #visibility fn #name() {
            #function
            {
                #test
                #blocking
                #exports
                #sdk::__private::libtest(&AIRTIGHT_TEST, #called)
            }
        }
    })
}

/// The function that is called, and for an `async` test that one itself, which runs it to its end.
fn blocking(signature: &Signature, sdk: &TokenStream) -> (Ident, TokenStream) {
    let (name, output) = (&signature.ident, &signature.output);
    if signature.asyncness.is_none() {
        return (name.clone(), TokenStream::new());
    }
    let blocking = format_ident!("{name}_blocked_on");
    let function = quote! {
        fn #blocking(t: &mut #sdk::T) #output {
            #sdk::__private::block_on(t, #name)
        }
    };
    (blocking, function)
}

/// What libtest needs to know by attributes of its own.
fn libtest_attributes(args: &Args) -> TokenStream {
    let should_panic = args.should_panic.as_ref().map(|marker| match &marker.text {
        Some(text) => quote!(#[should_panic(expected = #text)]),
        None => quote!(#[should_panic]),
    });
    let ignore = args.ignore.as_ref().map(|marker| match &marker.text {
        Some(text) => quote!(#[ignore = #text]),
        None => quote!(#[ignore]),
    });
    quote!(#should_panic #ignore)
}

pub(crate) fn test_constant(name: &Ident, args: &Args, sdk: &TokenStream) -> TokenStream {
    let full_name = full_name(name);
    // With the name's span these tell where the function is, not where the attribute is.
    let line = quote_spanned!(name.span()=> ::core::line!());
    let column = quote_spanned!(name.span()=> ::core::column!());
    let should_panic = match &args.should_panic {
        Some(marker) => {
            let text = marker.value();
            quote!(::core::option::Option::Some(#text))
        }
        None => quote!(::core::option::Option::None),
    };
    let serial = match &args.serial {
        Some(marker) => {
            let group = marker.value();
            quote!(::core::option::Option::Some(#group))
        }
        None => quote!(::core::option::Option::None),
    };
    quote! {
        const AIRTIGHT_TEST: #sdk::__private::Test = #sdk::__private::Test {
            name: ::core::concat!(#full_name),
            at: ::core::concat!(::core::file!(), ":", #line, ":", #column),
            should_panic: #should_panic,
            serial: #serial,
        };
    }
}

/// Arguments of `concat!` that make the test's full name.
fn full_name(name: &Ident) -> TokenStream {
    // As libtest spells it: a raw identifier stays raw.
    let name = name.to_string();
    quote!(::core::module_path!(), "::", #name)
}

/// The export that airtight calls, which calls `function`, and the record that lists it under the name `name`.
pub(crate) fn exports(
    name: &Ident,
    function: &Ident,
    role: Option<&str>,
    args: &Args,
    sdk: &TokenStream,
) -> TokenStream {
    let full_name = full_name(name);
    let body = body(name, role, args);
    // Whatever the test is called, this is called something else.
    let run = format_ident!("{name}_under_airtight");
    quote! {
        #[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
        const _: () = {
            #[unsafe(export_name = ::core::concat!(#TEST_EXPORT_PREFIX, #full_name))]
            extern "C" fn #run() -> ::core::primitive::u32 {
                #sdk::__private::direct(&AIRTIGHT_TEST, #function)
            }

            const AIRTIGHT_BODY: &::core::primitive::str = #body;
            #[used]
            #[unsafe(link_section = #SECTION)]
            static AIRTIGHT_RECORD: [::core::primitive::u8; #sdk::__private::record_len(AIRTIGHT_BODY)] = #sdk::__private::record(AIRTIGHT_BODY);
        };
    }
}

/// The body of the test's record, as an expression that the compiler puts together.
fn body(name: &Ident, role: Option<&str>, args: &Args) -> TokenStream {
    let mut pairs = Vec::new();
    let mut add = |key: &str, value: &dyn ToTokens| {
        let key = Literal::string(key);
        pairs.push(quote!(#key, "\0", #value, "\0"));
    };
    let full_name = full_name(name);
    add(key::NAME, &full_name);
    add(key::EXPORT, &quote!(#TEST_EXPORT_PREFIX, #full_name));
    add(key::FILE, &quote!(::core::file!()));
    add(key::LINE, &quote_spanned!(name.span()=> ::core::line!()));
    if let Some(role) = role {
        add(key::ROLE, &role);
    }
    for (limit, value) in args.limits.iter() {
        add(limit.row().key, &Literal::u64_unsuffixed(value));
    }
    let markers = [
        (key::SHOULD_PANIC, &args.should_panic),
        (key::IGNORE, &args.ignore),
        (key::SERIAL, &args.serial),
        (key::FAULTS, &args.faults),
    ];
    for (key, marker) in markers {
        if let Some(marker) = marker {
            add(key, &marker.value());
        }
    }
    for grant in &args.grants {
        add(key::GRANT, grant);
    }
    quote!(::core::concat!(#(#pairs),*))
}
