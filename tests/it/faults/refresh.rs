//! Partners in use are asked for again ahead of their time: nobody waits for SAP.

use std::time::Duration;

use tokio::time::Instant;

use super::start;
use crate::support::{
    Does,
    load::{at_once, at_pace, partner},
    within,
};

/// With a fifth of that for the refresh, and more than SAP needs for all of them.
const TWO_SECONDS: (&str, &str) = ("cache.found_ttl", "2s");

#[tokio::test]
async fn partners_in_use_are_asked_for_ahead_and_nobody_waits() {
    let (gateway, sap) = start(&[TWO_SECONDS, ("cache.jitter", "10")]).await;
    let jtel = gateway.jtel();
    at_once(&jtel, (0..10).map(partner)).await;
    sap.takes(Duration::from_millis(100));

    // Ten calls a second for each partner, for more than two lives of an entry.
    let calls = at_pace(&jtel, 100, (0..450).map(|n| partner(n % 10))).await;

    let waited =
        calls.iter().filter(|call| !["memory", "refreshing"].contains(&&*call.answer.source()));
    let waited = waited.count();
    assert!(waited <= 4, "{waited} of {} calls waited for SAP", calls.len());
    assert!(sap.requests() >= 25, "{} requests: nothing was refreshed", sap.requests());
}

#[tokio::test]
async fn a_partner_that_nobody_asks_for_is_not_refreshed_and_one_in_use_is_told_so() {
    let (gateway, sap) = start(&[TWO_SECONDS, ("cache.jitter", "0")]).await;
    let jtel = gateway.jtel();
    at_once(&jtel, [partner(1), partner(2)]).await;
    sap.takes(Duration::from_millis(100));

    let mut sources = Vec::new();
    let until = Instant::now() + Duration::from_secs(8);
    while sap.requests_for(&partner(1)) < 3 {
        assert!(Instant::now() < until, "the one in use was not refreshed twice: {sources:?}");
        for call in at_once(&jtel, [partner(1)]).await {
            assert_eq!(call.answer.outcome(), "200");
            sources.push(call.answer.source());
        }
    }

    assert_eq!(sap.requests_for(&partner(2)), 1);
    assert!(sources.iter().any(|source| source == "refreshing"), "{sources:?}");
    assert!(sources.iter().all(|source| source != "sap" && source != "stale"), "{sources:?}");
}

#[tokio::test]
async fn what_a_refresh_says_counts_at_once() {
    let (gateway, sap) = start(&[TWO_SECONDS]).await;
    let jtel = gateway.jtel();
    jtel.ask("5000001").await;
    sap.does(Does::Blocked);
    sap.takes(Duration::from_millis(100));

    within(Duration::from_secs(5), "blocked, and nobody waited to learn it", || async {
        let calls = at_once(&jtel, [partner(1)]).await;
        let answer = &calls[0].answer;
        assert_ne!(answer.headers["cache-status"], "dialgate; fwd=miss", "{answer:?}");
        answer.outcome() == "403 partner_blocked"
    })
    .await;
}

#[tokio::test]
async fn with_refresh_ahead_off_a_call_asks() {
    let changes = [("cache.found_ttl", "300ms"), ("cache.refresh_ahead", "false")];
    let (gateway, _sap) = start(&changes).await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("5000001").await.source(), "sap");

    within(Duration::from_secs(5), "asked again by a call", || async {
        let source = jtel.ask("5000001").await.source();
        assert!(source == "memory" || source == "sap", "{source}");
        source == "sap"
    })
    .await;
}
