//! `mock-sap`, a Python package, as SAP: errors as SAP Gateway words them, and its faults.
//!
//! It has no sales areas; the category of a partner stands in for a channel's code here.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    cap::Cap,
    gateway::write_config,
    mock_sap::{MockSap, PASSWORD},
    program::{dialgate, run, stderr, stdout},
};

/// S/4HANA's preset with what this SAP has.
const CUSTOM: &str = r#"  preset: custom
  custom:
    steps:
      - name: partner
        request: "/sap/opu/odata/sap/API_BUSINESS_PARTNER_SRV/A_BusinessPartner('{id}')?$expand=to_BusinessPartnerAddress&$format=json&sap-language={language}MORE"
        rows: d
        id: BusinessPartner
        channel_code: BusinessPartnerCategory
        country: to_BusinessPartnerAddress[*].Country
        blocked: { path: BusinessPartnerIsBlocked, values: ["true"] }
        unknown_statuses: [404]
        unknown_needs_error: true
"#;

/// A configuration for this SAP with something behind its requests.
fn configuration(url: &str, more: &str, changes: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let texts = ("sap.channel_texts", r#"{ "1": Partner, "2": Direct sales }"#);
    let file = write_config(folder.path(), url, &[&[texts], changes].concat());
    fs::write(folder.path().join("sap-password"), PASSWORD).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("  preset: c4c\n", &CUSTOM.replace("MORE", more))).unwrap();
    folder
}

/// What `dialgate explain` tells about a partner.
async fn explained(folder: &TempDir, partner: &str) -> Value {
    let file = folder.path().join("config.yaml");
    let output = run(dialgate().args(["explain", partner, "--json", "--config"]).arg(file)).await;
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|e| panic!("{e}: {}", stderr(&output)))
}

#[tokio::test]
async fn a_partner_of_a_strange_gateway_is_found_or_unknown() {
    let sap = MockSap::start().await;
    let folder = configuration(&sap.url, "", &[]);

    let found = explained(&folder, "1000001").await;
    let unknown = explained(&folder, "4040404").await;

    assert_eq!(found["contractNumber"], "Direct salesDE", "{found}");
    assert_eq!(found["decision"], "dial", "{found}");
    assert_eq!(unknown["reason"], "partner_unknown", "{unknown}");
    assert_eq!(unknown["steps"][0]["status"], 404);
    assert_eq!(unknown["steps"][0]["code"], "/IWBEP/CX_MGW_RESOURCE_NOT_FOUND");
}

#[tokio::test]
async fn every_fault_has_its_own_kind_and_no_fault_is_about_the_partner() {
    let sap = MockSap::start().await;
    for (scenario, status, outcome, code) in [
        ("error", 500.into(), "status", "/IWBEP/CX_MGW_TECH_EXCEPTION"),
        ("busy", 503.into(), "status", "/IWFND/CM_MGW_RT"),
        ("forbidden", 403.into(), "forbidden", "/IWFND/CM_BEC"),
        ("csrf", 403.into(), "forbidden", "/IWFND/CM_CSRF"),
        ("lock", 423.into(), "status", "/IWBEP/CX_MGW_BUSI_EXCEPTION"),
        ("precondition", 412.into(), "status", "/IWBEP/CX_MGW_BUSI_EXCEPTION"),
        ("auth", 401.into(), "credentials", ""),
        ("expired-token", 401.into(), "credentials", ""),
        ("slow", Value::Null, "deadline", ""),
        ("timeout", Value::Null, "deadline", ""),
    ] {
        let more = format!("&sap-mock-scenario={scenario}");
        let folder = configuration(&sap.url, &more, &[("sap.total_timeout", "1s")]);

        let story = explained(&folder, "1000001").await;

        let step = &story["steps"][0];
        assert_eq!(step["outcome"], outcome, "{scenario}: {story}");
        assert_eq!(step["status"], status, "{scenario}: {story}");
        assert_eq!(step["code"].as_str().unwrap_or_default(), code, "{scenario}: {story}");
        assert_eq!(story["reason"], "sap_unavailable", "{scenario}: {story}");
    }
}

#[tokio::test]
async fn a_wrong_client_is_an_error_of_sap_and_the_right_one_is_none() {
    let sap = MockSap::start().await;
    let with_client = |client: &str| {
        let folder = configuration(&sap.url, "", &[]);
        let file = folder.path().join("config.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let line = format!("  client: \"{client}\"\n  id_form:");
        fs::write(&file, text.replace("  id_form:", &line)).unwrap();
        folder
    };

    let right = explained(&with_client("100"), "1000001").await;
    let wrong = explained(&with_client("999"), "1000001").await;

    assert_eq!(right["decision"], "dial", "{right}");
    assert_eq!(wrong["reason"], "sap_unavailable", "{wrong}");
    assert_eq!(wrong["steps"][0]["code"], "/IWFND/CM_CONSUMER", "{wrong}");
}

#[tokio::test]
async fn the_maker_of_the_gateway_does_not_matter_to_the_words_of_an_error() {
    // CAP answers to the same request that it does not know the service: no JSON, or no such code.
    let cap = Cap::start().await;
    let folder = configuration(&cap.url, "", &[]);
    fs::write(folder.path().join("sap-password"), crate::support::cap::PASSWORD).unwrap();

    let story = explained(&folder, "1001910").await;

    assert_eq!(story["reason"], "sap_unavailable", "no service is no unknown partner: {story}");
}
