//! SAP hangs or is slow: who is known is answered soon, and what SAP still says is not lost.

use std::time::Duration;

use tokio::time::sleep;

use super::{AT_ONCE, EXPIRES, expired, start, start_linked};
use crate::support::{
    Does, eventually,
    load::{at_once, median, partner},
    within,
};

#[tokio::test]
async fn who_is_known_is_answered_after_answer_within_while_sap_hangs() {
    let (gateway, sap) = start(&[EXPIRES]).await;
    let jtel = gateway.jtel();
    at_once(&jtel, (0..20).map(partner)).await;
    expired().await;
    sap.does(Does::Hang);

    // More than SAP has places: those that wait for one are answered as soon.
    let calls = at_once(&jtel, (0..20).map(partner)).await;

    for call in &calls {
        assert!(call.took < Duration::from_millis(1500), "{:?}", call.took);
        assert_eq!(call.answer.outcome(), "200");
        assert_eq!(call.answer.source(), "stale");
        assert_eq!(call.answer.headers["cache-status"], "dialgate; hit; detail=stale");
    }
    let metrics = gateway.metrics().await;
    let series = r#"dialgate_calls_total{decision="dial",reason="none",source="stale"}"#;
    assert_eq!(crate::support::value_of(&metrics, series), 20);
    let records = gateway.until_records(40).await;
    assert_eq!(records.iter().filter(|record| record["source"] == "stale").count(), 20);
}

#[tokio::test]
async fn while_sap_is_known_to_be_silent_nobody_waits() {
    let quick = [EXPIRES, ("sap.connect_timeout", "300ms"), ("sap.total_timeout", "600ms")];
    let (gateway, sap) = start(&quick).await;
    let jtel = gateway.jtel();
    at_once(&jtel, (0..20).map(partner)).await;
    expired().await;
    sap.does(Does::Hang);

    within(Duration::from_secs(8), "SAP is known to be silent", || async {
        at_once(&jtel, (0..5).map(partner)).await.iter().all(|call| call.took < AT_ONCE)
    })
    .await;
    let mut known = Vec::new();
    for n in 0..20 {
        known.extend(at_once(&jtel, [partner(n)]).await);
    }
    let unknown = at_once(&jtel, (100..120).map(partner)).await;

    assert!(known.iter().all(|call| call.answer.outcome() == "200"));
    let sources: Vec<_> = known.iter().map(|call| call.answer.source()).collect();
    assert!(sources.iter().filter(|source| *source == "last_good").count() >= 15, "{sources:?}");
    assert!(median(&known) < AT_ONCE, "{:?}", median(&known));
    assert!(unknown.iter().all(|call| call.answer.outcome() == "403 sap_unavailable"));
    assert!(median(&unknown) < AT_ONCE, "{:?}", median(&unknown));
}

#[tokio::test]
async fn what_was_sent_is_finished_for_those_who_came_later_and_remembered() {
    let (gateway, sap) = start(&[("deadline", "1s")]).await;
    let (jtel, late) = (gateway.jtel(), gateway.jtel());
    sap.takes(Duration::from_millis(1600));

    let first = tokio::spawn(async move { jtel.ask("5000001").await.outcome() });
    // So late that SAP answers within his own second, and after that of the first.
    sleep(Duration::from_millis(900)).await;
    let second = late.ask("5000001").await;

    assert_eq!(first.await.unwrap(), "403 sap_unavailable");
    assert_eq!(second.outcome(), "200");
    assert_eq!(late.ask("5000001").await.source(), "memory");
    assert_eq!(sap.requests_for("5000001"), 1);
}

#[tokio::test]
async fn what_a_slow_sap_says_counts_for_the_next_call() {
    let (gateway, link, sap) = start_linked(&[EXPIRES]).await;
    let jtel = gateway.jtel();
    jtel.ask("5000001").await;
    expired().await;
    sap.does(Does::Blocked);
    link.slow(Duration::from_millis(500));

    let calls = at_once(&jtel, [partner(1)]).await;

    assert_eq!(calls[0].answer.outcome(), "200", "SAP's new word is not here yet");
    assert!(calls[0].took < Duration::from_millis(900), "{:?}", calls[0].took);
    eventually("SAP's new word counts", || async {
        at_once(&jtel, [partner(1)]).await[0].answer.outcome() == "403 partner_blocked"
    })
    .await;
    assert_eq!(sap.abandoned(), 0);
}
