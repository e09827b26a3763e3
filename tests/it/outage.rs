//! A SAP that is silent, slow, wrong or locked: what jtel gets, and what an operator sees.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::{Gateway, eventually, value_of};

/// Every fault of the simulator after which there is no answer of SAP.
const SILENT: [&str; 18] = [
    "forbidden",
    "html",
    "redirect",
    "status_500",
    "status_429",
    "status_503_html",
    "hang",
    "slow_drip",
    "cut",
    "reset",
    "not_json",
    "truncated_json",
    "wrong_record",
    "path_missing",
    "oversized",
    "xml",
    "odata_error_200",
    "unauthorized",
];

#[tokio::test]
async fn whatever_sap_does_a_call_is_refused_within_its_deadline_and_nothing_is_remembered() {
    let gateway = Gateway::start_with(&[
        ("deadline", "400ms"),
        ("sap.total_timeout", "300ms"),
        ("sap.connect_timeout", "200ms"),
    ])
    .await;
    let jtel = gateway.jtel();

    for fault in SILENT {
        gateway.sap.set_fault(Some(fault.parse().unwrap()), None);
        let asked = Instant::now();
        let answer = jtel.ask("1001910").await;
        // Far above what a loaded test machine adds, far below a call without a deadline.
        assert!(asked.elapsed() < Duration::from_secs(5), "{fault}");
        assert_eq!(answer.outcome(), "403 sap_unavailable", "{fault}");
    }
    gateway.sap.set_fault(None, None);
}

#[tokio::test]
async fn a_failure_is_shared_for_a_moment_and_then_the_partner_is_asked_about_again() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 sap_unavailable");

    let asked = gateway.sap.requests();
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 sap_unavailable");
    assert_eq!(gateway.sap.requests(), asked);

    gateway.sap.set_fault(None, None);

    assert_eq!(jtel.ask("1001911").await.outcome(), "200", "the failure was another partner's");
    eventually("the failure is forgotten", || async {
        jtel.ask("1001910").await.outcome() == "200"
    })
    .await;
}

#[tokio::test]
async fn an_outage_is_bridged_with_what_sap_said_last() {
    let gateway = Gateway::start_with(&[("cache.found_ttl", "1ms")]).await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("1001910").await.source(), "sap");
    gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);

    eventually("the fresh entry has ended", || async {
        jtel.ask("1001910").await.source() == "last_good"
    })
    .await;
    let answer = jtel.ask("1001910").await;

    assert_eq!(answer.outcome(), "200");
    assert_eq!(answer.json()["contractNumber"], "Direct salesDE");
    assert_eq!(answer.headers["cache-status"], "dialgate; hit; detail=last_good");
}

#[tokio::test]
async fn the_default_pair_is_dialled_where_the_rule_says_so() {
    let gateway = Gateway::start_with(&[("rules.sap_unavailable", "dial_default")]).await;
    gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);

    let answer = gateway.jtel().ask("1001911").await;

    assert_eq!(answer.outcome(), "200");
    assert_eq!(answer.source(), "default");
    assert_eq!(answer.json()["contractNumber"], "Direct salesDE");
}

#[tokio::test]
async fn refused_credentials_are_tried_once_and_memory_keeps_the_gateway_ready() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    gateway.sap.set_fault(Some("unauthorized".parse().unwrap()), None);
    let asked_before = gateway.sap.requests();

    for partner in ["5000001", "5000002", "5000003"] {
        assert_eq!(jtel.ask(partner).await.outcome(), "403 sap_unavailable");
    }

    assert_eq!(gateway.sap.requests(), asked_before + 1);
    let (status, checks) = gateway.admin("/readyz?verbose").await;
    assert_eq!(status, 200);
    assert!(checks.contains("[+] sap: refuses our credentials"), "{checks}");
    assert!(checks.contains("answering from memory and by rule"), "{checks}");
    assert_eq!(value_of(&gateway.metrics().await, "dialgate_sap_credentials_refused"), 1);
}

#[tokio::test]
async fn a_gateway_with_a_wrong_sap_password_starts_answers_by_rule_and_is_not_ready() {
    let gateway = Gateway::start_unready(&[(
        "sap.login",
        "{ basic: { user: somebody-else, password: { file: sap-password } } }",
    )])
    .await;

    eventually("the probe has been refused", || async {
        gateway.admin("/readyz?verbose").await.1.contains("refuses our credentials")
    })
    .await;

    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "403 sap_unavailable");
    assert_eq!(gateway.admin("/livez").await.0, 200);
    assert_eq!(gateway.admin("/readyz").await.0, 503);
}

#[tokio::test]
async fn an_outage_that_begins_later_leaves_the_gateway_ready() {
    // Nobody looks at readiness before SAP falls silent: it must not depend on being looked at.
    let mut gateway = Gateway::start_unready(&[]).await;
    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");
    gateway.stop_sap().await;

    assert_eq!(gateway.jtel().ask("1001911").await.outcome(), "403 sap_unavailable");

    assert_eq!(gateway.admin("/readyz").await.0, 200);
    assert!(gateway.admin("/readyz?verbose").await.1.contains("sap: silent"));
}

#[tokio::test]
async fn the_http_column_tells_a_slow_sap_from_a_broken_one_and_when_to_come_back() {
    let gateway = Gateway::start_with(&[
        ("answers", "http"),
        ("deadline", "300ms"),
        ("sap.total_timeout", "200ms"),
        ("sap.connect_timeout", "100ms"),
    ])
    .await;
    let jtel = gateway.jtel();

    for (partner, fault, outcome) in [
        ("1001910", "hang", "504 sap_unavailable"),
        ("1001911", "status_500", "503 sap_unavailable"),
    ] {
        gateway.sap.set_fault(Some(fault.parse().unwrap()), None);
        let answer = jtel.ask(partner).await;
        assert_eq!(answer.outcome(), outcome, "{fault}");
        assert!(answer.headers.contains_key("retry-after"), "{fault}");
        assert!(answer.headers.contains_key("proxy-status"), "{fault}");
    }
}

#[tokio::test]
async fn only_whoever_has_shown_a_password_is_told_what_is_behind() {
    let changes = [("clients", "[]"), ("anybody_may_ask", "true"), ("deadline", "300ms")];
    let gateway = Gateway::start_with(&changes).await;
    let known = Gateway::start_with(&[("deadline", "300ms")]).await;
    let (anybody, jtel) = (gateway.jtel().without_credentials(), known.jtel());

    let (unknown, told) = (anybody.ask("1001910").await, jtel.ask("1001910").await);
    assert_eq!(unknown.outcome(), "200");
    assert!(!unknown.headers.contains_key("server-timing"), "{unknown:?}");
    assert!(told.headers["server-timing"].to_str().unwrap().starts_with("sap;dur="), "{told:?}");
    let again = jtel.ask("1001910").await;
    assert_eq!(again.source(), "memory");
    assert!(!again.headers.contains_key("server-timing"), "nobody waited: {again:?}");

    for (gateway, client, is_told) in [(&gateway, &anybody, false), (&known, &jtel, true)] {
        gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);
        let refused = client.ask("1001911").await;
        assert_eq!(refused.outcome(), "403 sap_unavailable");
        let told = refused.headers.get("proxy-status").map(|value| value.to_str().unwrap());
        let expected =
            r#"dialgate; error=destination_unavailable; received-status=500; details="status""#;
        assert_eq!(told, is_told.then_some(expected));
    }
}
