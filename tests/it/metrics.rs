//! Metrics that tell at night whose fault it is: of clients, of limits, of the way to SAP, of what is missing.

use std::fs;

use http::Method;

use crate::support::{Client, Gateway, SAP_USER, gateway::CLIENT_PASSWORD, value_of};

#[tokio::test]
async fn calls_and_failed_logins_count_for_the_client_that_was_named() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    jtel.ask("1001910").await;
    jtel.ask("1001910").await;
    jtel.ask("4040404").await;
    for (name, password) in [("jtel", "wrong"), ("jtel", ""), ("stranger", "x"), (SAP_USER, "x")] {
        gateway.jtel().with_password(name, password).ask("1001910").await;
    }
    gateway.jtel().with_password("jtel", CLIENT_PASSWORD).ask("1001910").await;

    let metrics = gateway.metrics().await;

    for (series, value) in [
        (r#"dialgate_client_calls_total{client="jtel",decision="dial"}"#, 3),
        (r#"dialgate_client_calls_total{client="jtel",decision="refuse"}"#, 1),
        (r#"dialgate_client_calls_total{client="unknown",decision="refuse"}"#, 0),
        (r#"dialgate_client_failed_logins_total{client="jtel"}"#, 2),
        (r#"dialgate_client_failed_logins_total{client="unknown"}"#, 2),
    ] {
        assert_eq!(value_of(&metrics, series), value, "{series}");
    }
    assert!(!metrics.contains("stranger") && !metrics.contains(SAP_USER));
}

#[tokio::test]
async fn limits_and_what_is_used_of_them_stand_side_by_side() {
    let gateway = Gateway::start_with(&[
        ("listen.max_calls", "77"),
        ("listen.limits.connections", "2000"),
        ("sap.max_in_flight", "3"),
        ("cache.max_entries", "79"),
    ])
    .await;
    gateway.jtel().ask("1001910").await;

    let metrics = gateway.metrics().await;

    for (used, limit, value) in [
        ("dialgate_calls_in_flight", "dialgate_calls_in_flight_limit", 77),
        (r#"dialgate_connections_open{protocol="h2"}"#, "dialgate_connections_limit", 2000),
        ("dialgate_sap_requests_in_flight", "dialgate_sap_requests_in_flight_limit", 3),
        ("dialgate_memory_entries", "dialgate_memory_entries_limit", 79),
    ] {
        assert_eq!(value_of(&metrics, limit), value, "{limit}");
        assert!(value_of(&metrics, used) <= value, "{used}");
    }
    assert!(value_of(&metrics, "dialgate_sap_connections_opened_total") >= 1);
    assert_eq!(value_of(&metrics, "dialgate_sap_connections_idle"), 1);
}

#[tokio::test]
async fn a_contract_number_without_a_row_is_counted_until_it_has_one() {
    let row = r#"[{ contract_number: Direct salesDE, service_number: "4922147100000" }]"#;
    let gateway = Gateway::start_with(&[("rules.service_numbers", row)]).await;
    for partner in ["1001910", "1001911", "2000001"] {
        gateway.jtel().ask(partner).await;
    }
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, "dialgate_contract_numbers"), 3);
    assert_eq!(value_of(&metrics, "dialgate_contract_numbers_missing"), 2);
    let before = hash(&metrics);

    let file = gateway.folder.path().join("config.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let more =
        row.replace(']', r#", { contract_number: PartnerDE, service_number: "493023125000" }]"#);
    fs::write(&file, text.replace(row, &more)).unwrap();
    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    let answer = admin.send(Method::POST, &format!("http://{}/reload", gateway.admin)).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);

    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, "dialgate_contract_numbers_missing"), 1);
    assert_ne!(hash(&metrics), before);
}

/// The hash of the configuration in force; there is one only.
fn hash(metrics: &str) -> String {
    let mut lines = metrics.lines().filter(|line| line.starts_with("dialgate_config_info{"));
    let line = lines.next().unwrap().to_owned();
    assert_eq!(lines.next(), None);
    let hash = line.split('"').nth(1).unwrap();
    assert_eq!(hash.len(), 12, "{line}");
    hash.to_owned()
}
