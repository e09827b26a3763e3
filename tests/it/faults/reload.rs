//! Changed files come into force while the process runs, and nothing is dropped for it.

use std::{fs, time::Duration};

use http::Method;
use serde_json::Value;

use crate::support::{
    Process, ScriptedSap, eventually,
    gateway::write_certificates,
    load::{at_pace, partner, with_outcome},
    program::{self, run, stdout},
    within,
};

/// Seconds, as promised, on a busy machine.
const SOON: Duration = Duration::from_secs(15);

/// `Direct salesCH` with this number; the default pair must be there too.
fn numbers(number: &str) -> String {
    format!(
        "[{{ contract_number: Direct salesCH, service_number: \"{number}\" }}, \
          {{ contract_number: Direct salesDE, service_number: \"4922147100000\" }}]"
    )
}

async fn service_number(process: &Process) -> Value {
    // Derived: Direct sales in Switzerland.
    process.jtel(false).ask("5000001").await.json()["serviceNumber"].clone()
}

#[tokio::test]
async fn a_changed_service_number_counts_within_seconds_and_sap_is_not_asked_again() {
    let sap = ScriptedSap::start().await;
    let first = numbers("41440000001");
    let process = Process::start(&sap.url(), &[("rules.service_numbers", &first)]).await;
    assert_eq!(service_number(&process).await, "41440000001");

    let second = numbers("41440000009");
    process.rewrite(&[("rules.service_numbers", &second)]);

    within(SOON, "the new number", || async { service_number(&process).await == "41440000009" })
        .await;
    assert_eq!(sap.requests_for("5000001"), 1, "what SAP said still counts");
}

#[tokio::test]
async fn a_hundred_reloads_under_load_cost_no_call() {
    let sap = ScriptedSap::start().await;
    let mut process = Process::start(&sap.url(), &[]).await;
    let load = tokio::spawn({
        let jtel = process.jtel(false);
        async move { at_pace(&jtel, 50, (0..200).map(|n| partner(n % 50))).await }
    });

    let mut reloads = 0;
    while !load.is_finished() && reloads < 100 {
        let number = numbers(&format!("4144000{:04}", reloads % 7));
        process.rewrite(&[
            ("rules.service_numbers", &number),
            ("rules.without_service_number", "dial_without_number"),
        ]);
        if reloads % 2 == 0 {
            let (status, told) = process.admin(Method::POST, "/reload").await;
            assert_eq!(status, 200, "{told}");
        } else {
            program::signal(&process.child, "-HUP").await;
        }
        reloads += 1;
    }
    let calls = load.await.unwrap();

    assert_eq!(with_outcome(&calls, "200"), 200, "after {reloads} reloads");
    assert_eq!(process.end().await, Some(0));
    assert_eq!(process.records().len(), 200);
}

#[tokio::test]
async fn a_certificate_that_changes_is_shown_within_seconds() {
    let sap = ScriptedSap::start().await;
    let process = Process::start(&sap.url(), &[]).await;
    let shown = || async {
        let line = format!(
            "openssl s_client -connect {} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint",
            process.address
        );
        stdout(&run(tokio::process::Command::new("sh").args(["-c", &line])).await)
    };
    let before = shown().await;
    assert!(before.contains("Fingerprint"), "{before}");

    write_certificates(process.folder.path());

    within(SOON, "another certificate", || async {
        let now = shown().await;
        now.contains("Fingerprint") && now != before
    })
    .await;
    assert_eq!(process.jtel(false).ask("5000001").await.outcome(), "200");
}

#[tokio::test]
async fn another_sap_starts_with_a_memory_of_its_own() {
    let (sap, other) = (ScriptedSap::start().await, ScriptedSap::start().await);
    let process = Process::start(&sap.url(), &[]).await;
    let jtel = process.jtel(false);
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");

    let url = other.url();
    process.rewrite(&[("sap.url", url.as_str())]);

    within(SOON, "the other SAP is asked", || async {
        assert_eq!(jtel.ask("5000001").await.outcome(), "200");
        other.requests_for("5000001") == 1
    })
    .await;
    assert_eq!(sap.requests_for("5000001"), 1);
}

#[tokio::test]
async fn a_file_with_findings_or_half_of_one_changes_nothing_and_is_told() {
    let sap = ScriptedSap::start().await;
    let process =
        Process::start(&sap.url(), &[("rules.service_numbers", &numbers("41440000001"))]).await;
    let file = process.folder.path().join("config.yaml");
    let good = fs::read_to_string(&file).unwrap();

    for broken in
        [good.replace("deadline: 2500ms", "deadline: soon"), good[..good.len() / 2].to_owned()]
    {
        fs::write(&file, broken).unwrap();
        let (status, _told) = process.admin(Method::POST, "/reload").await;
        assert!((400..500).contains(&status), "{status}");
        assert_eq!(service_number(&process).await, "41440000001");
    }

    eventually("told in the log", || async {
        process.warnings().iter().any(|line| line.to_string().contains("config.yaml"))
    })
    .await;
    let (status, told) = process.admin(Method::GET, "/readyz?verbose").await;
    assert_eq!(status, 200, "{told}");
    assert!(told.contains("config"), "{told}");
}
