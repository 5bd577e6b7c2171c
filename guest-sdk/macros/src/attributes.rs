//! The attributes that stand beside `#[airtight::test]`.

use crate::args::{Args, Marker};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitStr, Meta, MetaNameValue, Result};

/// The attributes of a test, by the function that they belong on.
#[derive(Default)]
pub(crate) struct Attributes {
    /// On the `#[test]` function that libtest sees, which encloses everything.
    pub(crate) outer: Vec<Attribute>,
    /// On the user's own function.
    pub(crate) inner: Vec<Attribute>,
}

/// Whether the compiler still has attributes to turn on or off: it does so for those that come first.
pub(crate) fn are_conditional(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg_attr"))
}

/// Sorts the attributes, and takes `#[should_panic]` and `#[ignore]` over into `args`.
pub(crate) fn sort(attributes: Vec<Attribute>, args: &mut Args) -> Result<Attributes> {
    let mut sorted = Attributes::default();
    for attribute in attributes {
        if attribute.path().segments.last().is_some_and(|last| last.ident == "test") {
            return Err(Error::new(attribute.span(), "`#[airtight::test]` makes it a test already: remove this one"));
        }
        let name = attribute.path().get_ident().map(ToString::to_string);
        match name.as_deref().unwrap_or_default() {
            "should_panic" => args.add_should_panic(should_panic(&attribute)?)?,
            "ignore" => args.add_ignore(marker(&attribute)?)?,
            "cfg" | "doc" | "allow" | "warn" | "deny" | "forbid" | "expect" => sorted.outer.push(attribute),
            _ => sorted.inner.push(attribute),
        }
    }
    Ok(sorted)
}

fn should_panic(attribute: &Attribute) -> Result<Marker> {
    let Meta::List(list) = &attribute.meta else {
        return marker(attribute);
    };
    let inner: MetaNameValue = list.parse_args()?;
    if !inner.path.is_ident("expected") {
        return Err(Error::new(inner.span(), "write `#[should_panic(expected = \"text\")]`"));
    }
    Ok(Marker { span: attribute.span(), text: Some(text(&inner.value)?) })
}

/// `#[name]` or `#[name = "text"]`.
fn marker(attribute: &Attribute) -> Result<Marker> {
    let span = attribute.span();
    match &attribute.meta {
        Meta::Path(_) => Ok(Marker { span, text: None }),
        Meta::NameValue(pair) => Ok(Marker { span, text: Some(text(&pair.value)?) }),
        Meta::List(list) => Err(Error::new(list.span(), "write `#[ignore = \"reason\"]`")),
    }
}

fn text(value: &Expr) -> Result<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Marker::checked(text.clone()),
        other => Err(Error::new(other.span(), "this must be a string literal")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn attributes_go_where_they_belong() {
        let mut args = Args::default();
        let attributes = vec![
            parse_quote!(#[doc = "words"]),
            parse_quote!(#[inline(never)]),
            parse_quote!(#[should_panic(expected = "boom")]),
            parse_quote!(#[ignore = "slow"]),
            parse_quote!(#[cfg(unix)]),
        ];
        let sorted = sort(attributes, &mut args).unwrap();
        assert_eq!((sorted.outer.len(), sorted.inner.len()), (2, 1));
        assert_eq!(args.should_panic.unwrap().value(), "boom");
        assert_eq!(args.ignore.unwrap().value(), "slow");
    }

    #[test]
    fn contradictions_are_refused() {
        let message = |attributes: Vec<Attribute>| {
            let Err(error) = sort(attributes, &mut Args::default()) else { panic!("it is accepted") };
            error.to_string()
        };
        assert!(message(vec![parse_quote!(#[test])]).contains("a test already"));
        assert!(message(vec![parse_quote!(#[tokio::test])]).contains("a test already"));
        assert_eq!(message(vec![parse_quote!(#[ignore]), parse_quote!(#[ignore])]), "`ignore` is given twice");
        assert!(message(vec![parse_quote!(#[ignore("why")])]).contains("write `#[ignore = "));
        assert!(message(vec![parse_quote!(#[should_panic(text = "x")])]).contains("expected"));
        assert!(message(vec![parse_quote!(#[ignore = 5])]).contains("string literal"));
    }
}
