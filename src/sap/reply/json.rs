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
    let read = |body: &[u8]| serde_json::from_slice::<Unique>(body).map(|Unique(value)| value);
    read(body).or_else(|error| match without_lone_surrogates(body) {
        Some(mended) => read(&mended),
        None => Err(error),
    })
}

/// The same text with U+FFFD for each escape of half a character; `None` where there is none.
///
/// ABAP and JavaScript cut texts in the middle of a pair of UTF-16. Such a text is broken, the record it
/// stands in is not: it is read, and compares with nothing.
fn without_lone_surrogates(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(length) = escape_at(body, at) {
        let next = match unit_at(body, at) {
            Some(0xD800..=0xDBFF) if matches!(unit_at(body, at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                let digits = mended.get_or_insert_with(|| body.to_vec()).get_mut(at + 2..at + 6);
                if let Some(digits) = digits {
                    digits.copy_from_slice(b"FFFD");
                }
                6
            }
            _ => length,
        };
        at += next;
    }
    mended
}

/// How many bytes the escape, or the plain byte, at a place has; `None` behind the end.
fn escape_at(body: &[u8], at: usize) -> Option<usize> {
    Some(if *body.get(at)? == b'\\' { 2 } else { 1 })
}

/// The unit of UTF-16 that is escaped at a place: `\uD83D`.
fn unit_at(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u16::from_str_radix(str::from_utf8(digits).ok().filter(|_| is_hex)?, 16).ok()
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
    fn half_a_character_spoils_its_text_and_nothing_else() {
        let mark = "\u{fffd}";
        for (text, value) in [
            (r#""\ud83d""#, mark.to_owned()),
            (r#""\uDE00""#, mark.to_owned()),
            (r#""M\u00fcller \uD83D""#, format!("Müller {mark}")),
            (r#""\uD83D\uDE00""#, "😀".to_owned()),
            (r#""\uD83D\uD83D\uDE00""#, format!("{mark}😀")),
            (r#""\uDE00\uD83D""#, format!("{mark}{mark}")),
            (r#""\uD83Dx""#, format!("{mark}x")),
            (r#""\uD83D\n""#, format!("{mark}\n")),
            (r#""\\uD83D\uD83D""#, format!(r"\uD83D{mark}")),
            (r#""\\\uD83D""#, format!("\\{mark}")),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), Value::from(value), "{text}");
        }
        let record = read(br#"{"Note":"\uD83D","CountryCode":"DE"}"#).unwrap();
        assert_eq!(record["CountryCode"], "DE");
        // Two members whose names are the same then are two readings.
        assert!(read(br#"{"\uD83D":1,"\uD83E":2}"#).is_err());
        for text in [r#""\uD83""#, r#""\uD83G""#, r#""\uD83D"#, r#"{"a":"\uD83D""#, r#""\x""#] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
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
        fn a_text_with_halves_is_the_text_without_them(
            parts in prop::collection::vec(
                prop_oneof!["[a-z ]{0,3}", Just("\\\\".to_owned()), Just("\\ud83d\\ude00".to_owned()),
                    Just("\\ud83d".to_owned()), Just("\\ude00".to_owned()), Just("\\n".to_owned())],
                0..8,
            ),
        ) {
            let text = format!("\"{}.\"", parts.concat());
            let read = read(text.as_bytes()).unwrap();
            // JavaScript's reading: units of UTF-16, of which lone halves are replaced.
            let mut units = Vec::new();
            let mut rest = parts.concat();
            rest.push('.');
            let mut rest = rest.as_str();
            while let Some(first) = rest.chars().next() {
                if let Some(escape) = rest.strip_prefix("\\u") {
                    units.push(u16::from_str_radix(&escape[..4], 16).unwrap());
                    rest = &escape[4..];
                } else if let Some(behind) = rest.strip_prefix('\\') {
                    units.push(if behind.starts_with('n') { 10 } else { 92 });
                    rest = &behind[1..];
                } else {
                    units.push(u16::try_from(u32::from(first)).unwrap());
                    rest = &rest[1..];
                }
            }
            prop_assert_eq!(read, Value::from(String::from_utf16_lossy(&units)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let ours = read(text.as_bytes());
            let theirs = serde_json::from_str::<Value>(&text);
            prop_assert!(ours.is_err() || theirs.is_ok());
        }
    }
}
