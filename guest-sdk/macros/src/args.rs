//! What stands in the parentheses of `#[airtight::test(…)]`.

use crate::nearest::nearest;
use airtight_abi::limits::{Limit, LimitValues, Source, ValueError};
use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, LitStr, Path, Result, Token, parenthesized, token};

/// The arguments that are not limits.
const OTHERS: [&str; 7] = ["grant", "grants", "should_panic", "ignore", "serial", "faults", "crate"];

/// Everything that a test's attributes ask for, checked.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) limits: LimitValues,
    pub(crate) grants: Vec<LitStr>,
    /// The text that the panic's message must hold, or nothing.
    pub(crate) should_panic: Option<Marker>,
    /// The reason, or nothing.
    pub(crate) ignore: Option<Marker>,
    /// The group of tests of which no two are to run at once, or nothing.
    pub(crate) serial: Option<Marker>,
    /// Whether its calls are made to fail, one after the other, whenever it is run.
    pub(crate) faults: Option<Marker>,
    /// Where the SDK is, if not among the crate's own dependencies.
    pub(crate) sdk: Option<Path>,
}

/// Something asked for with or without a text.
pub(crate) struct Marker {
    pub(crate) span: Span,
    pub(crate) text: Option<LitStr>,
}

impl Marker {
    pub(crate) fn value(&self) -> String {
        self.text.as_ref().map(LitStr::value).unwrap_or_default()
    }

    fn parse(key: &Ident, input: ParseStream) -> Result<Self> {
        let text = if input.peek(token::Paren) {
            let content;
            parenthesized!(content in input);
            if content.peek(LitStr) {
                content.parse()?
            } else {
                let inner = content.call(Ident::parse_any)?;
                if inner != "expected" {
                    return Err(Error::new(inner.span(), "write `should_panic(expected = \"text\")`"));
                }
                content.parse::<Token![=]>()?;
                content.parse()?
            }
        } else if input.parse::<Option<Token![=]>>()?.is_some() {
            input.parse()?
        } else {
            return Ok(Self { span: key.span(), text: None });
        };
        Ok(Self { span: key.span(), text: Some(Self::checked(text)?) })
    }

    /// A text that the metadata can hold: its parts are separated by NULs.
    pub(crate) fn checked(text: LitStr) -> Result<LitStr> {
        if text.value().contains('\0') {
            return Err(Error::new(text.span(), "this text cannot hold a NUL character"));
        }
        Ok(text)
    }
}

impl Parse for Args {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut args = Self::default();
        while !input.is_empty() {
            args.parse_one(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

impl Args {
    fn parse_one(&mut self, input: ParseStream) -> Result<()> {
        let key = input.call(Ident::parse_any)?;
        match key.to_string().as_str() {
            "grant" => self.add_grant(value(&key, "\"name\"", input)?),
            "grants" => self.add_grants(&key, input),
            "should_panic" => set(&mut self.should_panic, &key, Marker::parse(&key, input)?),
            "ignore" => set(&mut self.ignore, &key, Marker::parse(&key, input)?),
            "serial" => set(&mut self.serial, &key, Marker::parse(&key, input)?),
            "faults" => set(&mut self.faults, &key, Marker { span: key.span(), text: None }),
            "crate" => set(&mut self.sdk, &key, value(&key, "path::of::airtight", input)?),
            other => match Limit::ALL.into_iter().find(|limit| limit.attribute() == other) {
                Some(limit) => self.set_limit(limit, &key, input),
                None => Err(Error::new(key.span(), unknown_key(other))),
            },
        }
    }

    fn set_limit(&mut self, limit: Limit, key: &Ident, input: ParseStream) -> Result<()> {
        if !limit.can_be_set_by(Source::Attribute) {
            return Err(Error::new(key.span(), format!("`{key}` is not for one test: {}", limit.row().elsewhere)));
        }
        let mut slot = self.limits.get(limit);
        set(&mut slot, key, limit_value(limit, key, input)?)?;
        self.limits.set(limit, slot);
        Ok(())
    }

    fn add_grants(&mut self, key: &Ident, input: ParseStream) -> Result<()> {
        if !input.peek(token::Paren) {
            return Err(Error::new(key.span(), "write `grants(\"name\", …)`"));
        }
        let content;
        parenthesized!(content in input);
        Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?
            .into_iter()
            .try_for_each(|name| self.add_grant(name))
    }

    fn add_grant(&mut self, name: LitStr) -> Result<()> {
        let value = name.value();
        let error = |message| Err(Error::new(name.span(), message));
        if value.is_empty() || value.contains(|c: char| c.is_control()) {
            return error("a grant has the name that the profile gives it: not empty, no control characters");
        }
        if self.grants.iter().any(|other| other.value() == value) {
            return error("this grant is asked for already");
        }
        self.grants.push(name);
        Ok(())
    }

    /// Adds what `#[should_panic]` beside the attribute says.
    pub(crate) fn add_should_panic(&mut self, marker: Marker) -> Result<()> {
        only_one(&mut self.should_panic, "should_panic", marker)
    }

    /// Adds what `#[ignore]` beside the attribute says.
    pub(crate) fn add_ignore(&mut self, marker: Marker) -> Result<()> {
        only_one(&mut self.ignore, "ignore", marker)
    }
}

fn unknown_key(key: &str) -> String {
    let limits = Limit::ALL.into_iter().filter(|limit| limit.can_be_set_by(Source::Attribute)).map(Limit::attribute);
    let known: Vec<_> = limits.chain(OTHERS.map(str::to_owned)).collect();
    match nearest(key, &known) {
        Some(known) => format!("unknown key `{key}`: did you mean `{known}`?"),
        None => format!("unknown key `{key}`: a test takes `{}`", known.join("`, `")),
    }
}

fn set<T>(slot: &mut Option<T>, key: &Ident, value: T) -> Result<()> {
    match slot.replace(value) {
        Some(_) => Err(Error::new(key.span(), format!("`{key}` is given twice"))),
        None => Ok(()),
    }
}

fn only_one(slot: &mut Option<Marker>, key: &str, marker: Marker) -> Result<()> {
    let span = marker.span;
    match slot.replace(marker) {
        Some(_) => Err(Error::new(span, format!("`{key}` is given twice"))),
        None => Ok(()),
    }
}

/// Parses `= value`.
fn value<T: Parse>(key: &Ident, form: &str, input: ParseStream) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(key.span(), format!("write `{key} = {form}`")));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// Parses `= "4MiB"` or `= 65536`.
fn limit_value(limit: Limit, key: &Ident, input: ParseStream) -> Result<u64> {
    let literal = value::<Lit>(key, "\"…\"", input)?;
    let text = match &literal {
        Lit::Str(text) => text.value(),
        Lit::Int(number) => format!("{}{}", number.base10_digits(), number.suffix()),
        other => other.span().source_text().unwrap_or_default(),
    };
    limit.parse(&text).map_err(|error| {
        let message = match error {
            ValueError::TooLittle { .. } => format!("`{key}` is more than 0: no test can run with less"),
            other => other.to_string(),
        };
        Error::new(literal.span(), message)
    })
}

#[cfg(test)]
mod tests;
