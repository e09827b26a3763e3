//! Moving house: another SAP is asked as well, and what would be decided by its answers is compared.

use serde_json::Value;

use crate::support::{
    Gateway, eventually,
    gateway::{SAP_USER, rewrite_config},
    program::{dialgate, run, stderr, stdout},
    scripted::{Does, ScriptedSap},
    value_of,
};

/// `old` is the gateway's simulator, `new` the scripted one: both know the derived partners.
fn systems(new: &ScriptedSap, comparison: &str) -> String {
    let login = format!("{{ basic: {{ user: {SAP_USER}, password: {{ file: sap-password }} }} }}");
    let of = |url: &str| format!("{{ url: \"{url}\", login: {login}, probe_interval: 100ms }}");
    format!(
        "[{{ name: old, sap: {}, compare_with: {comparison} }}, {{ name: new, sap: {} }}]",
        of("SAP_URL"),
        of(&new.url())
    )
}

const ALL: &str = "{ system: new, share_percent: 100, per_minute: 1000 }";

const ROUTES: (&str, &str) = ("routes", "[{ ask: [old] }]");

async fn start(comparison: &str) -> (Gateway, ScriptedSap) {
    let new = ScriptedSap::start().await;
    let systems = systems(&new, comparison);
    let gateway = Gateway::start_with(&[("systems", &systems), ROUTES]).await;
    (gateway, new)
}

async fn report(gateway: &Gateway) -> Value {
    let (status, told) = gateway.admin("/parity.json").await;
    assert_eq!(status, 200, "{told}");
    let reports: Value = serde_json::from_str(&told).unwrap();
    reports[0].clone()
}

/// Waits until so many came to an end, whichever.
async fn until(gateway: &Gateway, many: u64) -> Value {
    eventually("comparisons", || async {
        let report = report(gateway).await;
        let counts = ["same", "differing", "unanswered", "skipped"];
        counts.iter().map(|name| report[name].as_u64().unwrap()).sum::<u64>() == many
    })
    .await;
    report(gateway).await
}

#[tokio::test]
async fn what_would_be_told_by_the_other_system_is_compared_and_nobody_is_answered_with_it() {
    let (gateway, new) = start(ALL).await;
    new.decides(|asked| match asked.partner.as_str() {
        "5000002" => Does::AnswerWithChannel("Messe".to_owned()),
        "5000003" => Does::Unknown,
        "5000004" => Does::Blocked,
        "5000005" => Does::Status(500),
        _ => Does::Answer,
    });
    let jtel = gateway.jtel();

    let mut last = String::new();
    for partner in 5_000_001..=5_000_005 {
        let answer = jtel.ask(&partner.to_string()).await;
        assert_eq!(answer.outcome(), "200");
        last = answer.text;
    }
    assert_eq!(jtel.ask("5000002").await.source(), "memory", "asked once, compared once");

    let report = until(&gateway, 5).await;
    assert_eq!((&report["system"], &report["with"]), (&"old".into(), &"new".into()));
    assert_eq!((&report["same"], &report["differing"]), (&1.into(), &3.into()), "{report}");
    assert_eq!((&report["unanswered"], &report["skipped"]), (&1.into(), &0.into()), "{report}");
    assert_eq!(report["samePercent"], 25.0);
    let what: Vec<_> = report["differences"].as_array().unwrap().iter().collect();
    assert!(what.iter().any(|of| of["what"] == "decision" && of["count"].as_u64() >= Some(2)));
    let reasons: Vec<_> = report["kinds"].as_array().unwrap().iter().collect();
    assert!(reasons.iter().any(|kind| kind["then"]["reason"] == "partner_unknown"), "{report}");
    assert!(reasons.iter().any(|kind| kind["then"]["reason"] == "partner_blocked"), "{report}");
    assert!(reasons.iter().all(|kind| kind["now"]["decision"] == "dial"), "{report}");
    assert!(!last.is_empty());

    // A call of each kind can be looked at.
    let call = reasons[0]["calls"][0].as_str().unwrap();
    let (status, told) = gateway.admin(&format!("/explain?call={call}")).await;
    assert_eq!(status, 200, "{told}");

    // No partner's ID, no number of anybody.
    let (_, all) = gateway.admin("/parity.json").await;
    assert!(!all.contains("500000"), "{all}");

    let metrics = gateway.metrics().await;
    let compared = |result| {
        let name = format!("dialgate_sap_compared_total{{result=\"{result}\",system=\"new\"}}");
        value_of(&metrics, &name)
    };
    assert_eq!((compared("same"), compared("differs"), compared("unanswered")), (1, 3, 1));
    let series = metrics.lines().find(|line| {
        line.starts_with("dialgate_sap_differences_total{") && line.contains("what=\"decision\"")
    });
    assert!(series.is_some_and(|line| line.ends_with(" 3") || line.ends_with(" 2")), "{series:?}");
    let (_, page) = gateway.admin("/").await;
    assert!(page.contains("new beside old: 25 % of 4 lookups"), "{page}");
}

#[tokio::test]
async fn the_other_system_is_asked_within_a_budget_and_a_slow_or_silent_one_is_felt_by_nobody() {
    let (gateway, new) = start("{ system: new, share_percent: 100, per_minute: 3 }").await;
    new.does(Does::Hang);
    let jtel = gateway.jtel();

    for partner in 5_000_001..=5_000_010 {
        let answer = jtel.ask(&partner.to_string()).await;
        assert_eq!((answer.outcome(), answer.source()), ("200".to_owned(), "sap".to_owned()));
    }

    let report = report(&gateway).await;
    assert_eq!(report["skipped"], 7, "{report}");
    let asked =
        (5_000_001..=5_000_010).filter(|partner| new.requests_for(&partner.to_string()) > 0);
    assert!(asked.count() <= 3, "by the budget");
    let records = gateway.until_records(10).await;
    assert!(records.iter().all(|record| record["system"] == "old"));
}

#[tokio::test]
async fn what_is_to_be_ignored_is_no_difference_and_other_rules_begin_a_new_count() {
    let (gateway, new) = start(ALL).await;
    // The simulator says "Direct sales" in English, and the rules have a number for it; this one does not.
    new.does(Does::AnswerWithChannel("Messe".to_owned()));
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    let before = until(&gateway, 1).await;
    assert_eq!(before["differing"], 1, "{before}");

    let reload = |changes: Vec<(&'static str, String)>| {
        let gateway = &gateway;
        async move {
            let changes: Vec<_> = changes.iter().map(|(key, text)| (*key, text.as_str())).collect();
            rewrite_config(gateway.folder.path(), &gateway.sap_url, &changes);
            let (status, told) = gateway.reload().await;
            assert_eq!(status, 200, "{told}");
        }
    };
    // The same rules: what was counted stays.
    let all = systems(&new, ALL);
    let routes = ROUTES.1.to_owned();
    reload(vec![
        ("systems", all.clone()),
        ("routes", routes.clone()),
        ("deadline", "2400ms".into()),
    ])
    .await;
    assert_eq!(report(&gateway).await["differing"], 1);

    // Another SAP of that name: what was counted says nothing of it.
    let other = ScriptedSap::start().await;
    let another = systems(&other, ALL);
    reload(vec![("systems", another), ("routes", routes.clone())]).await;
    assert_eq!(report(&gateway).await["differing"], 0);
    reload(vec![("systems", all), ("routes", routes.clone())]).await;

    // Whoever has no number of his own gets the default one: the texts differ still, and the decision does not.
    let default = "{ distribution_channel: Direct sales, country: DE }";
    let rules = [
        ("rules.without_service_number", "dial_default".to_owned()),
        ("rules.default", default.to_owned()),
    ];
    let ignoring = systems(
        &new,
        "{ system: new, share_percent: 100, per_minute: 1000, ignore: [channel, country, service_number, caller_id] }",
    );
    let mut changes = vec![("systems", ignoring), ("routes", routes)];
    changes.extend(rules);
    reload(changes).await;
    assert_eq!(report(&gateway).await["differing"], 0, "another count");
    assert_eq!(jtel.ask("5000007").await.outcome(), "200");
    let after = until(&gateway, 1).await;
    assert_eq!((&after["same"], &after["differing"]), (&1.into(), &0.into()), "{after}");
}

#[tokio::test]
async fn dialgate_parity_tells_it_and_ends_with_1_where_too_many_differ_or_too_few_were_compared() {
    let (gateway, new) = start(ALL).await;
    new.decides(|asked| match asked.partner.as_str() {
        "5000002" => Does::Unknown,
        _ => Does::Answer,
    });
    let jtel = gateway.jtel();
    for partner in 5_000_001..=5_000_004 {
        assert_eq!(jtel.ask(&partner.to_string()).await.outcome(), "200");
    }
    until(&gateway, 4).await;
    let admin = gateway.admin.to_string();
    let parity = |more: &'static [&'static str]| {
        let mut command = dialgate();
        command.args(["parity", "--admin", &admin]).args(more);
        command
    };

    let told = run(&mut parity(&[])).await;
    assert_eq!(told.status.code(), Some(0), "{}", stderr(&told));
    let text = stdout(&told);
    assert!(text.contains("new beside old, since "), "{text}");
    assert!(text.contains("75 % the same: 3 lookups, and 1 that differ"), "{text}");
    assert!(text.contains("-> refuse partner_unknown"), "{text}");
    assert_eq!(run(&mut parity(&["--at-least", "75"])).await.status.code(), Some(0));
    let low = run(&mut parity(&["--at-least", "75.1"])).await;
    assert_eq!(low.status.code(), Some(1));
    assert!(stderr(&low).contains("fewer than 75.1 %"), "{}", stderr(&low));
    let few = run(&mut parity(&["--at-least", "50", "--compared", "5"])).await;
    assert_eq!(few.status.code(), Some(1));
    assert!(stderr(&few).contains("4 lookups were compared"), "{}", stderr(&few));
    assert_eq!(run(&mut parity(&["--at-least", "101"])).await.status.code(), Some(2));
    let json: Value = serde_json::from_str(&stdout(&run(&mut parity(&["--json"])).await)).unwrap();
    assert_eq!(json[0]["kinds"][0]["count"], 1);

    // Whoever got no answer there is lost with the move.
    new.does(Does::Status(500));
    for partner in 5_000_005..=5_000_008 {
        assert_eq!(jtel.ask(&partner.to_string()).await.outcome(), "200");
    }
    until(&gateway, 8).await;
    let unanswered = run(&mut parity(&["--at-least", "75"])).await;
    assert_eq!(unanswered.status.code(), Some(1));
    assert!(stderr(&unanswered).contains("4 lookups got no answer"), "{}", stderr(&unanswered));
    assert_eq!(
        run(&mut parity(&["--compared", "5"])).await.status.code(),
        Some(1),
        "without --at-least, too"
    );

    let nothing = Gateway::start().await;
    let mut command = dialgate();
    command.args(["parity", "--admin", &nothing.admin.to_string()]);
    let told = run(&mut command).await;
    assert_eq!(told.status.code(), Some(1));
    assert!(stderr(&told).contains("compare_with"), "{}", stderr(&told));
}

#[tokio::test]
async fn a_system_that_is_only_compared_takes_no_part_in_readiness() {
    let new = ScriptedSap::start().await;
    let systems = systems(&new, ALL);
    let gateway = Gateway::start_unready(&[("systems", &systems), ROUTES]).await;
    gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);
    eventually("the other one answers", || async {
        gateway.metrics().await.contains("\ndialgate_sap_up{system=\"new\"} 1")
    })
    .await;

    let (_, told) = gateway.admin("/readyz?verbose").await;

    assert!(!told.contains("new: "), "{told}");
}
