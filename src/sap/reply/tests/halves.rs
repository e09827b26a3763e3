//! Lists that go on elsewhere: never decided on half of one.
//!
//! OData v2 calls the link `__next` (OData 2.0 JSON format, 4.2), v4 `@odata.nextLink`, behind the name of
//! an expanded list where it is about one (OData 4.01 JSON format, 4.6.5 and 8.5).

use super::*;

const AREA: &str = r#"{"SalesOrganisationID":"1000","DistributionChannelCode":"01","DistributionChannelCodeText":"Direct sales","DivisionCode":"00"}"#;

/// A record of Cloud for Customer with these sales areas.
fn customer(areas: &str) -> String {
    format!(
        r#"{{"CustomerID":"1001910","LifeCycleStatusCode":"2","ContactPermissionCode":"1","CountryCode":"DE","IndividualCustomerSalesData":{areas}}}"#
    )
}

/// A partner of S/4HANA with these sales areas and addresses.
fn partner(areas: &str, addresses: &str) -> String {
    format!(
        r#"{{"BusinessPartner":"1001910","BusinessPartnerIsBlocked":false,"IsMarkedForArchiving":false,"to_Customer":{{"DeletionIndicator":false,{areas}}},{addresses}}}"#
    )
}

#[test]
fn a_list_with_a_link_to_the_rest_is_no_answer_at_any_depth() {
    let next = r#""__next":"https://sap.example/x?$skiptoken=1""#;
    let (none, half) = ("unknown".to_owned(), "HalfList".to_owned());
    let whole = "Direct sales DE".to_owned();
    let one = customer(&format!("[{AREA}]"));
    for (body, expected) in [
        (format!(r#"{{"d":{{"results":[{one}]}}}}"#), &whole),
        (format!(r#"{{"d":{{"results":[{one}],{next}}}}}"#), &half),
        (format!(r#"{{"d":{{{next},"results":[{one}]}}}}"#), &half),
        (format!(r#"{{"d":{{"results":[{one}]}},{next}}}"#), &half),
        (format!(r#"{{"d":{{"results":[],{next}}}}}"#), &half),
        (r#"{"d":{"results":[],"__next":""}}"#.to_string(), &half),
        (r#"{"d":{"results":[],"__next":null}}"#.to_string(), &none),
        (r#"{"d":{"results":[],"__count":"1"}}"#.to_string(), &none),
        (r#"{"d":{"results":[]}}"#.to_owned(), &none),
        (
            format!(
                r#"{{"d":{{"results":[{}]}}}}"#,
                customer(&format!(r#"{{"results":[{AREA}],{next}}}"#))
            ),
            &half,
        ),
        (
            format!(
                r#"{{"d":{{"results":[{}]}}}}"#,
                customer(&format!(r#"{{"results":[],{next}}}"#))
            ),
            &half,
        ),
        (
            format!(
                r#"{{"d":{{"results":[{}]}}}}"#,
                customer(&format!(r#"{{"results":[{AREA}]}}"#))
            ),
            &whole,
        ),
        // A text of a record may be anything.
        (
            format!(r#"{{"d":{{"results":[{}]}}}}"#, one.replacen('{', r#"{"Note":"__next","#, 1)),
            &whole,
        ),
    ] {
        let found = read(&steps("c4c")[0].reader, "1001910", body.as_bytes());
        assert_eq!(told(&found), *expected, "{body}");
    }
}

#[test]
fn an_expanded_list_of_s4_with_a_link_to_the_rest_is_no_answer() {
    let area = r#"{"SalesOrganization":"1000","DistributionChannel":"10","Division":"00","DeletionIndicator":false}"#;
    let areas = format!(r#""to_CustomerSalesArea":[{area}]"#);
    let addresses = r#""to_BusinessPartnerAddress":[{"Country":"DE"}]"#;
    let link = |name: &str| format!(r#""{name}@odata.nextLink":"x?$skiptoken=1""#);
    for (body, expected) in [
        (partner(&areas, addresses), "Direct sales DE"),
        (partner(&format!("{areas},{}", link("to_CustomerSalesArea")), addresses), "HalfList"),
        (partner(&format!("{},{areas}", link("to_CustomerSalesArea")), addresses), "HalfList"),
        (
            partner(&areas, &format!("{addresses},{}", link("to_BusinessPartnerAddress"))),
            "HalfList",
        ),
        (partner(&areas, &format!("{addresses},{}", link(""))), "HalfList"),
        (
            partner(&areas, &format!(r#"{addresses},"to_BusinessPartnerAddress@odata.count":1"#)),
            "Direct sales DE",
        ),
        (
            partner(
                &areas,
                &format!(r#"{addresses},"to_BusinessPartnerAddress@odata.nextLink":null"#),
            ),
            "Direct sales DE",
        ),
    ] {
        let found = read(&steps("s4-bupa-v4")[0].reader, "1001910", body.as_bytes());
        assert_eq!(told(&found), expected, "{body}");
    }
}

#[test]
fn two_records_are_ambiguous_whether_or_not_there_are_more() {
    let one = customer(&format!("[{AREA}]"));
    let body = format!(r#"{{"d":{{"results":[{one},{one}],"__next":"x"}}}}"#);

    assert_eq!(told(&read(&steps("c4c")[0].reader, "1001910", body.as_bytes())), "ambiguous");
}
