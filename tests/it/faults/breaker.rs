//! A SAP that fails is left alone, asked by a probe only, and noticed as soon as it is back.

use std::time::Duration;

use tokio::time::Instant;

use super::{AT_ONCE, in_time, start, start_linked};
use crate::support::{
    Does, Gateway, eventually,
    load::{at_once, at_pace, median, partner, with_outcome},
    value_of, within,
};

/// What a thousand calls may cost while SAP fails: a few until that is known, each tried twice, and
/// then a probe every 0.5, 1, 2... seconds.
const A_FEW: usize = 30;

async fn attempts(gateway: &Gateway) -> usize {
    let metrics = gateway.metrics().await;
    metrics
        .lines()
        .filter(|line| line.starts_with("dialgate_sap_requests_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        .sum()
}

#[tokio::test]
async fn a_closed_port_costs_a_thousand_calls_a_few_attempts_and_no_time() {
    let (gateway, link, _sap) = start_linked(&[]).await;
    let jtel = gateway.jtel();
    link.close_port();
    let before = attempts(&gateway).await;

    let calls = at_pace(&jtel, 500, (0..1000).map(partner)).await;

    assert_eq!(with_outcome(&calls, "403 sap_unavailable"), 1000);
    let tried = attempts(&gateway).await - before;
    assert!(tried <= A_FEW, "{tried} attempts");
    let records = gateway.until_records(1000).await;
    let mut times: Vec<_> = records.iter().filter(|record| record["sap"] == "breaker").collect();
    assert!(times.len() > 900, "{}", times.len());
    times.sort_by_key(|record| record["took_us"].as_u64());
    let median = times[times.len() / 2]["took_us"].as_u64();
    assert!(median < Some(5000), "{median:?} us");

    link.mend();
    within(Duration::from_secs(8), "answered again", || async {
        jtel.ask("5002000").await.outcome() == "200"
    })
    .await;
}

#[tokio::test]
async fn connections_that_are_reset_are_not_tried_for_every_call() {
    let (gateway, link, _sap) = start_linked(&[]).await;
    link.cut();
    let before = link.connections();

    let calls = at_pace(&gateway.jtel(), 300, (0..600).map(partner)).await;

    assert_eq!(with_outcome(&calls, "403 sap_unavailable"), 600);
    let tried = link.connections() - before;
    assert!(tried <= A_FEW, "{tried} connections");
}

#[tokio::test]
async fn answers_that_are_slow_open_it_too_and_its_state_is_told() {
    let (gateway, sap) = start(&[("sap.breaker.slow_after", "100ms")]).await;
    let jtel = gateway.jtel();
    sap.takes(Duration::from_millis(250));

    // Each of them answered, and slow.
    at_once(&jtel, (0..5).map(partner)).await;
    at_once(&jtel, (5..10).map(partner)).await;
    let calls = at_once(&jtel, (10..30).map(partner)).await;

    assert!(with_outcome(&calls, "403 sap_unavailable") >= 15);
    assert!(median(&calls) < AT_ONCE * 4, "{:?}", median(&calls));
    let metrics = gateway.metrics().await;
    assert!(value_of(&metrics, r#"dialgate_sap_not_asked_total{reason="breaker"}"#) >= 15);
    assert!(metrics.contains("\ndialgate_sap_breaker"), "its state is a metric");
    let (status, told) = gateway.admin("/readyz?verbose").await;
    assert!(told.contains("breaker"), "{told}");
    assert_eq!(status, 200, "{told}");

    sap.takes(Duration::ZERO);
    eventually("closed again", || async {
        let calls = at_once(&jtel, (100..110).map(partner)).await;
        with_outcome(&calls, "200") == 10
    })
    .await;
}

#[tokio::test]
async fn only_one_probe_at_a_time_asks_a_sap_that_hangs() {
    let changes = [
        ("sap.connect_timeout", "200ms"),
        ("sap.total_timeout", "400ms"),
        ("sap.breaker.open_for", "100ms"),
    ];
    let (gateway, link, _sap) = start_linked(&changes).await;
    let jtel = gateway.jtel();
    link.black_hole();
    within(Duration::from_secs(5), "SAP is known to be silent", || async {
        at_once(&jtel, (0..5).map(partner)).await.iter().all(|call| call.took < AT_ONCE)
    })
    .await;
    let (before, started) = (link.requests(), Instant::now());

    at_pace(&jtel, 100, (100..250).map(partner)).await;

    // Open for 0.2, 0.4... s by now, with a probe of 0.4 s after each.
    let probes = link.requests() - before;
    // The places, and the probe that finds out whether SAP answers again.
    assert!(link.most_in_flight() <= 6, "{} at once", link.most_in_flight());
    let most = 2 + in_time(started.elapsed(), Duration::from_millis(400));
    assert!(probes <= most, "{probes} requests, {most} at most");
    link.mend();
    within(Duration::from_secs(5), "answered again", || async {
        jtel.ask("5002000").await.outcome() == "200"
    })
    .await;
}

#[tokio::test]
async fn one_partner_whose_record_cannot_be_read_is_no_failure_of_sap() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    sap.decides(|asked| match asked.partner.as_str() {
        "5000007" => Does::Unreadable,
        _ => Does::Answer,
    });

    eventually("it was asked for often", || async {
        assert_eq!(jtel.ask("5000007").await.outcome(), "403 sap_unavailable");
        assert_eq!(value_of(&gateway.metrics().await, "dialgate_sap_up"), 1);
        sap.requests_for("5000007") >= 3
    })
    .await;

    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    assert!(!gateway.admin("/readyz?verbose").await.1.contains("silent"));
}

#[tokio::test]
async fn many_partners_whose_records_cannot_be_read_are_a_failure_of_sap() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    sap.does(Does::Unreadable);

    at_pace(&jtel, 50, (100..130).map(partner)).await;

    assert_eq!(value_of(&gateway.metrics().await, "dialgate_sap_up"), 0);
}
