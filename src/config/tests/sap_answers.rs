//! How SAP's answers are read, as an operator writes it.

use super::*;

#[test]
fn what_is_written_about_answers_is_what_counts() {
    let text = with(&[
        ("sap.id_form", "pad_10"),
        ("sap.try_other_id_form", "true"),
        ("sap.channel_texts", r#"{ "01": Direct sales, "10": Partner }"#),
        ("sap.country_codes", "{ D: DE, UK: GB }"),
        ("sap.sales_area", r#"{ organisation: "1000", division: "00", position: 2 }"#),
    ])
    .replace("  # client: \"100\"", "  client: \"100\"");

    let sap = parsed(&text).unwrap_or_else(|e| panic!("{e}")).systems.first().clone();

    assert_eq!(sap.id_form, crate::domain::IdForm::Pad10);
    assert!(sap.try_other_id_form);
    assert_eq!(sap.client.as_deref(), Some("100"));
    assert_eq!(sap.channel_texts["10"].as_str(), "Partner");
    assert_eq!(sap.country_codes["UK"].as_str(), "GB");
    assert_eq!(sap.sales_area.position.map(std::num::NonZero::get), Some(2));
    assert_eq!(sap.sales_area.organisation.as_deref(), Some("1000"));
}

#[test]
fn what_cannot_be_meant_is_told_with_its_key() {
    for (key, value, expected) in [
        ("sap.channel_texts", r#"{ "01": "" }"#, "sap.channel_texts.01"),
        ("sap.country_codes", "{ D: Germany }", "sap.country_codes.D"),
        ("sap.country_codes", "{ D: XX }", "such as DE"),
        ("sap.sales_area", "{ position: 0 }", "sap.sales_area.position"),
        ("sap.sales_area", "{ position: 300 }", "sap.sales_area.position"),
        ("sap.sales_area", "{ organization: x }", "did you mean `organisation`"),
        ("sap.channel_texts", "{ 10: Partner }", "sap.channel_texts"),
        ("sap.id_form", "pad10", "pad_10"),
    ] {
        let told = told(&with(&[(key, value)]));
        assert!(told.iter().any(|told| told.contains(expected)), "{value}: {told:#?}");
    }
    let text = filled_in().replace("  # client: \"100\"", "  client: \"10\"");
    assert!(only(&text).contains("is not a client"), "{}", only(&text));
}
