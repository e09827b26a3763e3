//! Nothing at all is no answer, and not the word that there is no such partner.

use super::*;

#[test]
fn null_is_never_an_unknown_partner_and_an_empty_list_is() {
    let step = &steps("c4c-individual")[0];
    for (body, unknown) in [
        ("null", false),
        ("{}", false),
        ("[]", false),
        ("\"\"", false),
        ("0", false),
        ("false", false),
        (r#"{"d":null}"#, false),
        (r#"{"d":{}}"#, false),
        (r#"{"d":""}"#, false),
        (r#"{"d":{"results":null}}"#, false),
        (r#"{"d":{"results":""}}"#, false),
        (r#"{"d":{"results":0}}"#, false),
        (r#"{"d":{"results":[null]}}"#, false),
        (r#"{"d":{"results":[null,null]}}"#, false),
        (r#"{"d":{"results":[[]]}}"#, false),
        (r#"{"d":{"results":[""]}}"#, false),
        (r#"{"d":{"results":{}}}"#, false),
        (r#"{"d":{"results":{"results":null}}}"#, false),
        (r#"{"d":{"Results":[]}}"#, false),
        (r#"{"value":[]}"#, false),
        (r#"{"d":{"results":[]}}"#, true),
        ("\u{feff}{\"d\":{\"results\":[]}}", true),
        // Cloud for Customer sends a bare list.
        (r#"{"d":[]}"#, true),
    ] {
        let told = read(&step.reader, "1001910", body.as_bytes());

        assert_eq!(matches!(told, Ok(Read::Known(Lookup::Unknown))), unknown, "{body}: {told:?}");
        assert!(unknown || told.is_err(), "{body}: {told:?}");
    }
}

#[test]
fn an_entity_that_is_null_is_no_answer_either() {
    for preset in ["s4-bupa-v2", "s4-bupa-v4", "native"] {
        let step = &steps(preset)[0];
        for body in ["null", r#"{"d":null}"#, "[null]"] {
            let told = read(&step.reader, "1001910", body.as_bytes());
            assert!(told.is_err(), "{preset} {body}: {told:?}");
        }
    }
}
