//! Recorded shapes of answers, one table for each preset, and what each of them means.
//!
//! C4C and S/4HANA (v2, v4): from a CAP server with SAP's names and from SAP's documents; Sales Cloud
//! Version 2: from SAP's generated types; the sandbox answers as S/4HANA v2.

use super::*;

/// What the first step of a preset makes of answers about 1001910, line by line.
pub(super) fn table(sap: &Sap, rows: &[(&str, &str)]) {
    let steps = dialect::compile(sap).unwrap().steps;
    for (body, expected) in rows {
        let found = read(&steps[0].reader, "1001910", body.as_bytes());
        assert_eq!(told(&found), *expected, "{}: {body}", sap.preset);
    }
}

/// Every answer in OData v2's envelope for lists.
fn in_results(rows: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    rows.iter().map(|(rows, told)| (format!(r#"{{"d":{{"results":[{rows}]}}}}"#), *told)).collect()
}

fn borrowed<'a>(rows: &'a [(String, &'static str)]) -> Vec<(&'a str, &'static str)> {
    rows.iter().map(|(body, told)| (body.as_str(), *told)).collect()
}

#[test]
fn answers_of_the_c4c_presets_mean_what_this_table_says() {
    for (preset, id_name, areas, phone) in [
        ("c4c", "CustomerID", "IndividualCustomerSalesData", ""),
        ("c4c-individual", "CustomerID", "IndividualCustomerSalesData", ""),
        ("c4c-account", "AccountID", "CorporateAccountSalesData", ""),
        (
            "c4c-phone",
            "CustomerID",
            "IndividualCustomerSalesData",
            r#","NormalisedPhone":"+498946149500""#,
        ),
    ] {
        let record = |country: &str, status: &str, permission: &str, sales: &str| {
            format!(
                r#"{{"ObjectID":"0016","{id_name}":"1001910"{phone},"LifeCycleStatusCode":"{status}","ContactPermissionCode":{permission},"CountryCode":{country},"{areas}":{sales}}}"#
            )
        };
        let area = |code: &str, text: &str| {
            format!(
                r#"{{"SalesOrganisationID":"1000","DistributionChannelCode":"{code}","DistributionChannelCodeText":"{text}","DivisionCode":"00"}}"#
            )
        };
        let (direct, other) = (area("01", "Direct sales"), area("02", "Indirect sales"));
        let good = record(r#""DE""#, "2", r#""1""#, &format!("[{direct}]"));
        let wrapped = record(r#""DE""#, "2", r#""1""#, &format!(r#"{{"results":[{direct}]}}"#));
        let rows = [
            (good.clone(), "Direct sales DE"),
            (wrapped, "Direct sales DE"),
            (String::new(), "unknown"),
            (format!("{good},{good}"), "ambiguous"),
            (record(r#""DE""#, "3", r#""1""#, &format!("[{direct}]")), "Direct sales DE blocked"),
            (
                record(r#""DE""#, "4", r#""2""#, &format!("[{direct}]")),
                "Direct sales DE blocked refused",
            ),
            (record(r#""DE""#, "2", "null", "[]"), "- DE"),
            (record(r#""DE""#, "2", "null", "null"), "- DE"),
            (record("null", "2", "null", &format!("[{direct}]")), "Direct sales -"),
            (record(r#""DE""#, "2", "null", &format!("[{other},{direct}]")), "ambiguous"),
            (
                record(r#""DE""#, "2", "null", &format!("[{}]", area("01", "Direktvertrieb"))),
                "Direktvertrieb DE",
            ),
            (record(r#""DE""#, "2", "null", &format!("[{}]", area("01", ""))), "- DE"),
        ];
        let rows: Vec<_> = rows.iter().map(|(rows, told)| (rows.as_str(), *told)).collect();
        let rows = in_results(&rows);
        table(&testing::preset(preset), &borrowed(&rows));

        // By code the language does not matter, and an unknown code is no channel.
        let one = |area: &str| record(r#""D""#, "2", "null", &format!("[{area}]"));
        let by_code = Sap {
            channel_texts: [("01".to_owned(), DistributionChannel::parse("Direct").unwrap())]
                .into(),
            country_codes: [("D".to_owned(), CountryCode::parse("DE").unwrap())].into(),
            ..testing::preset(preset)
        };
        let rows = [
            (one(&area("01", "Direktvertrieb")), "Direct DE"),
            (one(&area("01", "")), "Direct DE"),
            (one(&area("02", "Direct")), "- DE"),
            (one(&format!("{direct},{other}")), "ambiguous"),
            (one(&format!("{},{other}", area("03", ""))), "ambiguous"),
            (one(&format!("{other},{other}")), "- DE"),
        ];
        let rows: Vec<_> = rows.iter().map(|(rows, told)| (rows.as_str(), *told)).collect();
        let rows = in_results(&rows);
        table(&by_code, &borrowed(&rows));
    }
}

#[test]
fn a_contact_leads_on_to_its_account_and_proves_whose_record_it_is() {
    let reader = &steps("c4c")[2].reader;
    for (record, expected) in [
        (
            r#"{"ContactID":"1001910","AccountID":"2000001","ContactPermissionCode":"1"}"#,
            "on to 2000001 in step 1",
        ),
        (
            r#"{"ContactID":"1001910","AccountID":"2000001","ContactPermissionCode":"2"}"#,
            "on to 2000001 in step 1 refused",
        ),
        (
            r#"{"ContactID":"1001910","AccountID":null,"ContactPermissionCode":"1"}"#,
            "on to nobody in step 1",
        ),
        (
            r#"{"ContactID":"1001910","AccountID":"","ContactPermissionCode":"1"}"#,
            "on to nobody in step 1",
        ),
        (
            r#"{"ContactID":"1001910","AccountID":"*","ContactPermissionCode":"1"}"#,
            r#"Value { what: "partner ID", path: "AccountID" }"#,
        ),
        (
            r#"{"ContactID":"1001910","AccountID":"x' or '","ContactPermissionCode":"1"}"#,
            r#"Value { what: "partner ID", path: "AccountID" }"#,
        ),
        (
            r#"{"ContactID":"1001911","AccountID":"2000001","ContactPermissionCode":"1"}"#,
            "WrongRecord",
        ),
        (
            r#"{"ContactID":"1001910","ContactPermissionCode":"1"}"#,
            r#"PathMissing { path: "AccountID" }"#,
        ),
    ] {
        let body = format!(r#"{{"d":{{"results":[{record}]}}}}"#);
        assert_eq!(told(&read(reader, "1001910", body.as_bytes())), expected, "{record}");
    }
}

#[test]
fn a_record_found_by_phone_must_have_the_dialled_number() {
    let reader = &steps("c4c-phone")[0].reader;
    for (phone, dialled, expected) in [
        (r#""+498946149500""#, Some("498946149500"), "- DE"),
        (r#""498946149500""#, Some("498946149500"), "- DE"),
        (r#""+4989461495001""#, Some("498946149500"), "WrongRecord"),
        (r#""++498946149500""#, Some("498946149500"), "WrongRecord"),
        (r#""+49 89 46149500""#, Some("498946149500"), "WrongRecord"),
        ("null", Some("498946149500"), "WrongRecord"),
        (r#""+""#, None, "WrongRecord"),
        (r#""""#, Some(""), "WrongRecord"),
    ] {
        let body = format!(
            r#"{{"d":{{"results":[{{"CustomerID":"7","NormalisedPhone":{phone},"LifeCycleStatusCode":"2","ContactPermissionCode":"1","CountryCode":"DE","IndividualCustomerSalesData":[]}}]}}}}"#
        );
        let found = reader.body(Sought { id: id("1001910"), phone: dialled }, body.as_bytes());
        assert_eq!(told(&found), expected, "{phone} {dialled:?}");
    }
}

#[test]
fn answers_of_sales_cloud_v2_mean_what_this_table_says() {
    let good = r#"{"value":[{"id":"u","displayId":"1001910","lifeCycleStatus":"ACTIVE","defaultAddress":{"country":"DE"},"salesArrangements":[{"salesOrganizationDisplayId":"1000","distributionChannel":"01","distributionChannelDescription":"Direct sales","division":"00","isMarkedForDeletion":false}]}]}"#;
    let area = &good[good.find(r#"{"salesOrg"#).unwrap()..good.len() - 4];
    let other = area.replace("Direct", "Indirect");
    let replaced = |from: &str, to: &str| good.replace(from, to);
    table(
        &testing::preset("sales-cloud-v2"),
        &[
            (good, "Direct sales DE"),
            (r#"{"value":[]}"#, "unknown"),
            (&replaced("ACTIVE", "BLOCKED"), "Direct sales DE blocked"),
            (&replaced("ACTIVE", "OBSOLETE"), "Direct sales DE blocked"),
            (&replaced("ACTIVE", "IN_PREPARATION"), "Direct sales DE"),
            (&replaced("Direct sales", "Direktvertrieb"), "Direktvertrieb DE"),
            (&replaced(area, ""), "- DE"),
            (&replaced(area, &format!("{area},{other}")), "ambiguous"),
            (
                &replaced(area, &format!("{area},{}", other.replace("false", "true"))),
                "Direct sales DE",
            ),
            (&replaced("false", "true"), "- DE"),
            (&replaced(r#""isMarkedForDeletion":false"#, r#""x":0"#), "Direct sales DE"),
            (&replaced(r#""country":"DE""#, r#""city":"x""#), "Direct sales -"),
            (&replaced(r#"{"country":"DE"}"#, "null"), "Direct sales -"),
            (r#"{"value":[{"displayId":"1001910"}]}"#, "- -"),
            (&replaced("1001910", "1001911"), "WrongRecord"),
            (r#"{"value":[{"id":"1001910"}]}"#, r#"PathMissing { path: "displayId" }"#),
            (
                r#"{"error":{"code":"10029","message":"no"}}"#,
                r#"ErrorBody { code: Some("10029") }"#,
            ),
        ],
    );
}

#[test]
fn a_404_is_an_unknown_partner_only_if_the_backend_says_so() {
    for (body, expected) in [
        (r#"{"error":{"code":"/IWBEP/CM_MGW_RT/020","message":{"value":"x"}}}"#, true),
        (r#"{"error":{"code":"404","message":"Not Found"}}"#, true),
        (r#"{"error":{"code":"/IWFND/MED/170","message":{"value":"no service"}}}"#, false),
        (r#"{"fault":{"faultstring":"x","detail":{"errorcode":"y"}}}"#, false),
        (r#"{"timestamp":"x","status":404,"error":"Not Found"}"#, false),
        ("{}", false),
        ("", false),
    ] {
        let said = said::read(body.as_bytes());
        assert_eq!(Reader::is_unknown(said.as_ref()), expected, "{body}");
    }
}
