//! SAP's JSON, with one reading only: a member that is there twice has two, and which one counts
//! depends on the reader. What looks harmless here may have been another partner's record to SAP.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads a text in which no object has a member twice.
///
/// # Errors
///
/// What is no JSON, or has two readings, with its place.
pub(in crate::sap) fn read(body: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Unique>(body).map(|Unique(value)| value)
}

/// Whether a list somewhere in the answer goes on elsewhere: OData v2 `__next`, v4 `@odata.nextLink`
/// (of an expanded list: behind its name).
pub(in crate::sap) fn goes_on(value: &Value) -> bool {
    let is_link = |name: &str| name == "__next" || name.ends_with("@odata.nextLink");
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, member)| is_link(name) && !member.is_null() || goes_on(member)),
        Value::Array(elements) => elements.iter().any(goes_on),
        _ => false,
    }
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading).map(Self)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    /// ABAP's CHAR fields are filled with blanks up to their length, and some interfaces send them so:
    /// blanks at the end are no part of a value.
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.trim_end_matches(' ').to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(Unique(element)) = list.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let Unique(member) = object.next_value()?;
            // The name is not repeated: it may be anything.
            if members.insert(name, member).is_some() {
                return Err(A::Error::custom("a member that is there twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_member_that_is_there_twice_has_no_reading_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"b":2,"a":null}"#,
            r#"{"d":{"results":[{"x":1,"x":2}]}}"#,
            r#"[{"a":1},{"a":1,"a":2}]"#,
            r#"{"a":{"b":1},"a":{"b":1}}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"":1,"":2}"#,
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.line() == 1 && error.column() > 0, "{text}: {error}");
        }
        for text in [r#"{"a":1,"A":2}"#, r#"[{"a":1},{"a":1}]"#, r#"{"a":{"a":{"a":1}}}"#] {
            assert!(read(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_list_that_goes_on_is_seen_wherever_it_stands() {
        for (text, expected) in [
            (r#"{"d":{"results":[],"__next":"https://sap/x?$skiptoken=1"}}"#, true),
            (r#"{"d":{"results":[{"Areas":{"results":[],"__next":"x"}}]}}"#, true),
            (r#"{"value":[],"@odata.nextLink":"x"}"#, true),
            (r#"{"value":[{"Areas":[],"Areas@odata.nextLink":"x"}]}"#, true),
            (r#"{"d":{"results":[],"__next":null}}"#, false),
            (r#"{"d":{"results":[{"__deferred":{"uri":"x"}}],"__count":"1"}}"#, false),
            (r#"{"d":{"results":[{"Name":"__next"}]}}"#, false),
        ] {
            assert_eq!(goes_on(&read(text.as_bytes()).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn blanks_at_the_end_are_no_part_of_a_value_and_others_are() {
        for (text, value) in [
            (r#""DE ""#, "DE"),
            (r#""1001     ""#, "1001"),
            (r#"" ""#, ""),
            (r#""""#, ""),
            (r#""Direct sales   ""#, "Direct sales"),
            (r#""Direct sales""#, "Direct sales"),
            (r#"" DE""#, " DE"),
            (r#""a  b ""#, "a  b"),
            (r#""DE\u0020""#, "DE"),
            (r#""DE\u00a0""#, "DE\u{a0}"),
            (r#""DE\t""#, "DE\t"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), Value::from(value), "{text}");
        }
        let names = read(br#"{"a ":1,"a":2}"#).unwrap();
        assert_eq!(names, serde_json::json!({"a ": 1, "a": 2}));
    }

    proptest! {
        #[test]
        fn what_serde_json_reads_is_read_the_same_where_it_has_one_reading(
            names in prop::collection::hash_set("[a-z]{1,3}", 0..6),
            text in "\\PC{0,12}\\P{Z}",
            number in any::<i64>(),
            fraction in -1e9_f64..1e9,
        ) {
            let members: Map<_, _> = names
                .into_iter()
                .map(|name| (name, serde_json::json!([text, number, fraction, null, true, {"x": 1}])))
                .collect();
            let value = Value::Object(members);

            let text = value.to_string();
            let theirs: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read(text.as_bytes()).unwrap(), theirs);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let ours = read(text.as_bytes());
            let theirs = serde_json::from_str::<Value>(&text);
            prop_assert!(ours.is_err() || theirs.is_ok());
        }
    }
}
