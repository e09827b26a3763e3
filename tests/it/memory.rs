//! One request to SAP per partner, however many ask.

use std::time::Duration;

use crate::support::{Gateway, eventually, value_of};

#[tokio::test]
async fn a_thousand_calls_at_once_for_a_new_partner_make_one_request_to_sap() {
    let gateway = Gateway::start().await;
    gateway.sap.set_delay(Duration::from_millis(300));
    let jtel = gateway.jtel_h2();

    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let jtel = jtel.clone();
            tokio::spawn(async move { jtel.ask("5000001").await.outcome() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "200");
    }

    assert_eq!(gateway.sap.requests_for("5000001"), 1);
}

#[tokio::test]
async fn a_first_caller_who_hangs_up_cancels_nobody() {
    let gateway = Gateway::start().await;
    gateway.sap.set_delay(Duration::from_millis(500));
    let jtel = gateway.jtel();

    let first = tokio::spawn({
        let jtel = gateway.jtel();
        async move { jtel.ask("5000002").await }
    });
    eventually("SAP is asked", || async { gateway.sap.requests_for("5000002") == 1 }).await;
    first.abort();
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let jtel = jtel.clone();
            tokio::spawn(async move { jtel.ask("5000002").await.outcome() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "200");
    }

    assert_eq!(gateway.sap.requests_for("5000002"), 1);
    eventually("the hang-up is recorded", || async {
        gateway.records().iter().any(|record| record["status"] == 499)
    })
    .await;
}

#[tokio::test]
async fn an_unknown_partner_is_remembered_for_a_time_of_its_own() {
    let gateway = Gateway::start_with(&[("cache.unknown_ttl", "1ms")]).await;
    let jtel = gateway.jtel();

    jtel.ask("4040404").await;
    jtel.ask("1001910").await;
    eventually("the unknown partner is asked for again", || async {
        jtel.ask("4040404").await;
        // Two steps of the dialect for each lookup.
        gateway.sap.requests_for("4040404") >= 4
    })
    .await;
    jtel.ask("1001910").await;

    assert_eq!(gateway.sap.requests_for("1001910"), 1);
}

#[tokio::test]
async fn hits_and_misses_are_counted() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    for _ in 0..3 {
        jtel.ask("1001910").await;
    }

    let metrics = gateway.metrics().await;

    assert_eq!(value_of(&metrics, r#"dialgate_memory_lookups_total{result="miss"}"#), 1);
    assert_eq!(value_of(&metrics, r#"dialgate_memory_lookups_total{result="hit"}"#), 2);
}
