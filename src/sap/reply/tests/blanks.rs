//! CHAR fields of ABAP, filled with blanks up to their length: the blanks at the end are no part of a
//! value, any other blank is (ABAP keyword documentation, "Trailing Blanks in Character String
//! Processing").

use super::*;

#[test]
fn a_value_that_is_filled_with_blanks_is_the_value_without_them() {
    let s4 = |country: &str, channel: &str, id: &str, blocked: &str| {
        format!(
            r#"{{"d":{{"BusinessPartner":"{id}","BusinessPartnerIsBlocked":"{blocked}","IsMarkedForArchiving":"{blocked}","to_Customer":{{"DeletionIndicator":"{blocked}","to_CustomerSalesArea":{{"results":[{{"SalesOrganization":"1000 ","DistributionChannel":"{channel}","Division":"00 ","DeletionIndicator":" "}}]}}}},"to_BusinessPartnerAddress":{{"results":[{{"Country":"{country}"}}]}}}}}}"#
        )
    };
    let sap = Sap {
        sales_area: SalesArea { organisation: Some("1000".to_owned()), ..SalesArea::default() },
        ..testing::preset("s4-bupa-v2")
    };
    let steps = dialect::compile(&sap).unwrap().steps;
    for (country, channel, id, blocked, expected) in [
        ("DE", "10", "1001910", "", "Direct sales DE"),
        ("DE ", "10", "1001910", " ", "Direct sales DE"),
        ("DE  ", "10 ", "1001910   ", "     ", "Direct sales DE"),
        ("DE                  ", "10   ", "1001910", "", "Direct sales DE"),
        ("DE", "10", "0001001910     ", "", "Direct sales DE"),
        ("   ", "10", "1001910", "", "Direct sales -"),
        ("DE", "   ", "1001910", "", "- DE"),
        ("DE ", "10", "1001910", "X ", "Direct sales DE blocked"),
        ("DE", "10", "1001910", "false ", "Direct sales DE"),
        ("DE", "10", "1001910", "true  ", "Direct sales DE blocked"),
        ("DE ", "20 ", "1001910 ", "0 ", "Indirect sales DE"),
        ("DE", r"10\u0020", "1001910", "", "Direct sales DE"),
        (" DE", "10", "1001910", "", r#"Value { what: "country code", path: "Country" }"#),
        ("D E", "10", "1001910", "", r#"Value { what: "country code", path: "Country" }"#),
        ("DE", " 10", "1001910", "", "- DE"),
        ("DE", "1 0", "1001910", "", "- DE"),
        ("DE", "10", " 1001910", "", "WrongRecord"),
        ("DE", "10", "100 1910", "", "WrongRecord"),
        (r"DE\t", "10", "1001910", "", r#"Value { what: "country code", path: "Country" }"#),
        (r"DE\u00a0", "10", "1001910", "", r#"Value { what: "country code", path: "Country" }"#),
    ] {
        let found = read(&steps[0].reader, "1001910", s4(country, channel, id, blocked).as_bytes());
        assert_eq!(told(&found), expected, "{country:?} {channel:?} {id:?} {blocked:?}");
    }
}
