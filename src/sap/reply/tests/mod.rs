//! Recorded shapes of answers and what each of them means.
//!
//! The shapes for Cloud for Customer are from a CAP server with its model and from SAP's developer
//! guide; those of the endpoint in SAP from jtel's wiki.

mod blanks;
mod cut;
mod halves;
mod heads;
mod ids;
mod marks;
mod nothing;
mod presets;
mod s4;
mod texts;
mod twice;

use http::{HeaderMap, StatusCode, header};
use proptest::prelude::*;

use super::*;
use crate::{
    config::{self, SalesArea, Sap},
    domain::DistributionChannel,
    sap::{
        dialect::preset::preset_names,
        dialect::{self, Step},
        testing::{self, id, sap},
    },
};

/// The steps of a preset, by its name.
fn steps(preset: &str) -> Vec<Step> {
    dialect::compile(&testing::preset(preset)).unwrap().steps
}

/// What a reader makes of an answer about a partner.
fn read(reader: &Reader, partner: &str, body: &[u8]) -> Result<Read, ReplyProblem> {
    reader.body(Sought { id: id(partner), phone: Some("498946149500") }, body)
}

/// A lookup or a problem in one line, to keep the tables readable.
fn told(result: &Result<Read, ReplyProblem>) -> String {
    let marks = |blocked, refused| match (blocked, refused) {
        (false, false) => "",
        (true, false) => " blocked",
        (false, true) => " refused",
        (true, true) => " blocked refused",
    };
    match result {
        Ok(Read::Known(Lookup::Found(partner))) => format!(
            "{} {}{}",
            partner.channel().map_or("-", DistributionChannel::as_str),
            partner.country().map_or("-".to_owned(), |country| country.as_str().to_owned()),
            marks(partner.blocked, partner.contact_refused),
        ),
        Ok(Read::Known(Lookup::Unknown)) => "unknown".to_owned(),
        Ok(Read::Known(Lookup::Ambiguous(_))) => "ambiguous".to_owned(),
        Ok(Read::LeadsOn { id, step, marks: found }) => format!(
            "on to {} in step {step}{}",
            id.as_ref().map_or("nobody", PartnerId::as_str),
            marks(found.blocked, found.contact_refused),
        ),
        Err(problem) => format!("{problem:?}"),
    }
}

fn record(members: &str) -> String {
    format!(
        r#"{{"__metadata":{{"type":"c4codata.IndividualCustomer"}},"CustomerID":"1001910","LifeCycleStatusCode":"2","ContactPermissionCode":"1",{members}}}"#
    )
}

fn results(records: &[String]) -> String {
    format!(r#"{{"d":{{"results":[{}]}}}}"#, records.join(","))
}

const AREA: &str =
    r#"{"DistributionChannelCode":"01","DistributionChannelCodeText":"Direct sales"}"#;
const OTHER_AREA: &str =
    r#"{"DistributionChannelCode":"02","DistributionChannelCodeText":"Indirect sales"}"#;

#[test]
#[expect(clippy::too_many_lines, reason = "one table; cut in two it would be harder to read")]
fn a_cloud_for_customer_answer_means_what_this_table_says() {
    let areas = |areas: &[&str]| {
        results(&[record(&format!(
            r#""CountryCode":"DE","IndividualCustomerSalesData":[{}]"#,
            areas.join(",")
        ))])
    };
    let country = |country: &str| {
        results(&[record(&format!(
            r#""CountryCode":{country},"IndividualCustomerSalesData":[{AREA}]"#
        ))])
    };
    let channel = |text: &str| areas(&[&format!(r#"{{"DistributionChannelCodeText":{text}}}"#)]);
    let good = areas(&[AREA]);
    let path_missing =
        |path: &str| format!("{:?}", ReplyProblem::PathMissing { path: path.to_owned() });
    let bad_value =
        |what, path: &str| format!("{:?}", ReplyProblem::Value { what, path: path.to_owned() });
    let text_path = "DistributionChannelCodeText";
    let no_channel = bad_value("distribution channel", text_path);
    let no_country = bad_value("country code", "CountryCode");
    for (body, expected) in [
        (good.clone(), "Direct sales DE"),
        // CHAR fields of ABAP, filled with blanks up to their length.
        (good.replace(r#""DE""#, r#""DE ""#), "Direct sales DE"),
        (good.replace(r#""1001910""#, r#""1001910   ""#), "Direct sales DE"),
        (good.replace(r#"Direct sales""#, r#"Direct sales              ""#), "Direct sales DE"),
        (country(r#""  ""#), "Direct sales -"),
        (
            good.replace(r#"[{"Dist"#, r#"{"results":[{"Dist"#).replace("sales\"}]", "sales\"}]}"),
            "Direct sales DE",
        ),
        (good.replace(r#""2""#, r#""3""#), "Direct sales DE blocked"),
        (good.replace(r#""2""#, r#""4""#), "Direct sales DE blocked"),
        (good.replace(r#""1","Cou"#, r#""2","Cou"#), "Direct sales DE refused"),
        (good.replace(r#""1","Cou"#, r#"null,"Cou"#), "Direct sales DE"),
        (good.replace(r#""1001910""#, "1001910"), "Direct sales DE"),
        (areas(&[]), "- DE"),
        (areas(&[AREA, AREA]), "Direct sales DE"),
        (areas(&[OTHER_AREA, AREA]), "ambiguous"),
        (areas(&[AREA, r#"{"DistributionChannelCodeText":null}"#]), "ambiguous"),
        (channel("null"), "- DE"),
        (channel(r#""""#), "- DE"),
        (channel(r#""Direktvertrieb""#), "Direktvertrieb DE"),
        (channel(r#""Direct\r\nsales""#), &no_channel),
        (channel("7"), &no_channel),
        (channel("{}"), &no_channel),
        (channel(&format!("\"{}\"", "x".repeat(61))), &no_channel),
        (country("null"), "Direct sales -"),
        (country(r#""""#), "Direct sales -"),
        (country(r#""Germany""#), &no_country),
        (country(r#""de""#), &no_country),
        (country(r#""XX""#), &no_country),
        (results(&[]), "unknown"),
        (good.replace("1001910", "1001911"), "WrongRecord"),
        (good.replace("1001910", "0001001910"), "OtherForm"),
        (good.replace("1001910", "01001910"), "OtherForm"),
        (good.replace("1001910", "10019100"), "WrongRecord"),
        (good.replace(r#""1001910""#, "null"), "WrongRecord"),
        (good.replace(r#""1001910""#, "[\"1001910\"]"), "WrongRecord"),
        (good.replace("CustomerID", "Other"), &path_missing("CustomerID")),
        (good.replace("CountryCode", "Other"), &path_missing("CountryCode")),
        (good.replace("LifeCycleStatusCode", "Other"), &path_missing("LifeCycleStatusCode")),
        (good.replace("CodeText", "Other"), &path_missing(text_path)),
        (good.replace("results", "value"), &path_missing("d.results")),
        (
            results(&[record(
                r#""CountryCode":"DE","IndividualCustomerSalesData":{"__deferred":{"uri":"x"}}"#,
            )]),
            &path_missing(text_path),
        ),
        ("[]".to_owned(), &path_missing("d.results")),
        (
            r#"{"error":{"code":"x","message":{"value":"y"}}}"#.to_owned(),
            r#"ErrorBody { code: Some("x") }"#,
        ),
        (r#"{"fault":{"faultstring":"x"}}"#.to_owned(), "ErrorBody { code: None }"),
        (String::new(), "NotJson { position: 0 }"),
        ("<html>".to_owned(), "NotJson { position: 0 }"),
        ("\u{feff}{}".to_owned(), &path_missing("d.results")),
        ("{\"d\":\n{\"results\" 1}}".to_owned(), "NotJson { position: 17 }"),
        (r#"{"d":{"results":[]}} {"#.to_owned(), "NotJson { position: 21 }"),
        ("[".repeat(200), "NotJson { position: 127 }"),
    ] {
        let reader = &steps("c4c")[0].reader;

        let found = read(reader, "1001910", body.as_bytes());

        assert_eq!(told(&found), expected, "{body}");
    }
}

#[test]
fn two_records_are_ambiguous_only_if_both_are_the_right_one() {
    let reader = &steps("c4c")[0].reader;
    let right = record(&format!(r#""CountryCode":"DE","IndividualCustomerSalesData":[{AREA}]"#));
    let wrong = right.replace("1001910", "1001911");

    let both = read(reader, "1001910", results(&[right.clone(), right.clone()]).as_bytes());
    let one = read(reader, "1001910", results(&[right, wrong]).as_bytes());

    assert_eq!(both, Ok(Read::Known(Lookup::Ambiguous(Ambiguity::Records))));
    assert_eq!(one, Err(ReplyProblem::WrongRecord));
}

#[test]
fn the_first_sales_area_counts_where_the_rule_says_so() {
    let position = std::num::NonZeroU8::new(1);
    let sales_area = SalesArea { position, ..SalesArea::default() };
    let reader =
        &dialect::compile(&Sap { sales_area, ..testing::preset("c4c") }).unwrap().steps[0].reader;
    for (areas, expected) in [
        (vec![OTHER_AREA, AREA], "Indirect sales DE"),
        (vec![r#"{"DistributionChannelCodeText":null}"#, AREA], "- DE"),
        (vec![], "- DE"),
    ] {
        let body = results(&[record(&format!(
            r#""CountryCode":"DE","IndividualCustomerSalesData":[{}]"#,
            areas.join(",")
        ))]);

        assert_eq!(told(&read(reader, "1001910", body.as_bytes())), expected, "{body}");
    }
}

#[test]
fn a_native_answer_means_what_this_table_says() {
    let reader = &steps("native")[0].reader;
    let missing = format!(
        "{:?}",
        ReplyProblem::PathMissing { path: "distributionChannelCodeText".to_owned() }
    );
    for (body, expected) in [
        (r#"{"distributionChannelCodeText":"Direct sales","countryCode":"DE"}"#, "Direct sales DE"),
        (
            r#"[{"distributionChannelCodeText":"Direct sales","countryCode":"DE"}]"#,
            "Direct sales DE",
        ),
        (r#"{"distributionChannelCodeText":null,"countryCode":"DE"}"#, "- DE"),
        ("[]", "unknown"),
        ("[{},{}]", "ambiguous"),
        ("{}", missing.as_str()),
        ("7", r#"PathMissing { path: "$" }"#),
    ] {
        assert_eq!(told(&read(reader, "1", body.as_bytes())), expected, "{body}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_problem_with_a_place_inside(
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for preset in preset_names() {
            let found = read(&steps(preset)[0].reader, "1001910", &body);
            if let Err(ReplyProblem::NotJson { position }) = found {
                prop_assert!(position <= body.len());
            }
        }
    }

    #[test]
    fn no_cut_or_bent_answer_is_another_partner(
        cut in 0_usize..400,
        at in 0_usize..400,
        byte in any::<u8>(),
    ) {
        let reader = &steps("c4c")[0].reader;
        let whole = results(&[record(&format!(r#""CountryCode":"DE","IndividualCustomerSalesData":[{AREA}]"#))]);
        let mut bent = whole.clone().into_bytes();
        if let Some(place) = bent.get_mut(at) { *place = byte; }

        let cut = read(reader, "1001910", &whole.as_bytes()[..cut.min(whole.len() - 1)]);
        let for_another = read(reader, "1001999", &bent);

        prop_assert!(matches!(cut, Err(ReplyProblem::NotJson { .. })), "{cut:?}");
        prop_assert!(!matches!(for_another, Ok(Read::Known(Lookup::Found(_)))), "{for_another:?}");
    }
}
