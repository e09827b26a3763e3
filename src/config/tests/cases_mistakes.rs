//! Decision tests that are none, and what is told to write instead.

use super::{
    cases::{case, tested},
    *,
};

#[test]
#[expect(clippy::too_many_lines, reason = "one table of mistakes")]
fn a_test_that_is_none_is_told_with_what_to_write() {
    let ok = "refuse: partner_unknown";
    for (given, expect, told) in [
        ("sap: unknwon", ok, "tests[0].sap: `unknwon` is not known here; did you mean `unknown`?"),
        ("sap: ~", ok, "tests[0]: does not say what SAP says; write `partner:`"),
        (
            "partnr: { country: DE }",
            ok,
            "tests[0].partnr: there is no such key; did you mean `partner`?",
        ),
        ("sap: unknown, partner: {}", ok, "tests[0].sap: stands beside `partner`"),
        ("partner: { country: XX }", ok, "tests[0].partner.country: `XX` is not a country code"),
        ("partner: { country: de }", ok, "tests[0].partner.country: `de` is not a country code"),
        (
            "partner: { distribution_channel: \"\" }",
            ok,
            "tests[0].partner.distribution_channel: `` is not a channel text",
        ),
        ("partner: { blocked: perhaps }", ok, "tests[0].partner.blocked: `perhaps` is neither"),
        (
            "partner: { block: true }",
            ok,
            "tests[0].partner.block: there is no such key; did you mean",
        ),
        (
            "partner: { values: { Raiting: [\"8\"] } }",
            ok,
            "tests[0].partner.values.Raiting: is no path of rules.refuse_when; did you mean `Rating`?",
        ),
        (
            "partner: { values: { X: [\"8\"] } }",
            ok,
            "values.X: is no path of rules.refuse_when; remove it",
        ),
        ("partner: { values: { Rating: [\"\"] } }", ok, "values.Rating: has an empty text"),
        ("partner: { values: { Rating: \"8\" } }", ok, "a text stands where a list belongs"),
        ("sap: unknown", "refuse: partner_blokced", "did you mean `partner_blocked`?"),
        ("sap: unknown", "refuse: overloaded", "`overloaded` is not known here"),
        (
            "sap: unknown",
            "refuse: partner_unknown, dial: 4922147100000",
            "stands beside `dial`; a call is",
        ),
        (
            "sap: unknown",
            "refuse: partner_unknown, caller_id: fits",
            "tests[0].expect.refuse: stands beside `caller_id`",
        ),
        ("sap: unknown", "", "tests[0].expect: does not say what has to be decided; write `dial:`"),
        (
            "sap: unknown",
            "rule: partner_known",
            "tests[0].expect: does not say what has to be decided",
        ),
        (
            "sap: unknown",
            "dial: +4922147100000",
            "tests[0].expect.dial: `+4922147100000` starts with `+`",
        ),
        (
            "sap: unknown",
            "dial: yes please",
            "`yes please` is neither a service number nor `without_number`",
        ),
        (
            "sap: unknown",
            "refuse: partner_unknown, rule: rules.partner_block",
            "tests[0].expect.rule: there is no rule `rules.partner_block`; did you mean `rules.partner_blocked`?",
        ),
        (
            "sap: unknown",
            "refuse: partner_unknown, rule: zzz",
            "there is no rule `zzz`; known are number_missing",
        ),
        (
            "sap: unknown",
            "refuse: partner_unknown, rule: \"rules.refuse_when[1]\"",
            "rules.refuse_when has 1 entries, counted from 0",
        ),
        (
            "sap: unknown",
            "refuse: partner_unknown, why: x",
            "tests[0].expect.why: there is no such key",
        ),
    ] {
        let rule = "[{ path: Rating, operator: exists }]";
        let finding = only(&tested(&[("rules.refuse_when", rule)], &case(given, expect)));
        assert!(finding.contains(told), "{given} {expect}: {finding}");
    }
    for (entry, told) in [
        (
            "  - sap: unknown\n    expect: { refuse: partner_unknown }\n",
            "tests[0].name: is missing",
        ),
        ("  - { name: x, sap: unknown }\n", "tests[0].expect: is missing"),
        ("  - x\n", "tests[0]: a text stands where a section"),
    ] {
        assert!(only(&tested(&[], entry)).contains(told), "{entry}");
    }
}

#[test]
fn every_test_has_a_name_of_its_own() {
    let one = case("sap: unknown", "refuse: partner_unknown");

    for name in ["\"\"", "\" \""] {
        let finding = only(&tested(&[], &one.replace("a call", name)));
        assert!(finding.starts_with("tests[0].name: is empty; write"), "{finding}");
    }
    let finding = only(&tested(&[], &one.replace("a call", &"x".repeat(101))));
    assert_eq!(finding, "tests[0].name: has more than 100 characters");
    let twice = tested(&[], &[one.clone(), one].concat());
    let first = twice.lines().count() - 1;
    assert_eq!(
        only(&twice),
        format!("tests[1].name: is the name of another test, in config.yaml:{first}")
    );
}
