//! Exact figures in JSON. RFC 8785 writes every number as an IEEE 754 double, and that silently rounds integers above 2^53 - 1:
//! `u64::MAX` would read 18446744073709552000. So such an integer is written as a string of decimal digits, as the RFC's
//! appendix D advises. Both forms are read.

use serde::{Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use std::fmt;

/// The largest integer that every reader of JSON takes exactly: 2^53 - 1.
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// Writes a number, or a string where a number would be rounded.
pub(super) fn serialize<S: Serializer>(figure: &u64, to: S) -> Result<S::Ok, S::Error> {
    if *figure <= LARGEST_NUMBER { to.serialize_u64(*figure) } else { to.collect_str(figure) }
}

/// Reads either form.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    from.deserialize_any(FigureVisitor)
}

/// Whether a figure is 0: for fields that are not written in that case.
pub(super) fn is_zero(figure: &u64) -> bool {
    *figure == 0
}

/// Writes any JSON with its integers exact and its keys in order.
pub(super) fn policy<S: Serializer>(policy: &Value, to: S) -> Result<S::Ok, S::Error> {
    exact(policy).serialize(to)
}

/// Reads and writes a figure that may be absent.
pub(super) mod optional {
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(figure: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match figure {
            Some(figure) => super::serialize(figure, to),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        super::deserialize(from).map(Some)
    }
}

/// Reads and writes a difference, which may be negative.
pub(super) mod signed {
    use super::{DifferenceVisitor, LARGEST_NUMBER};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(difference: &i64, to: S) -> Result<S::Ok, S::Error> {
        if difference.unsigned_abs() <= LARGEST_NUMBER {
            to.serialize_i64(*difference)
        } else {
            to.collect_str(difference)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        from.deserialize_any(DifferenceVisitor)
    }
}

fn exact(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let rounded = match (number.as_u64(), number.as_i64()) {
                (Some(n), _) => n > LARGEST_NUMBER,
                (None, Some(n)) => n.unsigned_abs() > LARGEST_NUMBER,
                (None, None) => false,
            };
            if rounded { Value::String(number.to_string()) } else { value.clone() }
        }
        Value::Array(items) => items.iter().map(exact).collect(),
        // serde_json's `preserve_order`, which any crate of the build may switch on, must not change our bytes.
        Value::Object(entries) => {
            let mut sorted: Vec<_> = entries.iter().map(|(key, value)| (key.clone(), exact(value))).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(sorted.into_iter().collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

struct FigureVisitor;

impl de::Visitor<'_> for FigureVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from 0 to 2^64 - 1, as a number or as a string of decimal digits")
    }

    fn visit_u64<E: de::Error>(self, figure: u64) -> Result<u64, E> {
        Ok(figure)
    }

    fn visit_str<E: de::Error>(self, digits: &str) -> Result<u64, E> {
        digits.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(digits), &self))
    }
}

struct DifferenceVisitor;

impl de::Visitor<'_> for DifferenceVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from -2^63 to 2^63 - 1, as a number or as a string of decimal digits")
    }

    fn visit_i64<E: de::Error>(self, difference: i64) -> Result<i64, E> {
        Ok(difference)
    }

    fn visit_u64<E: de::Error>(self, difference: u64) -> Result<i64, E> {
        i64::try_from(difference).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(difference), &self))
    }

    fn visit_str<E: de::Error>(self, digits: &str) -> Result<i64, E> {
        digits.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(digits), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limit, LimitRecord};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn limit(value: u64) -> LimitRecord {
        LimitRecord::new(Limit::Fuel, value, Some(value))
    }

    #[test]
    fn the_canonicaliser_alone_would_round() {
        assert_eq!(serde_json_canonicalizer::to_string(&u64::MAX).unwrap(), "18446744073709552000");
        assert_eq!(serde_json_canonicalizer::to_string(&(LARGEST_NUMBER + 2)).unwrap(), "9007199254740992");
    }

    #[test]
    fn a_figure_is_a_number_while_that_is_exact_and_then_a_string() {
        let json = |value| serde_json_canonicalizer::to_string(&limit(value)).unwrap();
        assert_eq!(json(LARGEST_NUMBER), r#"{"name":"fuel","seen":9007199254740991,"value":9007199254740991}"#);
        assert_eq!(json(LARGEST_NUMBER + 1), r#"{"name":"fuel","seen":"9007199254740992","value":"9007199254740992"}"#);
    }

    #[test]
    fn a_policy_keeps_its_integers_and_sorts_its_keys() {
        let policy = json!({ "z": u64::MAX, "a": [i64::MIN, -1, 0.5, LARGEST_NUMBER], "m": { "b": null, "a": true } });
        assert_eq!(
            exact(&policy).to_string(),
            r#"{"a":["-9223372036854775808",-1,0.5,9007199254740991],"m":{"a":true,"b":null},"z":"18446744073709551615"}"#
        );
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        for wrong in [r#"-1"#, r#"1.5"#, r#""""#, r#""-1""#, r#""18446744073709551616""#, "true"] {
            let json = format!(r#"{{"name":"fuel","value":{wrong}}}"#);
            let error = serde_json::from_str::<LimitRecord>(&json).unwrap_err();
            assert!(error.to_string().contains("an integer from 0 to 2^64 - 1"), "{wrong}: {error}");
        }
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Changed(#[serde(with = "super::signed")] i64);

    #[test]
    fn a_difference_is_written_by_the_same_rule() {
        let json = |by| serde_json_canonicalizer::to_string(&Changed(by)).unwrap();
        assert_eq!([json(-1), json(1 - (1 << 53))], ["-1", "-9007199254740991"]);
        assert_eq!([json(-(1 << 53)), json(1 << 53)], [r#""-9007199254740992""#, r#""9007199254740992""#]);
        for wrong in ["1.5", "9223372036854775808", r#""9223372036854775808""#, r#""x""#] {
            let error = serde_json::from_str::<Changed>(wrong).unwrap_err();
            assert!(error.to_string().contains("an integer from -2^63 to 2^63 - 1"), "{wrong}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_difference_comes_back(by in prop_oneof![any::<i64>(), -10..10_i64]) {
            let json = serde_json_canonicalizer::to_vec(&Changed(by)).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Changed>(&json).unwrap(), Changed(by));
        }

        #[test]
        fn every_figure_comes_back(value in prop_oneof![any::<u64>(), LARGEST_NUMBER - 3..LARGEST_NUMBER + 3]) {
            let json = serde_json_canonicalizer::to_vec(&limit(value)).unwrap();
            prop_assert_eq!(serde_json::from_slice::<LimitRecord>(&json).unwrap(), limit(value));
        }
    }
}
