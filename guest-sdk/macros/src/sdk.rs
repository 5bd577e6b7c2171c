//! Where the user's crate has the SDK.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Error, Path, Result};

const PACKAGE: &str = "airtight-sdk";

/// The SDK's path: as the user gave it, or under the name that Cargo.toml gives to the package.
pub(crate) fn path(given: Option<&Path>) -> Result<TokenStream> {
    if let Some(path) = given {
        return Ok(quote!(#path));
    }
    let name = match crate_name(PACKAGE) {
        // The SDK's own tests and documentation: the library knows itself by this name too.
        Ok(FoundCrate::Itself) => PACKAGE.replace('-', "_"),
        Ok(FoundCrate::Name(name)) => name,
        Err(error) => return Err(Error::new(Span::call_site(), not_found(&error))),
    };
    let name = Ident::new(&name, Span::call_site());
    Ok(quote!(::#name))
}

fn not_found(error: &proc_macro_crate::Error) -> String {
    format!(
        "cannot tell what the crate `{PACKAGE}` is called here ({error}): add it to [dev-dependencies], or say where it \
         is with `crate = path::of::airtight`"
    )
}
