//! SAP grants so many requests a day: live calls get the last of them.

use super::start;
use crate::support::{
    load::{at_pace, partner, with_outcome},
    value_of,
};

#[tokio::test]
async fn no_more_than_the_requests_of_a_day_are_sent_and_memory_goes_on() {
    let (gateway, sap) = start(&[("sap.daily_requests", "20")]).await;
    let jtel = gateway.jtel();

    let calls = at_pace(&jtel, 100, (0..30).map(partner)).await;

    assert!((18..=20).contains(&sap.requests()), "{}", sap.requests());
    let good = with_outcome(&calls, "200");
    assert_eq!(with_outcome(&calls, "403 sap_unavailable"), 30 - good);
    assert!(good >= 17, "{good}");
    assert_eq!(jtel.ask(&partner(0)).await.source(), "memory");
    let metrics = gateway.metrics().await;
    let kept_back = value_of(&metrics, r#"dialgate_sap_not_asked_total{reason="quota"}"#);
    assert_eq!(kept_back, i64::try_from(30 - good).unwrap());
    let records = gateway.until_records(31).await;
    assert_eq!(records.iter().filter(|record| record["sap"] == "quota").count(), 30 - good);
}

#[tokio::test]
async fn the_quota_that_is_left_and_what_the_day_will_need_are_metrics() {
    let (gateway, _sap) = start(&[("sap.daily_requests", "1000")]).await;
    gateway.jtel().ask("5000001").await;

    let metrics = gateway.metrics().await;

    for name in ["dialgate_sap_daily_requests", "dialgate_sap_daily_requests_forecast"] {
        let named = |line: &str| line.split(['{', ' ']).next() == Some(name);
        assert!(metrics.lines().any(named), "no {name}");
    }
}

#[tokio::test]
async fn refreshes_stop_at_the_reserve_and_live_calls_do_not() {
    let changes = [
        ("sap.daily_requests", "20"),
        ("sap.daily_reserve", "50"),
        ("cache.found_ttl", "1s"),
        ("cache.jitter", "0"),
    ];
    let (gateway, sap) = start(&changes).await;
    let jtel = gateway.jtel();
    // Into the reserve.
    at_pace(&jtel, 50, (100..111).map(partner)).await;

    // In use for more than one life of its entry.
    let calls = at_pace(&jtel, 40, (0..60).map(|_| partner(1))).await;

    assert_eq!(with_outcome(&calls, "200"), 60);
    let from = |source: &str| calls.iter().filter(|call| call.answer.source() == source).count();
    assert_eq!(from("refreshing"), 0);
    assert!(from("sap") >= 2, "asked at first, and again by a call");
    assert_eq!(jtel.ask("5000200").await.outcome(), "200");
    assert!(sap.requests() <= 20, "{}", sap.requests());
}
