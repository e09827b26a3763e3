//! `dialgate replay`: what a gateway has recorded, decided again under a changed configuration.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{
    Gateway,
    gateway::rewrite_config,
    program::{dialgate, run, stderr, stdout},
};

async fn replay(
    gateway: &Gateway,
    changes: &[(&str, &str)],
    more: &[&str],
) -> (Option<i32>, Value) {
    let config = changed(gateway, changes);
    let access = gateway.folder.path().join("access.log");
    let output =
        run(dialgate().args(["replay", "--json", "--config"]).arg(config).args(more).arg(access))
            .await;
    let found = serde_json::from_str(&stdout(&output));
    (output.status.code(), found.unwrap_or_else(|_| panic!("{}", stderr(&output))))
}

/// The configuration of a gateway with other rules.
fn changed(gateway: &Gateway, changes: &[(&str, &str)]) -> std::path::PathBuf {
    rewrite_config(gateway.folder.path(), &gateway.sap_url, changes)
}

#[tokio::test]
async fn what_other_rules_would_have_decided_of_recorded_calls_is_told() {
    let gateway = Gateway::start_with(&[("log.facts", "true")]).await;
    let jtel = gateway.jtel();
    for partner in ["1001910", "1001910", "1002345", "4040404"] {
        jtel.query(&format!("SAPBusinessPartnerID={partner}&SAPPhoneNumber=4989777666555")).await;
    }
    jtel.query("nonsense").await;
    let records = gateway.until_records(5).await;

    let (code, same) = replay(&gateway, &[], &["--fail-on-change"]).await;
    assert_eq!(
        (code, &same["decisions"], &same["same"]),
        (Some(0), &4.into(), &4.into()),
        "{same}"
    );
    assert_eq!((&same["notDecided"], &same["unreadable"]), (&1.into(), &0.into()));

    // No number for Austria and Germany any more, and Germany is not called.
    let other_rules = [("rules.destination_countries", "[AT]")];
    let (code, found) = replay(&gateway, &other_rules, &["--fail-on-change"]).await;
    assert_eq!((code, &found["changed"]), (Some(1), &4.into()), "{found}");
    let lost = records.iter().filter(|record| !record["service_number"].is_null()).count();
    assert_eq!(found["loseTheirNumber"], lost);
    let first = &found["changes"][0];
    assert_eq!(first["after"]["reason"], "number_not_allowed");
    assert_eq!(first["after"]["rule"], "rules.destination_countries");
    assert_eq!(first["calls"][0], records[0]["call"]);
    let (code, _) = replay(&gateway, &other_rules, &[]).await;
    assert_eq!(code, Some(0));

    let text = fs::read_to_string(gateway.folder.path().join("access.log")).unwrap();
    for personal in ["1001910", "1002345", "4040404", "777666"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    assert_eq!(records[0]["facts"]["distribution_channel"], "Direct sales");
    assert_eq!(records[0]["facts"]["number"]["country"], "DE");
}

#[tokio::test]
async fn records_without_facts_and_files_that_are_none_are_told_as_such() {
    let gateway = Gateway::start().await;
    gateway.jtel().ask("1001910").await;
    let records = gateway.until_records(1).await;
    assert!(records[0].get("facts").is_none());

    let (code, found) = replay(&gateway, &[], &[]).await;
    assert_eq!((code, &found["cannotBeTold"]), (Some(1), &1.into()), "{found}");

    let config = changed(&gateway, &[]);
    let file = |name: &Path| gateway.folder.path().join(name);
    fs::write(file("none".as_ref()), [0xff, b'\n', b'{']).unwrap();
    let output =
        run(dialgate().args(["replay", "--config"]).arg(&config).arg(file("none".as_ref()))).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("none:2: is not JSON"), "{}", stdout(&output));
    assert!(stderr(&output).contains("log.facts"), "{}", stderr(&output));
    let output =
        run(dialgate().args(["replay", "--config"]).arg(&config).arg(file("away".as_ref()))).await;
    assert!(stderr(&output).contains("away cannot be opened"), "{}", stderr(&output));
}
