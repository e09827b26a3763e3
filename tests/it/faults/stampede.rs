//! Everybody asks for the same partner, and SAP fails: it is asked once, and the error is shared.

use std::time::Duration;

use tokio::time::{Instant, interval};

use super::{in_time, start};
use crate::support::{
    Does,
    load::{at_once, partner, with_outcome},
};

#[tokio::test]
async fn a_thousand_callers_for_one_partner_share_one_error_of_sap() {
    let (gateway, sap) = start(&[]).await;
    sap.does(Does::Status(500));
    let started = Instant::now();

    let calls = at_once(&gateway.jtel_h2(), (0..1000).map(|_| partner(1))).await;

    assert_eq!(with_outcome(&calls, "403 sap_unavailable"), 1000);
    // An error is shared for 250 ms; a busy machine may need longer for a thousand calls.
    let most = 2 + in_time(started.elapsed(), Duration::from_millis(250));
    let asked = sap.requests_for(&partner(1));
    assert!(asked <= most, "{asked} requests, {most} at most");
}

#[tokio::test]
async fn a_caller_right_after_an_error_shares_it_and_a_500_is_not_asked_for_again() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    sap.does(Does::Status(500));

    // Three partners: on a busy machine the time of one error may have passed.
    let mut shared = 0;
    for n in 0..3 {
        let calls = [jtel.ask(&partner(n)).await, jtel.ask(&partner(n)).await];
        assert!(calls.iter().all(|answer| answer.outcome() == "403 sap_unavailable"));
        shared += usize::from(sap.requests_for(&partner(n)) == 1);
    }

    assert!(shared >= 1, "{:?}", sap.asked());
}

#[tokio::test]
async fn the_longer_sap_fails_the_longer_an_error_is_shared() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    // One partner only; the others keep SAP from looking as if it failed as a whole.
    sap.decides(|asked| match asked.partner.as_str() {
        "5000001" => Does::Status(500),
        _ => Does::Answer,
    });
    let started = Instant::now();
    let (mut pace, mut n) = (interval(Duration::from_millis(20)), 100);

    while started.elapsed() < Duration::from_millis(2200) {
        pace.tick().await;
        assert_eq!(jtel.ask("5000001").await.outcome(), "403 sap_unavailable");
        n += 1;
        assert_eq!(jtel.ask(&partner(n)).await.outcome(), "200");
    }

    // After 0, 0.25, 0.75 and 1.75 s; nine without growth.
    let asked = sap.requests_for("5000001");
    assert!((2..=6).contains(&asked), "{asked}");
}

#[tokio::test]
async fn an_error_is_shared_for_a_moment_only() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    sap.decides(|asked| match asked.nth {
        ..=2 => Does::Status(500),
        _ => Does::Answer,
    });

    crate::support::within(Duration::from_secs(3), "SAP is asked again", || async {
        jtel.ask("5000001").await.outcome() == "200"
    })
    .await;
}
