//! What a test's function must look like.

use syn::spanned::Spanned;
use syn::{Error, FnArg, Result, ReturnType, Signature, Type};

const FORM: &str = "a test is written `fn name(t: &mut airtight::T)`";

/// Checks that the function can be called as a test. Types are left to the compiler.
pub(crate) fn check(signature: &Signature, should_panic: bool) -> Result<()> {
    let refuse = |span, why: &str| Err(Error::new(span, format!("{why}: {FORM}")));
    if let Some(token) = &signature.unsafety {
        return refuse(token.span, "a test cannot be `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        return refuse(abi.span(), "a test cannot be `extern`");
    }
    if !signature.generics.params.is_empty() {
        return refuse(signature.generics.span(), "a test cannot be generic");
    }
    if let (true, ReturnType::Type(_, output)) = (should_panic, &signature.output) {
        return refuse(output.span(), "a test that should panic returns nothing");
    }
    let mut inputs = signature.inputs.iter();
    let (Some(first), None) = (inputs.next(), inputs.next()) else {
        return refuse(signature.span(), "a test takes exactly one argument");
    };
    match first {
        FnArg::Typed(typed) if is_mut_reference(&typed.ty) => Ok(()),
        other => refuse(other.span(), "a test's argument is a mutable reference"),
    }
}

fn is_mut_reference(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => reference.mutability.is_some(),
        // A type that came through a `macro_rules` fragment.
        Type::Group(group) => is_mut_reference(&group.elem),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn message(signature: &Signature) -> String {
        check(signature, false).unwrap_err().to_string()
    }

    #[test]
    fn tests_are_recognised() {
        check(&parse_quote!(fn name(t: &mut airtight::T)), true).unwrap();
        check(&parse_quote!(async fn name(t: &mut airtight::T)), true).unwrap();
        check(&parse_quote!(fn name(_: &mut T) -> Result<(), Box<dyn Error>>), false).unwrap();
    }

    #[test]
    fn others_are_told_the_form() {
        assert!(message(&parse_quote!(fn name())).starts_with("a test takes exactly one argument: a test is written"));
        assert!(message(&parse_quote!(fn name(t: &mut T, n: u32))).contains("exactly one"));
        assert!(message(&parse_quote!(fn name(t: &T))).contains("a mutable reference"));
        assert!(message(&parse_quote!(fn name(&mut self))).contains("a mutable reference"));
        assert!(message(&parse_quote!(unsafe fn name(t: &mut T))).contains("`unsafe`"));
        assert!(message(&parse_quote!(extern "C" fn name(t: &mut T))).contains("`extern`"));
        assert!(message(&parse_quote!(fn name<A>(t: &mut T))).contains("generic"));
        let result: Signature = parse_quote!(fn name(t: &mut T) -> Result<(), ()>);
        assert!(check(&result, true).unwrap_err().to_string().contains("returns nothing"));
    }
}
