//! Whose record it is: IDs in other forms, with and without SAP's ALPHA conversion.

use super::*;

/// A reader whose records have their ID in `i`.
fn reader(is_alpha: bool) -> Reader {
    let custom = format!(
        "
steps:
  - name: one
    request: /x?i={{id}}
    rows: $
    id: i
    id_is_alpha: {is_alpha}
    channel: c
    country: l
"
    );
    let sap = Sap {
        preset: "custom".to_owned(),
        custom: Some(serde_saphyr::from_str::<config::Dialect>(&custom).unwrap()),
        ..sap("http://localhost")
    };
    dialect::compile(&sap).unwrap().steps.remove(0).reader
}

#[test]
fn leading_zeros_are_no_other_partner_where_sap_converts_them_and_nowhere_else() {
    let (own, form, other) = ("own", "other form", "another");
    // asked, answered, as it is, by ALPHA
    for (asked, answered, as_is, alpha) in [
        ("6", r#""6""#, own, own),
        ("6", "6", own, own),
        ("0000000006", r#""6""#, form, own),
        ("0000000006", "6", form, own),
        ("6", r#""0000000006""#, form, own),
        ("06", r#""006""#, form, own),
        ("1001910", r#""1001910   ""#, own, own),
        ("1001910", r#""0001001910""#, form, own),
        ("1001910", r#""1001911""#, other, other),
        ("1001910", r#""10019100""#, other, other),
        ("100", r#""1""#, other, other),
        ("1", r#""100""#, other, other),
        ("0", r#""0000000000""#, form, own),
        ("0", r#""""#, other, other),
        ("6", "null", other, other),
        ("6", "true", other, other),
        ("6", r#"["6"]"#, other, other),
        ("BP_7", r#""BP_7""#, own, own),
        ("BP_7", r#""0BP_7""#, other, other),
        ("00AB", r#""AB""#, other, other),
        ("AB", r#""ab""#, other, other),
        ("6", r#""*""#, other, other),
        ("6", r#""+6""#, other, other),
        ("6", r#""6.0""#, other, other),
        ("6", "6.0", other, other),
        ("6", r#"" 6""#, other, other),
        ("6", "\"\u{0666}\"", other, other),
    ] {
        for (is_alpha, expected) in [(false, as_is), (true, alpha)] {
            let body = format!(r#"{{"i":{answered},"c":"x","l":"DE"}}"#);
            let told = match read(&reader(is_alpha), asked, body.as_bytes()) {
                Ok(Read::Known(Lookup::Found(_))) => own,
                Err(ReplyProblem::OtherForm) => form,
                Err(ReplyProblem::WrongRecord) => other,
                unexpected => panic!("{unexpected:?}"),
            };
            assert_eq!(told, expected, "{asked} {answered} {is_alpha}");
        }
    }
}

#[test]
fn the_presets_of_s4_convert_as_sap_does_and_the_hint_names_the_key() {
    for name in preset_names() {
        let converts =
            matches!(steps(name)[0].reader.identity, Identity::Id { is_alpha: true, .. });
        assert_eq!(converts, name.starts_with("s4-"), "{name}");
    }
    assert!(ReplyProblem::OtherForm.to_string().contains("`sap.id_form`"));
}

proptest! {
    #[test]
    fn no_conversion_takes_two_numbers_for_one(one in 0_u64..2_000_000, other in 0_u64..2_000_000) {
        let body = format!(r#"{{"i":"{other:010}","c":"x","l":"DE"}}"#);
        let found = read(&reader(true), &one.to_string(), body.as_bytes());
        prop_assert_eq!(found.is_ok(), one == other);
    }
}
