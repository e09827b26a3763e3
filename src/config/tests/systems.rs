//! Several SAP systems, and which of them is asked.

use super::*;
use crate::domain::{Difference, PartnerId};

/// A system of this name, elsewhere than the others.
fn system(name: &str) -> String {
    format!("{{ name: {name}, sap: {{ url: \"https://{name}.example\" }} }}")
}

fn routed(systems: &[&str], routes: &str) -> String {
    let systems: Vec<_> = systems.iter().map(|name| system(name)).collect();
    without_sap(&[("systems", &format!("[{}]", systems.join(", "))), ("routes", routes)])
}

/// The shipped file with these values and without the section `sap`.
fn without_sap(changes: &[(&str, &str)]) -> String {
    let mut text = with(changes);
    let section = text.find("\nsap:\n").unwrap()..text.find("\nsystems:").unwrap();
    text.replace_range(section, "");
    text
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let findings = parsed(text).unwrap_err();
    let told: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected), "{told}\n{expected}");
    }
}

#[test]
fn the_section_sap_is_one_system_that_gets_every_question() {
    let config = parsed(&filled_in()).unwrap();

    let systems = &config.systems;
    assert!(!systems.are_several());
    assert_eq!(systems.first().name.as_str(), "sap");
    let route = systems.route(None, &ClientName::anybody(), PartnerId::parse("1").unwrap());
    assert_eq!(route.unwrap().ask, [0]);
}

#[test]
fn the_first_route_that_fits_counts_and_a_question_that_none_fits_goes_nowhere() {
    let text = routed(
        &["north", "south", "east"],
        "[{ path: /south, ask: [south] }, { clients: [jtel], ids: [C######], ask: [east] }, \
          { ids: [1000000-1999999, 4711], ask: [north, south], when_silent: ask_next }]",
    );
    let config = parsed(&text).unwrap_or_else(|findings| panic!("{findings}"));

    let jtel = ClientName::parse("jtel").unwrap();
    for (path, client, partner, expected) in [
        (Some("/south"), &jtel, "1", Some(&[1][..])),
        (Some("/south"), &jtel, "C123456", Some(&[1])),
        (None, &jtel, "C123456", Some(&[2])),
        (None, &ClientName::anybody(), "C123456", None),
        (None, &jtel, "0001234567", Some(&[0, 1])),
        (None, &jtel, "4711", Some(&[0, 1])),
        (None, &jtel, "4712", None),
        (Some("/elsewhere"), &jtel, "4711", None),
    ] {
        let route = config.systems.route(path, client, PartnerId::parse(partner).unwrap());
        assert_eq!(route.map(|route| &*route.ask), expected, "{path:?} {partner}");
    }
    assert!(config.systems.have_path("/south") && !config.systems.have_path("/north"));
}

#[test]
fn each_finding_in_a_system_stands_at_its_own_line() {
    let systems = "[{ name: a, sap: { url: \"https://a.example\", language: x } }, \
                    { name: B, sap: { url: ftp://b, login: { basic: { user: u, password: { env: NOT_SET } } } } }]";
    refused(
        &without_sap(&[("systems", systems), ("routes", "[{ ask: [a] }]")]),
        &[
            "systems[0].sap.language: `x` is not a language code",
            "systems[1].name: is not 1 to 32 of",
            "systems[1].sap.url: does not begin with `https://`",
            "systems[1].sap.login.basic.password.env: the environment variable NOT_SET is not set",
        ],
    );
}

#[test]
fn what_cannot_be_meant_is_a_finding() {
    let two = ["a", "b"];
    let of_two = |routes: &str| routed(&two, routes);
    let one = format!("[{}]", system("a"));
    for (text, expected) in [
        (with(&[("systems", &one)]), "systems: stands beside `sap`"),
        (without_sap(&[]), "sap: is missing"),
        (of_two("[]"), "systems: are several, and no `routes` says which of them is asked"),
        (
            routed(&["a", "a"], "[{ ask: [a] }]"),
            "systems[1].name: `a` is here already, in config.yaml",
        ),
        (of_two("[{ ask: [a] }]"), "systems[1].name: `b` is asked by no route"),
        (of_two("[{ ask: [a, c] }]"), "routes[0].ask[1]: there is no system `c`; there are: a, b"),
        (of_two("[{ ask: [a, b, a] }]"), "routes[0].ask[2]: is asked already"),
        (of_two("[{ ask: [] }]"), "routes[0].ask: is empty"),
        (
            of_two("[{ clients: [jtl], ask: [a, b] }]"),
            "there is no client `jtl`; did you mean `jtel`?",
        ),
        (of_two("[{ path: x, ask: [a, b] }]"), "routes[0].path: `x` does not begin with `/`"),
        (
            of_two("[{ path: /onClickToDial, ask: [a, b] }]"),
            "routes[0].path: is one of the section listen",
        ),
        (of_two("[{ ids: [2-1], ask: [a, b] }]"), "routes[0].ids[0]: ends before it begins"),
        (
            of_two("[{ ids: [1*, 12#], ask: [a, b] }]"),
            "routes[0].ids[1]: are IDs that stand before it",
        ),
        (
            of_two("[{ ids: [1-9], ask: [a], when_silent: ask_next }, { ask: [b] }]"),
            "routes[0].when_silent: is ask_next, but there is no other system",
        ),
        (of_two("[{ ask: [a, b] }, { ids: [7*], ask: [b] }]"), "routes[1]: is never used"),
        (
            of_two("[{ ids: [100-900], ask: [a] }, { ids: [100-200], ask: [b] }]"),
            "routes[1]: is never used: every question that fits it goes by the route in config.yaml:",
        ),
        (
            of_two("[{ ids: [100-200], ask: [a] }, { ids: [150-250], ask: [b] }]"),
            "routes[1].ids[0]: overlaps with the route in config.yaml",
        ),
    ] {
        refused(&text, &[expected]);
    }
}

#[test]
fn an_exception_within_a_range_and_the_same_range_of_another_client_or_path_are_meant() {
    for routes in [
        "[{ ids: [150-160], ask: [a] }, { ids: [100-200], ask: [b] }]",
        "[{ path: /a, ids: [100-200], ask: [a] }, { ids: [150-250], ask: [b] }]",
        "[{ clients: [jtel], ask: [a] }, { ask: [b] }]",
    ] {
        parsed(&routed(&["a", "b"], routes)).unwrap_or_else(|findings| panic!("{findings}"));
    }
}

#[test]
fn what_other_sections_say_counts_for_each_system() {
    let rule = "[{ path: Status, operator: exists, reason: partner_blocked }]";
    let text = routed(&["a", "b"], "[{ ask: [a, b] }]");
    let text = edit(&text, &[("rules.refuse_when", rule.to_owned())]).unwrap();

    let config = parsed(&text).unwrap_or_else(|findings| panic!("{findings}"));

    for sap in config.systems.iter() {
        assert_eq!(sap.rule_paths.len(), 1, "{}", sap.name);
    }
}

#[test]
fn what_is_in_force_with_several_systems_can_be_read_again() {
    let text = routed(&["north", "south"], "[{ ask: [north, south] }]");

    let shown = show(&text, "config.yaml").unwrap_or_else(|found| panic!("{found}"));

    assert_eq!(show(&shown, "shown").unwrap(), shown);
    let config = parsed(&shown).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(config, parsed(&text).unwrap());
}

/// `north` with this comparison, and `south`, which no route asks.
fn compared(comparison: &str) -> String {
    let north = system("north").replace(" } }", &format!(" }}, compare_with: {comparison} }}"));
    let systems = format!("[{north}, {}]", system("south"));
    without_sap(&[("systems", &systems), ("routes", "[{ ask: [north] }]")])
}

#[test]
fn a_system_that_is_only_compared_needs_no_route() {
    let text = compared("{ system: south, share_percent: 100, ignore: [channel, caller_id] }");
    let config = parsed(&text).unwrap_or_else(|findings| panic!("{findings}"));

    let comparison = &config.systems.comparisons[0];
    assert_eq!((comparison.of, comparison.with), (0, 1));
    assert_eq!((comparison.share_percent, comparison.per_minute), (100, 60));
    assert_eq!(comparison.ignore, [Difference::Channel, Difference::CallerId]);
}

#[test]
fn a_comparison_with_nobody_or_of_nothing_is_a_finding() {
    for (comparison, expected) in [
        (
            "{ system: soth }",
            &[
                "systems[0].compare_with.system: there is no system `soth`; did you mean `south`?",
                "systems[1].name: `south` is asked by no route and no compare_with",
            ][..],
        ),
        (
            "{ system: north }",
            &["compare_with.system: is the system itself", "`south` is asked by no route"],
        ),
        ("{ system: south, share_percent: 0 }", &["share_percent"]),
        ("{ system: south, ignore: [decision] }", &["ignore: names `decision`"]),
        (
            "{ system: south, ignore: [chanel] }",
            &["ignore[0]: there is no difference `chanel`; did you mean `channel`?"],
        ),
        ("{ system: south, ignore: [country, country] }", &["ignore[1]: is named already"]),
        ("{ share_percent: 5 }", &["compare_with.system: is missing"]),
    ] {
        refused(&compared(comparison), expected);
    }
}
