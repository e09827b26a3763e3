//! One reading for each text, and which it is.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

/// What is read, in `serde_json`'s own form.
fn read_value(text: &str) -> Result<Value, serde_json::Error> {
    read(text.as_bytes()).map(|json| Value::from(&json.root))
}

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
        assert_eq!(read_value(text).unwrap(), Value::from(value), "{text}");
    }
    let record = read(br#"{"Note":"\uD83D","CountryCode":"DE"}"#).unwrap();
    assert_eq!(record.root.get("CountryCode").and_then(Node::as_text), Some("DE"));
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
        assert_eq!(read(text.as_bytes()).unwrap().goes_on, expected, "{text}");
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
        assert_eq!(read_value(text).unwrap(), Value::from(value), "{text}");
    }
    let names = read_value(r#"{"a ":1,"a":2}"#).unwrap();
    assert_eq!(names, serde_json::json!({"a ": 1, "a": 2}));
}

#[test]
fn a_member_that_is_there_twice_is_found_among_any_number() {
    for members in [2, 40, 63, 64, 65, 66, 5000] {
        let names: Vec<_> = (0..members).map(|number| format!("Member{number}")).collect();
        let object = |names: &[String]| {
            let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(read(object(&names).as_bytes()).is_ok(), "{members}");
        for (twice, at) in [(0, members - 1), ((members - 1) / 2, members - 1), (0, 1)] {
            let mut names = names.clone();
            names[at] = names[twice].clone();
            assert!(read(object(&names).as_bytes()).is_err(), "{members} {twice} {at}");
        }
    }
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
        prop_assert_eq!(read_value(&text).unwrap(), theirs);
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
        let read = read_value(&text).unwrap();
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
