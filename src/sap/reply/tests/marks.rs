//! Marks of a record in each form that SAP's interfaces write them in.

use super::*;

/// A reader of records whose mark `b` is set by these values.
fn reader(values: &str) -> Reader {
    let custom = format!(
        "
steps:
  - name: one
    request: /x?i={{id}}
    rows: $
    channel: c
    country: l
    blocked: {{ path: b, values: {values} }}
"
    );
    let sap = Sap {
        preset: "custom".to_owned(),
        custom: Some(serde_saphyr::from_str::<config::Dialect>(&custom).unwrap()),
        ..sap("http://localhost")
    };
    dialect::compile(&sap).unwrap().steps.remove(0).reader
}

/// `None`: the record cannot be read.
fn blocked(reader: &Reader, value: &str) -> Option<bool> {
    let body = format!(r#"{{"c":"x","l":"DE","b":{value}}}"#);
    match read(reader, "1", body.as_bytes()) {
        Ok(Read::Known(Lookup::Found(partner))) => Some(partner.blocked),
        Err(ReplyProblem::Value { what: "truth value", .. }) => None,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn a_mark_reads_numbers_and_truth_values_as_text() {
    let reader = reader("['true', '3']");
    for (value, expected) in [
        ("true", true),
        ("false", false),
        ("3", true),
        ("\"3\"", true),
        ("\"2\"", false),
        ("null", false),
        ("[3]", false),
        ("\"X\"", true),
    ] {
        assert_eq!(blocked(&reader, value), Some(expected), "{value}");
    }
}

#[test]
fn a_truth_value_is_read_in_each_form_and_what_is_none_never_passes_for_not_blocked() {
    let reader = reader("['true']");
    for (value, expected) in [
        // JSON.
        ("true", Some(true)),
        ("false", Some(false)),
        // OData v2 without the right content type, and hand-written services.
        ("\"true\"", Some(true)),
        ("\"TRUE\"", Some(true)),
        ("\"True\"", Some(true)),
        ("\"false\"", Some(false)),
        ("\"False\"", Some(false)),
        // ABAP's CHAR fields, blank-filled or not.
        ("\"X\"", Some(true)),
        ("\"x\"", Some(true)),
        ("\"X   \"", Some(true)),
        ("\"\"", Some(false)),
        ("\" \"", Some(false)),
        ("\"    \"", Some(false)),
        // Numbers, as XML schema has them, too.
        ("1", Some(true)),
        ("0", Some(false)),
        ("\"1\"", Some(true)),
        ("\"0\"", Some(false)),
        ("null", Some(false)),
        // Nobody knows what these mean.
        ("\"-\"", None),
        ("\"N\"", None),
        ("\"yes\"", None),
        ("2", None),
        ("-1", None),
        ("1.0", None),
        ("[]", None),
        ("[true]", None),
        ("{}", None),
    ] {
        assert_eq!(blocked(&reader, value), expected, "{value}");
    }
}

#[test]
fn a_mark_of_codes_knows_only_its_codes() {
    let reader = reader("['X', '9']");
    for (value, expected) in
        [("\"X\"", true), ("9", true), ("true", false), ("\"\"", false), ("\"-\"", false)]
    {
        assert_eq!(blocked(&reader, value), Some(expected), "{value}");
    }
}

/// A reader of records with two marks, of which rules need those.
fn with_needs(blocked: bool, contact_refused: bool) -> Reader {
    let custom = "
steps:
  - name: one
    request: /x?i={id}
    rows: $
    channel: c
    country: l
    blocked: [{ path: b, values: ['true'] }, { path: s, values: ['3'] }]
    contact_refused: { path: p, values: ['2'] }
";
    let sap = Sap {
        preset: "custom".to_owned(),
        custom: Some(serde_saphyr::from_str::<config::Dialect>(custom).unwrap()),
        used_marks: config::UsedMarks { blocked, contact_refused },
        ..sap("http://localhost")
    };
    dialect::compile(&sap).unwrap().steps.remove(0).reader
}

#[test]
fn only_a_mark_that_a_rule_needs_must_be_there_and_can_be_read() {
    let missing = |path: &str| format!(r#"PathMissing {{ path: "{path}" }}"#);
    let unreadable = r#"Value { what: "truth value", path: "b" }"#.to_owned();
    let ok = |marks: &str| format!("x DE{marks}");
    // members of the record, then: both needed, only blocked, only contact, none
    for (members, expected) in [
        (r#""b":false,"s":"2","p":"1""#, [ok(""), ok(""), ok(""), ok("")]),
        (
            r#""b":true,"s":"2","p":"1""#,
            [ok(" blocked"), ok(" blocked"), ok(" blocked"), ok(" blocked")],
        ),
        (
            r#""b":false,"s":"3","p":"1""#,
            [ok(" blocked"), ok(" blocked"), ok(" blocked"), ok(" blocked")],
        ),
        (
            r#""b":false,"s":"2","p":"2""#,
            [ok(" refused"), ok(" refused"), ok(" refused"), ok(" refused")],
        ),
        (r#""b":false,"s":"2""#, [missing("p"), ok(""), missing("p"), ok("")]),
        (r#""s":"2","p":"1""#, [missing("b"), missing("b"), ok(""), ok("")]),
        (r#""b":false,"p":"1""#, [missing("s"), missing("s"), ok(""), ok("")]),
        (r#""s":"3","p":"1""#, [missing("b"), missing("b"), ok(" blocked"), ok(" blocked")]),
        ("", [missing("b"), missing("b"), missing("p"), ok("")]),
        (
            r#""b":"maybe","s":"2","p":"1""#,
            [unreadable.clone(), unreadable.clone(), ok(""), ok("")],
        ),
        (r#""b":null,"s":null,"p":null"#, [ok(""), ok(""), ok(""), ok("")]),
    ] {
        let body = format!(
            r#"{{"c":"x","l":"DE"{}{members}}}"#,
            if members.is_empty() { "" } else { "," }
        );
        for (needs, expected) in
            [(true, true), (true, false), (false, true), (false, false)].into_iter().zip(expected)
        {
            let found = read(&with_needs(needs.0, needs.1), "1", body.as_bytes());
            assert_eq!(told(&found), expected, "{body} {needs:?}");
        }
    }
}
