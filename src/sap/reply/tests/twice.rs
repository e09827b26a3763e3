//! Members that are there twice: the answer has two readings, and so none. Which one a reader takes is
//! its own affair (RFC 8259 section 4), and SAP may have meant the other.

use super::*;

#[test]
fn an_answer_with_a_member_twice_is_refused_wherever_that_is() {
    let area = r#"{"SalesOrganisationID":"1000","DistributionChannelCode":"01","DistributionChannelCodeText":"Direct sales","DivisionCode":"00"}"#;
    let body = format!(
        r#"{{"d":{{"results":[{{"CustomerID":"1001910","LifeCycleStatusCode":"2","ContactPermissionCode":"1","CountryCode":"DE","Note":{{"a":1}},"IndividualCustomerSalesData":[{area}]}}]}}}}"#
    );
    let reader = &steps("c4c")[0].reader;
    assert_eq!(told(&read(reader, "1001910", body.as_bytes())), "Direct sales DE");
    for (member, twice) in [
        (r#""CustomerID":"1001910""#, r#""CustomerID":"1001911""#),
        (r#""CustomerID":"1001910""#, r#""CustomerID":"1001910""#),
        (r#""CustomerID":"1001910""#, r#""\u0043ustomerID":"1001911""#),
        (r#""CustomerID":"1001910""#, r#""CustomerID":null"#),
        (r#""LifeCycleStatusCode":"2""#, r#""LifeCycleStatusCode":"3""#),
        (r#""LifeCycleStatusCode":"2""#, r#""LifeCycleStatusCode":"2""#),
        (r#""ContactPermissionCode":"1""#, r#""ContactPermissionCode":"2""#),
        (r#""CountryCode":"DE""#, r#""CountryCode":"AT""#),
        (r#""CountryCode":"DE""#, r#""CountryCode":"DE""#),
        (r#""CountryCode":"DE""#, r#""CountryCode":"""#),
        (r#""CountryCode":"DE""#, r#""Country\u0043ode":"AT""#),
        (r#""Note":{"a":1}"#, r#""Note":{}"#),
        (r#"{"a":1}"#, r#"{"a":1,"a":2}"#),
        (r#"{"a":1}"#, r#"{"a":1,"b":[{"c":1,"c":1}]}"#),
        (r#"{"a":1}"#, r#"{"a":{"x":1,"x":2}}"#),
        (r#""SalesOrganisationID":"1000""#, r#""SalesOrganisationID":"2000""#),
        (
            r#""DistributionChannelCodeText":"Direct sales""#,
            r#""DistributionChannelCodeText":"Partner""#,
        ),
        (r#""DistributionChannelCode":"01""#, r#""DistributionChannelCode":"02""#),
        (r#""DivisionCode":"00""#, r#""DivisionCode":"01""#),
        (r#""results":["#, r#""results":[],"results":["#),
        (r#""d":{"#, r#""d":null,"d":{"#),
    ] {
        let is_instead = member.starts_with('{') || member.ends_with(['[', '{']);
        let changed = if is_instead { twice.to_owned() } else { format!("{member},{twice}") };
        let bent = body.replacen(member, &changed, 1);
        assert_ne!(bent, body, "{member}");
        let found = read(reader, "1001910", bent.as_bytes());
        assert!(matches!(found, Err(ReplyProblem::NotJson { .. })), "{bent}: {found:?}");
    }
    // The same name in two objects, or in another letter case, is another member.
    for (member, more) in [
        (r#""CountryCode":"DE""#, r#""countrycode":"AT""#),
        (r#""CountryCode":"DE""#, r#""CountryCode ":"AT""#),
        (r#"{"a":1}"#, r#"{"CountryCode":"AT"}"#),
    ] {
        let changed =
            if member.starts_with('{') { more.to_owned() } else { format!("{member},{more}") };
        let found = read(reader, "1001910", body.replacen(member, &changed, 1).as_bytes());
        assert_eq!(told(&found), "Direct sales DE", "{more}");
    }
}
