//! S/4HANA: several addresses and sales areas, and everything that means "do not call".

use super::{presets::table, *};
use crate::config::Address;

#[test]
fn answers_of_s4_mean_what_this_table_says_with_and_without_wrappers() {
    let area = |channel: &str, organisation: &str, deleted: bool| {
        format!(
            r#"{{"Customer":"1001910","SalesOrganization":"{organisation}","DistributionChannel":"{channel}","Division":"00","DeletionIndicator":{deleted}}}"#
        )
    };
    let (direct, other) = (area("10", "1000", false), area("20", "2000", false));
    for (preset, is_v2) in [("s4-bupa-v2", true), ("s4-sandbox", true), ("s4-bupa-v4", false)] {
        let list = |inside: &str| {
            if is_v2 { format!(r#"{{"results":[{inside}]}}"#) } else { format!("[{inside}]") }
        };
        let whole = |inside: String| if is_v2 { format!(r#"{{"d":{inside}}}"#) } else { inside };
        let partner = |blocked: bool, customer: &str, addresses: &str| {
            whole(format!(
                r#"{{"BusinessPartner":"1001910","BusinessPartnerIsBlocked":{blocked},"IsMarkedForArchiving":false,"to_Customer":{customer},"to_BusinessPartnerAddress":{}}}"#,
                list(addresses)
            ))
        };
        let customer = |areas: &str| {
            format!(r#"{{"DeletionIndicator":false,"to_CustomerSalesArea":{}}}"#, list(areas))
        };
        let (de, at) = (r#"{"Country":"DE"}"#, r#"{"Country":"AT"}"#);
        let good = partner(false, &customer(&direct), de);
        let two = partner(false, &customer(&format!("{direct},{other}")), de);
        let rows = [
            (good.clone(), "Direct sales DE"),
            (partner(true, &customer(&direct), de), "Direct sales DE blocked"),
            (two.clone(), "ambiguous"),
            (
                partner(false, &customer(&format!("{direct},{}", area("20", "1", true))), de),
                "Direct sales DE",
            ),
            (partner(false, &customer(&area("10", "1000", true)), de), "- DE"),
            (partner(false, &customer(&area("99", "1000", false)), de), "- DE"),
            (partner(false, &customer(""), de), "- DE"),
            (partner(false, "null", de), "- DE"),
            (partner(false, &customer(&direct), ""), "Direct sales -"),
            (partner(false, &customer(&direct), r#"{"Country":null}"#), "Direct sales -"),
            (partner(false, &customer(&direct), &format!("{de},{de}")), "Direct sales DE"),
            (partner(false, &customer(&direct), &format!("{de},{at}")), "ambiguous"),
            (good.replace("1001910", "0001001910"), "Direct sales DE"),
            (good.replace("1001910", "1001911"), "WrongRecord"),
            (
                partner(false, r#"{"__deferred":{"uri":"x"}}"#, de),
                r#"PathMissing { path: "to_Customer.DeletionIndicator" }"#,
            ),
        ];
        let rows: Vec<_> = rows.iter().map(|(body, told)| (body.as_str(), *told)).collect();
        table(&testing::preset(preset), &rows);

        for (organisation, division, position, expected) in [
            (Some("1000"), None, None, "Direct sales DE"),
            (Some("2000"), None, None, "Indirect sales DE"),
            (Some("3000"), None, None, "- DE"),
            (None, Some("00"), None, "ambiguous"),
            (Some("1000"), Some("01"), None, "- DE"),
            (None, None, Some(2), "Indirect sales DE"),
            (None, None, Some(3), "- DE"),
            (Some("2000"), None, Some(1), "Indirect sales DE"),
        ] {
            let sales_area = SalesArea {
                organisation: organisation.map(str::to_owned),
                division: division.map(str::to_owned),
                position: position.and_then(std::num::NonZeroU8::new),
                deleted_too: false,
            };
            table(&Sap { sales_area, ..testing::preset(preset) }, &[(&two, expected)]);
        }
    }
}

/// A partner of S/4HANA v2 with these addresses.
fn with_addresses(addresses: &[&str]) -> String {
    format!(
        r#"{{"d":{{"BusinessPartner":"1001910","BusinessPartnerIsBlocked":false,"IsMarkedForArchiving":false,"to_Customer":{{"DeletionIndicator":false,"to_CustomerSalesArea":{{"results":[{{"SalesOrganization":"1000","DistributionChannel":"10","Division":"00","DeletionIndicator":false}}]}}}},"to_BusinessPartnerAddress":{{"results":[{}]}}}}}}"#,
        addresses.join(",")
    )
}

/// An address with the days of its validity, and usages with theirs.
fn address(country: &str, days: [&str; 2], usages: &[(&str, [&str; 2])]) -> String {
    let usages: Vec<_> = usages
        .iter()
        .map(|(usage, [from, to])| {
            format!(
                r#"{{"AddressUsage":"{usage}","ValidityStartDate":{from},"ValidityEndDate":{to},"StandardUsage":false}}"#
            )
        })
        .collect();
    let [from, to] = days;
    format!(
        r#"{{"Country":"{country}","ValidityStartDate":{from},"ValidityEndDate":{to},"to_AddressUsage":{{"results":[{}]}}}}"#,
        usages.join(",")
    )
}

/// 2010 to the end of the calendar, as S/4HANA has it.
const EVER: [&str; 2] = [r#""/Date(1262304000000+0000)/""#, r#""/Date(253402300799000+0000)/""#];
/// 2010 to 2011.
const PAST: [&str; 2] = [r#""/Date(1262304000000+0000)/""#, r#""/Date(1293840000000+0000)/""#];
/// From 2200 on.
const FUTURE: [&str; 2] = [r#""/Date(7258118400000+0000)/""#, r#""/Date(253402300799000+0000)/""#];
const UNLIMITED: [&str; 2] = ["null", "null"];

#[test]
fn an_address_counts_by_its_validity_and_its_usage() {
    let (standard, other) = ([("XXDEFAULT", EVER)], [("SHIP_TO", EVER)]);
    let de = address("DE", EVER, &standard);
    let at = address("AT", EVER, &other);
    let plain = |country: &str| address(country, EVER, &[]);
    // addresses, then what counts without a key, with invalid_too, and with the usage XXDEFAULT
    for (addresses, [by_default, invalid_too, by_usage]) in [
        (vec![de.clone()], ["DE", "DE", "DE"]),
        (vec![plain("DE")], ["DE", "DE", "-"]),
        (vec![de.clone(), at.clone()], ["ambiguous", "ambiguous", "DE"]),
        (vec![at.clone(), de.clone()], ["ambiguous", "ambiguous", "DE"]),
        (vec![at.clone()], ["AT", "AT", "-"]),
        (vec![de.clone(), plain("DE")], ["DE", "DE", "DE"]),
        (vec![de.clone(), address("AT", PAST, &standard)], ["DE", "ambiguous", "DE"]),
        (vec![de.clone(), address("AT", FUTURE, &standard)], ["DE", "ambiguous", "DE"]),
        (vec![address("AT", PAST, &standard)], ["-", "AT", "-"]),
        (vec![address("AT", FUTURE, &[])], ["-", "AT", "-"]),
        (vec![address("AT", UNLIMITED, &[]), de.clone()], ["ambiguous", "ambiguous", "DE"]),
        (vec![address("AT", UNLIMITED, &standard)], ["AT", "AT", "AT"]),
        (vec![de.clone(), address("AT", EVER, &standard)], ["ambiguous", "ambiguous", "ambiguous"]),
        (
            vec![de.clone(), address("AT", EVER, &[("XXDEFAULT", PAST)])],
            ["ambiguous", "ambiguous", "DE"],
        ),
        (vec![address("CH", EVER, &[("XXDEFAULT", FUTURE), ("SHIP_TO", EVER)])], ["CH", "CH", "-"]),
        (
            vec![address("CH", EVER, &[("SHIP_TO", EVER), ("XXDEFAULT", UNLIMITED)])],
            ["CH", "CH", "CH"],
        ),
        (vec![de.clone(), address("DE", PAST, &other)], ["DE", "DE", "DE"]),
        (vec![], ["-", "-", "-"]),
        (vec![address("", EVER, &standard)], ["-", "-", "-"]),
        (vec![address("", EVER, &standard), de.clone()], ["ambiguous", "ambiguous", "ambiguous"]),
        (vec![address("DE", EVER, &[("xxdefault", EVER)])], ["DE", "DE", "-"]),
        (
            vec![address("DE", [r#""2010-01-01T00:00:00Z""#, r#""9999-12-31""#], &standard)],
            ["DE"; 3],
        ),
        (vec![address("DE", [r#""20100101""#, r#""00000000""#], &standard)], ["DE"; 3]),
    ] {
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        let body = with_addresses(&addresses);
        let expect = |address: Address, country: &str| {
            let told = match country {
                "ambiguous" => "ambiguous".to_owned(),
                country => format!("Direct sales {country}"),
            };
            table(&Sap { address, ..testing::preset("s4-bupa-v2") }, &[(&body, &told)]);
        };
        let usage = Some("XXDEFAULT".to_owned());
        expect(Address::default(), by_default);
        expect(Address { invalid_too: true, usage: None }, invalid_too);
        expect(Address { usage, invalid_too: false }, by_usage);
    }
}

#[test]
fn an_address_without_days_or_with_none_that_can_be_read() {
    let days = |from: &str| {
        with_addresses(&[&format!(r#"{{"Country":"DE","ValidityStartDate":{from}}}"#)])
    };
    let wrong = r#"Value { what: "date", path: "ValidityStartDate" }"#;
    table(
        &testing::preset("s4-bupa-v2"),
        &[
            (&with_addresses(&[r#"{"Country":"DE"}"#]), "Direct sales DE"),
            (&days("null"), "Direct sales DE"),
            (&days(r#""""#), "Direct sales DE"),
            (&days(r#""tomorrow""#), wrong),
            (&days("20100101"), wrong),
            (&days("true"), wrong),
        ],
    );
    let by_usage = Sap {
        address: Address { usage: Some("XXDEFAULT".to_owned()), invalid_too: false },
        ..testing::preset("s4-bupa-v2")
    };
    let missing = r#"PathMissing { path: "to_AddressUsage" }"#;
    table(&by_usage, &[(&with_addresses(&[r#"{"Country":"DE"}"#]), missing)]);
}

#[test]
fn the_usages_of_addresses_are_asked_for_only_where_they_are_needed() {
    for (preset, plain, expanded) in [
        ("s4-bupa-v2", "to_BusinessPartnerAddress&", "to_BusinessPartnerAddress/to_AddressUsage&"),
        ("s4-sandbox", "to_BusinessPartnerAddress&", "to_BusinessPartnerAddress/to_AddressUsage&"),
        (
            "s4-bupa-v4",
            "to_BusinessPartnerAddress&",
            "to_BusinessPartnerAddress($expand=to_AddressUsage)&",
        ),
    ] {
        let target = |sap: &Sap| {
            let steps = dialect::compile(sap).unwrap().steps;
            steps[0].template.render("1", None).as_str().to_owned()
        };
        let address = Address { usage: Some("XXDEFAULT".to_owned()), invalid_too: false };
        assert!(target(&testing::preset(preset)).contains(plain), "{preset}");
        let by_usage = target(&Sap { address, ..testing::preset(preset) });
        assert!(by_usage.contains(expanded), "{preset}: {by_usage}");
    }
    let address = Address { usage: Some("XXDEFAULT".to_owned()), invalid_too: false };
    let problems = dialect::compile(&Sap { address, ..testing::preset("c4c") }).unwrap_err();
    assert!(problems.iter().all(|problem| problem.key == "sap.address.usage"), "{problems:?}");
}

#[test]
fn what_is_blocked_archived_or_marked_for_deletion_is_not_called() {
    let body = |blocked: &str, archived: &str, deleted: &str| {
        with_addresses(&[r#"{"Country":"DE"}"#])
            .replacen(r#"IsBlocked":false"#, &format!(r#"IsBlocked":{blocked}"#), 1)
            .replacen(r#"Archiving":false"#, &format!(r#"Archiving":{archived}"#), 1)
            .replacen(r#"DeletionIndicator":false"#, &format!(r#"DeletionIndicator":{deleted}"#), 1)
    };
    for (blocked, archived, deleted, is_blocked) in [
        ("false", "false", "false", false),
        ("true", "false", "false", true),
        ("false", "true", "false", true),
        ("false", "false", "true", true),
        ("true", "true", "true", true),
        (r#""X""#, r#""""#, r#""""#, true),
        (r#""""#, r#""X""#, r#"" ""#, true),
        (r#""""#, r#"" ""#, r#""x""#, true),
        (r#""""#, r#"" ""#, "null", false),
        ("0", "0", "1", true),
    ] {
        let told = if is_blocked { "Direct sales DE blocked" } else { "Direct sales DE" };
        table(&testing::preset("s4-bupa-v2"), &[(&body(blocked, archived, deleted), told)]);
    }
}
