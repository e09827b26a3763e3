//! The rules about numbers and marks, and what is told about wrong ones.

use super::*;
use crate::domain::{CallerIdFit, Reason, ValueTest};

/// The only finding of the shipped file with one rule changed.
fn finding(key: &str, value: &str) -> String {
    only(&with(&[(&format!("rules.{key}"), value)]))
}

#[test]
fn every_rule_can_be_written_as_its_comment_shows_it() {
    let text = with(&[
        (
            "rules.refuse_when",
            "[{ path: OrderBlockingReasonCode, operator: exists, reason: partner_blocked }, \
             { path: RatingCode, operator: one_of, values: [\"8\", \"9\"], reason: contact_not_allowed }, \
             { path: LifeCycleStatusCode, operator: not_equals, value: \"2\" }]",
        ),
        ("rules.never_dialled.prefixes", "[\"881\", \"882\"]"),
        ("rules.caller_id_fit", "fallback"),
        ("rules.fallback_service_numbers", "{ DE: \"4922147100000\" }"),
    ]);

    let config = parsed(&text).unwrap();

    let reasons = [Reason::PartnerBlocked, Reason::ContactNotAllowed, Reason::PartnerBlocked];
    let tests = &config.rules.refuse_when;
    assert!(tests.iter().map(|test| test.reason).eq(reasons));
    assert_eq!(tests[2].test, ValueTest::NoneOf(vec!["2".to_owned()]));
    assert_eq!(config.systems.first().rule_paths.len(), 3);
    assert!(config.rules.never_dialled.ranges.contain("88161234567"));
    assert_eq!(config.rules.caller_id_fit, CallerIdFit::Fallback);
    let pair = config.rules.fallbacks.values().next().unwrap();
    assert_eq!(pair.contract_number.as_str(), "Direct salesDE");
}

#[test]
fn a_rule_that_cannot_be_kept_is_told_with_what_to_write() {
    for (key, value, told) in [
        ("refuse_when", "[{ path: A, operator: equals }]", "`equals` needs `value`"),
        ("refuse_when", "[{ path: A, operator: one_of, value: x }]", "`one_of` needs `values`"),
        ("refuse_when", "[{ path: A, operator: exists, value: x }]", "remove `value`"),
        ("refuse_when", "[{ operator: exists }]", "is missing"),
        ("never_dialled.prefixes", "[\"+49\"]", "`+49` is not 1 to 15 digits"),
        ("caller_id_fit", "fallback", "is empty, but rules.caller_id_fit is `fallback`"),
        ("fallback_service_numbers", "{ DE: \"4922147100000\" }", "is not used"),
    ] {
        let finding = finding(key, value);
        assert!(finding.contains(told), "{key}: {value}: {finding}");
    }
}

#[test]
fn a_fallback_is_a_number_of_its_country_and_a_row_that_jtel_can_find() {
    for (value, told) in [
        ("{ DE: \"43100000001\" }", "`43100000001` is no number of DE"),
        ("{ DE: \"4930111111\" }", "is in no row of rules.service_numbers"),
        ("{ Germany: \"4922147100000\" }", "`Germany` is not a"),
    ] {
        let changes =
            [("rules.caller_id_fit", "fallback"), ("rules.fallback_service_numbers", value)];
        let finding = only(&with(&changes));
        assert!(finding.contains(told), "{value}: {finding}");
    }
}

#[test]
fn a_service_number_that_may_not_be_shown_or_that_no_country_has_is_a_finding() {
    for (number, told) in [
        ("499001123456", "premium-rate"),
        ("491371234567", "mass-traffic"),
        ("4911833", "directory"),
        ("49116117", "short code"),
        ("414400000020000", "has a length that no number of its country has"),
        ("2100000000", "country code that nobody has"),
    ] {
        let row = format!("[{{ contract_number: PartnerDE, service_number: \"{number}\" }}]");
        let finding = finding("service_numbers", &row);
        assert!(finding.contains(told), "{number}: {finding}");
    }
}
