//! More questions than SAP can answer: it stays fully used, and nothing is asked in vain.

use std::time::Duration;

use super::{in_time, start};
use crate::support::{
    Does, eventually,
    load::{at_once, at_pace, median, partner, with_outcome},
    value_of,
};

/// SAP's places, as many as `sap.max_in_flight` has by default.
const PLACES: usize = 5;

#[tokio::test]
async fn twice_as_many_misses_as_sap_can_take_leave_it_fully_used_for_good_answers() {
    let (gateway, sap) = start(&[("deadline", "1s")]).await;
    sap.has_places(PLACES);
    sap.takes(Duration::from_millis(150));
    let window = Duration::from_secs(2)..Duration::from_secs(5);

    // 33 a second is what SAP can do. A queue that nobody keeps in order is full of hopeless
    // questions after a deadline or two, so it is looked at after that.
    let calls = at_pace(&gateway.jtel(), 60, (0..300).map(partner)).await;

    let capacity = PLACES * in_time(Duration::from_secs(3), sap.mean_time());
    let good: Vec<_> = calls
        .iter()
        .filter(|call| call.answer.outcome() == "200")
        .filter(|call| window.contains(&call.answered_at))
        .collect();
    assert!(good.len() + PLACES >= capacity * 9 / 10, "{} of {capacity} good answers", good.len());
    let all_good = with_outcome(&calls, "200");
    let sent = sap.requests();
    assert!(sent * 10 <= all_good * 11, "{sent} requests for {all_good} good answers");
    assert_eq!(sap.abandoned(), 0);
    assert_eq!(with_outcome(&calls, "403 overloaded"), calls.len() - all_good);
    // Newest first: who is answered has not waited in a queue as long as the deadline.
    assert!(median(good.iter().copied()) < Duration::from_millis(700), "{:?}", median(good));
}

#[tokio::test]
async fn a_sap_that_hangs_is_not_asked_by_each_of_two_hundred_calls_a_second() {
    let (gateway, sap) = start(&[]).await;
    sap.does(Does::Hang);
    let before = sap.requests();

    let calls = at_pace(&gateway.jtel(), 200, (0..600).map(partner)).await;

    let asked = sap.requests() - before;
    assert!(asked <= 15, "{asked} requests for nothing");
    assert!(calls.iter().all(|call| call.answer.status == 403));
    // Most never had a hope, and are told so before their time is over.
    assert!(median(&calls) < Duration::from_millis(2200), "{:?}", median(&calls));
}

#[tokio::test]
async fn sap_never_works_on_more_than_max_in_flight_however_callers_leave() {
    let (gateway, sap) = start(&[("deadline", "300ms")]).await;
    sap.takes(Duration::from_millis(1200));

    // Each caller is told after 300 ms, while SAP goes on working.
    at_pace(&gateway.jtel(), 30, (0..60).map(partner)).await;

    assert!(sap.most_at_once() <= PLACES, "{} at once", sap.most_at_once());
}

#[tokio::test]
async fn callers_who_hang_up_before_their_request_was_sent_cost_sap_nothing() {
    let (gateway, sap) = start(&[("deadline", "20s"), ("sap.total_timeout", "20s")]).await;
    let before = sap.requests();
    sap.does(Does::Held(Does::Answer.into()));
    let call = |n: u32| {
        let jtel = gateway.jtel();
        tokio::spawn(async move { jtel.ask(&partner(n)).await.outcome() })
    };
    let waiting: Vec<_> = (0..5).map(call).collect();
    eventually("all places are taken", || async { sap.requests() - before == PLACES }).await;
    let leaving: Vec<_> = (100..140).map(call).collect();
    let in_flight = || async { value_of(&gateway.metrics().await, "dialgate_calls_in_flight") };
    eventually("more wait for a place", || async { in_flight().await == 45 }).await;

    for call in &leaving {
        call.abort();
    }
    eventually("they have hung up", || async { in_flight().await == 5 }).await;
    sap.release();

    for call in waiting {
        assert_eq!(call.await.unwrap(), "200");
    }
    assert_eq!(gateway.jtel().ask("5000200").await.outcome(), "200");
    assert_eq!(sap.requests() - before, PLACES + 1);
    gateway.until_records(46).await;
}

#[tokio::test]
async fn a_call_that_got_no_place_is_told_so_and_not_that_sap_is_silent() {
    let (gateway, sap) = start(&[("deadline", "600ms")]).await;
    sap.does(Does::Held(Does::Answer.into()));
    let jtel = gateway.jtel();
    let waiting = tokio::spawn({
        let jtel = jtel.clone();
        async move { at_once(&jtel, (0..5).map(partner)).await }
    });
    eventually("all places are taken", || async {
        (0..5).all(|n| sap.requests_for(&partner(n)) == 1)
    })
    .await;

    let calls = at_once(&jtel, (100..110).map(partner)).await;

    assert_eq!(with_outcome(&calls, "403 overloaded"), 10, "{:?}", calls[0].answer);
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, r#"dialgate_sap_not_asked_total{reason="busy"}"#), 10);
    assert_eq!(value_of(&metrics, "dialgate_sap_up"), 1);
    drop(waiting.await);
    let records = gateway.until_records(15).await;
    let busy: Vec<_> = records.iter().filter(|record| record["sap"] == "busy").collect();
    assert_eq!(busy.len(), 10);
    for record in busy {
        assert_eq!(record["reason"], "overloaded", "{record}");
        assert!(record["queue_us"].as_u64() > Some(0), "{record}");
        assert!(record["sap_us"].is_null(), "{record}");
    }
}

#[tokio::test]
async fn the_wait_for_a_place_and_the_time_of_sap_are_two_figures() {
    let (gateway, sap) = start(&[("sap.max_in_flight", "1")]).await;
    sap.takes(Duration::from_millis(300));

    let calls = at_once(&gateway.jtel(), (0..3).map(partner)).await;

    assert_eq!(with_outcome(&calls, "200"), 3);
    let mut records = gateway.until_records(3).await;
    records.sort_by_key(|record| record["took_us"].as_u64());
    let of = |place: usize, field: &str| records[place][field].as_u64().unwrap_or_default();
    assert!(of(0, "queue_us") < 200_000, "{}", records[0]);
    assert!(of(2, "queue_us") >= 500_000, "{}", records[2]);
    assert!((250_000..550_000).contains(&of(2, "sap_us")), "{}", records[2]);
}

#[tokio::test]
async fn a_full_queue_is_bridged_by_the_default_pair_as_a_silent_sap_is() {
    let changes = [("deadline", "400ms"), ("rules.sap_unavailable", "dial_default")];
    let (gateway, sap) = start(&changes).await;
    sap.does(Does::Held(Does::Answer.into()));

    let calls = at_once(&gateway.jtel(), (0..12).map(partner)).await;

    assert_eq!(with_outcome(&calls, "200"), 12);
    assert!(calls.iter().all(|call| call.answer.source() == "default"));
}
