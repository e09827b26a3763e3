//! What the log says of an outage: each change once, in words that help, and no more.

use std::time::Duration;

use serde_json::Value;

use super::{EXPIRES, expired};
use crate::support::{
    Does, Process, ScriptedSap, eventually,
    load::{at_once, at_pace, partner},
    within,
};

fn told(lines: &[Value], word: &str) -> bool {
    lines.iter().any(|line| line.to_string().contains(word))
}

#[tokio::test]
async fn a_sap_that_flaps_is_told_in_a_few_lines_and_not_with_every_call() {
    let sap = ScriptedSap::start().await;
    let process = Process::start(&sap.url(), &[]).await;
    sap.decides(|asked| if asked.nth % 2 == 0 { Does::Status(503) } else { Does::Answer });

    at_pace(&process.jtel(false), 50, (0..150).map(partner)).await;

    let lines = process.log();
    assert!(lines.len() <= 12, "{} lines for 150 calls: {lines:#?}", lines.len());
}

#[tokio::test]
async fn each_change_of_cause_within_one_outage_is_one_line() {
    let sap = ScriptedSap::start().await;
    let changes = [("sap.breaker.open_for", "50ms"), ("sap.probe_interval", "100ms")];
    let process = Process::start(&sap.url(), &changes).await;
    let jtel = process.jtel(false);
    eventually("SAP has answered", || async { jtel.ask("5000001").await.outcome() == "200" }).await;
    let causes = [Does::Status(500), Does::Html(200), Does::Status(403), Does::Unreadable];

    let mut n = 0;
    for (place, cause) in causes.iter().enumerate() {
        sap.does(cause.clone());
        within(Duration::from_secs(8), &format!("a line about {cause:?}"), || {
            n += 10;
            let calls = at_once(&jtel, (n..n + 10).map(partner));
            let process = &process;
            async move {
                calls.await;
                process.warnings().len() > place
            }
        })
        .await;
    }
    sap.does(Does::Answer);
    eventually("it is over", || async { told(&process.log(), "answers again") }).await;

    let warnings = process.warnings();
    assert!(warnings.len() <= causes.len() + 2, "{warnings:#?}");
}

#[tokio::test]
async fn the_end_of_an_outage_says_how_long_it_was_and_what_it_cost() {
    let sap = ScriptedSap::start().await;
    let process = Process::start(&sap.url(), &[EXPIRES]).await;
    let jtel = process.jtel(false);
    at_once(&jtel, (0..3).map(partner)).await;
    expired().await;
    sap.does(Does::Status(500));
    at_once(&jtel, (100..107).map(partner)).await;
    at_once(&jtel, (0..3).map(partner)).await;
    sap.does(Does::Answer);

    within(Duration::from_secs(15), "it is over", || async {
        jtel.ask(&partner(200)).await;
        told(&process.log(), "answers again")
    })
    .await;

    let lines = process.log();
    let end = lines.iter().find(|line| line.to_string().contains("answers again")).unwrap();
    let end = end.to_string();
    for word in ["refused", "stale"] {
        assert!(end.contains(word), "no word of {word} in {end}");
    }
    assert!(end.contains('3'), "three were served what was known before: {end}");
    // Rounded: `0.7 s`, not `712.345678ms`.
    let digits = end.split(['"', ' ', ':', ',']).filter(|word| word.contains('.'));
    let exact = digits.filter(|word| {
        word.rsplit('.')
            .next()
            .is_some_and(|rest| rest.len() > 3 && rest.chars().take(4).all(|c| c.is_ascii_digit()))
    });
    assert_eq!(exact.filter(|word| !word.ends_with('Z')).count(), 0, "{end}");
}

#[tokio::test]
async fn debug_shows_dialgates_own_steps() {
    let sap = ScriptedSap::start().await;
    let process = Process::start(&sap.url(), &[("log.level", "debug")]).await;

    process.jtel(false).ask("5000001").await;

    eventually("a line of our own at debug", || async {
        process.log().iter().any(|line| {
            let target = line["target"].as_str().unwrap_or_default();
            line["level"] == "DEBUG" && target.starts_with("dialgate")
        })
    })
    .await;
    assert!(!told(&process.log(), "5000001"), "a partner's ID is nobody's business");
}
