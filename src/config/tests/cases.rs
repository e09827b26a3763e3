//! Decision tests: what passes, what fails, and how it is told.

use std::fmt::Write;

use super::*;
use crate::domain::Reason;

/// The shipped file with some keys changed, and with tests.
pub(super) fn tested(changes: &[(&str, &str)], tests: &str) -> String {
    format!("{}\ntests:\n{tests}", with(changes))
}

/// One test as an entry of the list.
pub(super) fn case(given: &str, expect: &str) -> String {
    format!("  - {{ name: a call, {given}, expect: {{ {expect} }} }}\n")
}

const HERE: &str = "number: +49 89 99998000";

const DIRECT: &str = "partner: { distribution_channel: Direct sales, country: DE }";

/// Rules of every kind.
const STRICT: [(&str, &str); 7] = [
    ("rules.without_service_number", "dial_without_number"),
    ("rules.contact_not_allowed", "refuse"),
    (
        "rules.refuse_when",
        "[{ path: Lock, operator: exists }, \
         { path: Rating, operator: one_of, values: [\"8\"], reason: contact_not_allowed }, \
         { path: Status, operator: not_equals, value: \"2\" }]",
    ),
    ("rules.never_dialled.emergency", "true"),
    ("rules.never_dialled.premium", "true"),
    ("rules.caller_id_fit", "fallback"),
    ("rules.fallback_service_numbers", "{ AT: \"43100000001\" }"),
];

#[test]
#[expect(clippy::too_many_lines, reason = "one table, in which each reason must be")]
fn every_kind_of_call_can_be_told_and_its_decision_expected() {
    let direct = |more: &str| {
        format!("partner: {{ distribution_channel: Direct sales, country: DE, {more} }}, {HERE}")
    };
    let sound = "values: { Status: [\"2\"] }";
    let cases = [
        (direct(sound), "dial: 4922147100000"),
        (direct(sound), "contract_number: Direct salesDE, caller_id: fits"),
        (
            direct(sound),
            "dial: \"4922147100000\", contract_number: Direct salesDE, caller_id: fits, rule: rules.service_numbers",
        ),
        (
            direct(sound).replace(HERE, "number: 0043 100 000 009"),
            "dial: 43100000001, caller_id: fallback",
        ),
        (direct(sound).replace(HERE, "number: +41440000009"), "refuse: caller_id_not_allowed"),
        (
            direct(sound).replace(HERE, "number: 112"),
            "refuse: number_not_allowed, rule: rules.never_dialled.emergency",
        ),
        (
            direct(sound).replace(HERE, "number: 0900 1 123456"),
            "refuse: number_not_allowed, rule: rules.never_dialled.premium",
        ),
        (direct(sound).replace(HERE, "number: anonymous"), "refuse: bad_query"),
        (
            direct(sound).replace(HERE, "number: ~"),
            "refuse: number_not_allowed, rule: number_missing",
        ),
        (direct("blocked: true"), "refuse: partner_blocked, rule: rules.partner_blocked"),
        (
            direct("contact_not_allowed: true"),
            "refuse: contact_not_allowed, rule: rules.contact_not_allowed",
        ),
        (
            direct("values: { Lock: [X] }"),
            "refuse: partner_blocked, rule: \"rules.refuse_when[0]\"",
        ),
        (
            direct("values: { Rating: [\"1\", \"8\"] }"),
            "refuse: contact_not_allowed, rule: \"rules.refuse_when[1]\"",
        ),
        (
            direct("values: { Status: [3] }"),
            "refuse: partner_blocked, rule: \"rules.refuse_when[2]\"",
        ),
        (direct("values: {}"), "refuse: partner_blocked, rule: \"rules.refuse_when[2]\""),
        (
            direct(sound).replace("country: DE", "country: LI"),
            "dial: without_number, contract_number: Direct salesLI",
        ),
        (direct(sound).replace("country: DE,", ""), "refuse: no_country"),
        (direct(sound).replace("distribution_channel: Direct sales,", ""), "refuse: no_channel"),
        (format!("sap: unknown, {HERE}"), "refuse: partner_unknown, rule: partner_known"),
        (format!("sap: ambiguous, {HERE}"), "refuse: partner_ambiguous"),
        (format!("sap: silent, {HERE}"), "refuse: sap_unavailable, rule: rules.sap_unavailable"),
    ];
    let mut list = String::new();
    for (place, (given, expect)) in cases.iter().enumerate() {
        list += &case(given, expect).replace("a call", &format!("call {place}"));
    }
    let text = tested(&STRICT, &list);

    let config = parsed(&text).unwrap_or_else(|findings| panic!("{findings}"));

    for reason in Reason::ALL {
        let label = format!("refuse: {}", reason.label());
        let is_expected = cases.iter().any(|(_, expect)| expect.starts_with(&label));
        let never = [
            Reason::Unauthorized,
            Reason::Overloaded,
            Reason::AuditUnwritable,
            Reason::NotRouted,
            Reason::NoServiceNumber,
        ];
        assert_eq!(is_expected, !never.contains(&reason), "{label}");
    }
    assert_eq!(config.tests.len(), cases.len());
    assert_eq!(config.tests[3].name(), "call 3");
    let reach = Reach::of(&config);
    assert_eq!(reach.missed_rules, []);
    assert_eq!((reach.tests, reach.rules, reach.service_numbers), (21, 12, 9));
    assert_eq!(reach.missed_contract_numbers.len(), 7);
    let again = show(&text, "config.yaml").unwrap();
    assert_eq!(parsed(&again).unwrap().tests, config.tests);
}

#[test]
fn a_test_that_fails_is_told_with_its_place_what_is_expected_and_what_is_decided() {
    let fit = ("rules.caller_id_fit", "refuse");
    for (changes, given, expect, told) in [
        (
            &[][..],
            "partner: { distribution_channel: Direct sales, country: DE, blocked: true }",
            "dial: 4922147100000, rule: rules.service_numbers",
            "the test `a call` fails: { dial: \"4922147100000\", rule: rules.service_numbers } is expected, \
             and decided is { refuse: partner_blocked, rule: rules.partner_blocked }; mend the rules",
        ),
        (
            &[],
            DIRECT,
            "refuse: partner_blocked",
            "{ refuse: partner_blocked } is expected, and decided is { dial: \"4922147100000\", \
             contract_number: Direct salesDE, caller_id: unchecked, rule: rules.service_numbers }; ",
        ),
        (&[], DIRECT, "dial: \"4922147100001\"", "decided is { dial: \"4922147100000\""),
        (
            &[],
            DIRECT,
            "dial: without_number",
            "{ dial: without_number } is expected, and decided is",
        ),
        (&[], DIRECT, "contract_number: Direct salesAT", "{ contract_number: Direct salesAT } is"),
        (&[], DIRECT, "caller_id: fits", "{ caller_id: fits } is expected"),
        (
            &[],
            DIRECT,
            "dial: 4922147100000, rule: partner_known",
            "rule: partner_known } is expected",
        ),
        (
            &[fit],
            DIRECT,
            "dial: 4922147100000",
            "caller_id_not_allowed, rule: rules.caller_id_fit }, because a rule needs a number and the \
             test has none",
        ),
        (
            &[],
            "sap: unknown, number: +4989x99998000",
            "refuse: partner_unknown",
            "{ refuse: bad_query }, because its number has a character that is no part of a telephone \
             number at position 5",
        ),
    ] {
        let text = tested(changes, &case(given, expect));
        let findings = parsed(&text).unwrap_err();
        let [finding] = findings.iter().collect::<Vec<_>>()[..] else { panic!("{findings}") };
        assert!(finding.message.contains(told), "{told}\n{}", finding.message);
        assert_eq!(
            (finding.key.as_str(), finding.file.as_str()),
            ("tests[0].expect", "config.yaml")
        );
        assert_eq!(finding.line, text.lines().count());
        let line = text.lines().last().unwrap();
        assert_eq!(finding.column, line.find("expect:").unwrap() + 1);
        assert!(!finding.to_string().contains("99998000"), "{finding}");
    }
}

#[test]
fn what_follows_from_another_finding_is_none() {
    let fails = case(DIRECT, "refuse: partner_blocked");
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("numbers.csv"), "contract_number;service_number\nXDE;x\n")
        .unwrap();
    for change in [
        ("rules.partner_blocked", "maybe"),
        ("rules.service_numbers[3].service_number", "\"+49\""),
        ("query.default_country", "XX"),
        ("rules.never_dialled.prefixes", "[\"+\"]"),
    ] {
        let told = told(&tested(&[change], &fails));
        assert!(told.len() == 1 && told[0].contains(change.0), "{told:?}");
    }
    let text = tested(&[], &fails).replace(
        "  # service_numbers_file: service-numbers.csv",
        "  service_numbers_file: numbers.csv",
    );
    let findings = parsed_in(&text, directory.path()).unwrap_err();
    assert!(findings.iter().all(|finding| finding.file.ends_with("numbers.csv")), "{findings}");
    // What has nothing to do with it stands beside it.
    let told = told(&tested(&[("deadline", "soon"), ("cache.found_ttl", "long")], &fails));
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn thousands_of_tests_are_decided_and_of_thousands_that_fail_some_are_told() {
    let list = |count: usize, expect: &str| {
        let mut list = String::new();
        for place in 0..count {
            let number = "number: +49 89 99998000";
            writeln!(
                list,
                "- {{ name: \"{place}\", sap: unknown, {number}, expect: {{ {expect} }} }}"
            )
            .unwrap();
        }
        list
    };

    let text = tested(&[], &list(10_000, "refuse: partner_unknown"));
    assert_eq!(parsed(&text).unwrap().tests.len(), 10_000);

    let told = told(&tested(&[], &list(10_000, "refuse: partner_blocked")));
    assert_eq!(told.len(), 21, "{told:?}");
    assert!(told[0].ends_with("tests: 10000 of 10000 fail; 20 of them are told"), "{}", told[0]);

    let finding = only(&tested(&[], &list(10_001, "refuse: partner_unknown")));
    assert!(finding.contains("tests: has 10001 entries, of which none was read"), "{finding}");
}
