//! What is counted, told and never guessed.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config;

fn ground(edits: &[(&str, &str)]) -> Ground {
    let mut all = vec![
        ("listen.tls", "~"),
        ("listen.plaintext_behind_a_tls_load_balancer", "true"),
        ("clients", "[]"),
        ("anybody_may_ask", "true"),
        ("sap.login", "none"),
        (
            "rules.service_numbers",
            "[{ contract_number: Direct salesDE, service_number: \"4922147100000\" }]",
        ),
    ];
    for (key, value) in edits {
        all.retain(|(other, _)| other != key);
        all.push((key, value));
    }
    let edits: Vec<_> = all.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    let text = config::edit(config::EXAMPLE, &edits).unwrap();
    let environment = Environment::of([]);
    let config = config::parse(&text, "test", "".as_ref(), &environment, |_, _| ());
    Ground::of(&Arc::new(config.unwrap_or_else(|findings| panic!("{findings}"))))
}

fn dialled(call: &str) -> serde_json::Value {
    json!({
        "call": call, "decision": "dial", "reason": "none", "rule": "rules.service_numbers",
        "contract_number": "Direct salesDE", "service_number": "4922147100000",
        "facts": {
            "partner": "found", "distribution_channel": "Direct sales", "country": "DE",
            "blocked": false, "contact_not_allowed": false,
            "number": {
                "country": "DE", "emergency": false, "short_code": false, "premium": false,
                "in_ranges": false, "ranges": "", "home": "DE/international",
            },
        },
    })
}

fn replayed(text: &str, ground: &Ground) -> Tally {
    let mut tally = Tally::default();
    read(text.as_bytes(), "access.log", ground, &mut tally).unwrap();
    tally
}

#[test]
fn what_would_change_is_counted_by_kind_with_calls_as_examples() {
    let mut lines: Vec<_> = (1..=5).map(|call| dialled(&call.to_string()).to_string()).collect();
    let mut austrian = dialled("6");
    austrian["facts"]["country"] = "AT".into();
    let mut blocked = dialled("7");
    blocked["facts"]["blocked"] = true.into();
    lines.extend([austrian, blocked].map(|record| record.to_string()));
    lines.push(
        json!({"call": "8", "decision": "refuse", "reason": "bad_query", "rule": null}).to_string(),
    );
    lines.push(json!({"at": "now", "event": "not_http"}).to_string());
    lines.push("{\"call\":\"9\",\"decision\":\"di".to_owned());

    let tally = replayed(&lines.join("\n"), &ground(&[]));

    let text = anstream::adapter::strip_str(&told::text(&tally, 20)).to_string();
    assert_eq!(
        text,
        "\
7 decisions: 2 would change; 2 lose their number, 0 get one
5 as before, 0 cannot be told; 2 lines of no decision, 1 cannot be read

What would change
        1  dial 4922147100000 (Direct salesDE) by rules.service_numbers
        -> refuse no_service_number by rules.without_service_number
           e.g. 6
        1  dial 4922147100000 (Direct salesDE) by rules.service_numbers
        -> refuse partner_blocked by rules.partner_blocked
           e.g. 7

What cannot be read
access.log:10: is not JSON, or only a part of it
"
    );
}

#[test]
fn another_number_for_a_contract_number_is_one_kind_of_change() {
    let lines: Vec<_> = (1..=4000).map(|call| dialled(&call.to_string()).to_string()).collect();
    let another = "[{ contract_number: Direct salesDE, service_number: \"4930111111\" }]";

    let tally = replayed(&lines.join("\n"), &ground(&[("rules.service_numbers", another)]));

    let json = told::json(&tally);
    assert_eq!((&json["decisions"], &json["changed"]), (&4000.into(), &4000.into()));
    assert_eq!((&json["loseTheirNumber"], &json["getANumber"]), (&0.into(), &0.into()));
    assert_eq!(json["changes"].as_array().map(Vec::len), Some(1), "{json}");
    assert_eq!(json["changes"][0]["after"]["serviceNumber"], "4930111111");
    assert_eq!(json["changes"][0]["calls"], json!(["1", "2", "3"]));
    assert!(told::text(&tally, 1).contains("4,000 decisions"));
}

#[test]
fn what_the_record_does_not_have_is_told_and_never_guessed() {
    let rules = ground(&[
        ("rules.never_dialled.prefixes", "[\"8816\"]"),
        ("rules.refuse_when", "[{ path: Rating, operator: exists }]"),
    ]);
    let mut without = dialled("1");
    without.as_object_mut().unwrap().remove("facts");
    let with_ranges_of = |of: &Ground, call| {
        let mut record = dialled(call);
        let named = replayed_ranges(of);
        record["facts"]["number"]["ranges"] = named.into();
        record
    };
    let of_other_ranges = dialled("2");
    let without_path = with_ranges_of(&rules, "3");
    let mut unmarked = with_ranges_of(&rules, "4");
    unmarked["facts"]["paths"] = json!(["Rating"]);
    unmarked["facts"].as_object_mut().unwrap().remove("blocked");
    let mut read_elsewhere = dialled("5");
    read_elsewhere["facts"]["number"]["home"] = "DK/home".into();
    // Refused for another reason before anything of that is asked.
    let mut unknown = with_ranges_of(&rules, "6");
    unknown["facts"] = json!({"partner": "unknown", "number": unknown["facts"]["number"]});
    let lines = [without, of_other_ranges, without_path, unmarked, read_elsewhere, unknown];

    let tally = replayed(&lines.map(|line| line.to_string()).join("\n"), &rules);

    assert_eq!((tally.changed, tally.same, tally.cannot_be_told()), (1, 0, 5));
    let mut told: Vec<_> =
        tally.untold_kinds().into_iter().map(|(why, kind)| (kind.examples.concat(), why)).collect();
    told.sort();
    let starts = [
        ("1", "the record has no facts"),
        ("2", "rules.never_dialled.prefixes: "),
        ("3", "rules.refuse_when[0]: `Rating` was not read"),
        ("4", "rules.partner_blocked: "),
        ("5", "rules.never_dialled.prefixes: query.default_country"),
    ];
    for ((call, why), (expected, start)) in told.iter().zip(starts) {
        assert_eq!(call, expected);
        assert!(why.starts_with(start), "{call}: {why}");
    }
}

/// What records call the ranges of a configuration.
fn replayed_ranges(ground: &Ground) -> String {
    ground.ranges().to_owned()
}

#[test]
fn a_call_without_a_place_in_the_queue_is_a_silent_sap_to_the_rules() {
    let record = json!({
        "call": "1", "decision": "refuse", "reason": "overloaded", "rule": "rules.sap_unavailable",
        "facts": {"partner": "silent", "number": null},
    });
    let rules = [
        ("rules.never_dialled.emergency", "false"),
        ("rules.never_dialled.premium", "false"),
        ("rules.never_dialled.short_codes", "false"),
    ];

    let tally = replayed(&record.to_string(), &ground(&rules));

    assert_eq!((tally.changed, tally.same), (0, 1));
}

#[test]
fn kinds_without_number_do_not_fill_the_memory() {
    let mut lines = String::new();
    for number in 0..10_050 {
        let mut record = dialled("1");
        record["contract_number"] = format!("Channel {number}DE").into();
        lines += &record.to_string();
        lines.push('\n');
    }

    let tally = replayed(&lines, &ground(&[]));

    assert_eq!((tally.changed, tally.changes().len(), tally.of_other_kinds), (10_050, 10_000, 50));
}

proptest! {
    #[test]
    fn any_line_is_counted_once_and_none_ends_it(
        lines in prop::collection::vec(
            prop_oneof![
                "\\PC{0,80}",
                Just(dialled("1").to_string()),
                (0_usize..400).prop_map(|end| dialled("2").to_string().chars().take(end).collect()),
                ("[a-z_]{1,12}", "\\PC{0,12}").prop_map(|(name, value)| {
                    let mut record = dialled("3");
                    record["facts"][&name] = value.clone().into();
                    record[name] = value.into();
                    record.to_string()
                }),
                prop::sample::select(vec!["partner", "number", "values", "paths", "country"])
                    .prop_map(|name| {
                        let mut record = dialled("4");
                        record["facts"][name] = json!([{"x": ["y"]}]);
                        record.to_string()
                    }),
            ],
            0..12,
        ),
    ) {
        let text = lines.join("\n");
        let counted = text.split('\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64;

        let tally = replayed(&text, &ground(&[]));

        prop_assert_eq!(tally.decisions() + tally.not_decided + tally.unreadable, counted);
        let _told = (told::text(&tally, 3), told::json(&tally));
    }
}
