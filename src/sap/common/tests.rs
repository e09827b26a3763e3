//! SAP's limits in common, without a server: what each replica does on its own.

use prometheus::Registry;

use super::*;
use crate::{
    config::Sap,
    net::kv::{KvMetrics, Store},
    sap::{door::Urgency, testing},
};

const SECOND: Duration = Duration::from_secs(1);

fn common(sap: &Sap) -> Arc<Common> {
    let metrics = Arc::new(SapMetrics::new(&Registry::new()).unwrap());
    Common::new(sap, &metrics, None)
}

/// One of so many replicas, whose memory does not answer.
fn one_of(replicas: u32) -> Arc<Common> {
    let common = common(&testing::sap("http://localhost"));
    common.share(&Store::new(Arc::new(KvMetrics::new(&Registry::new()).unwrap())));
    common.replicas.store(replicas, Ordering::Relaxed);
    common
}

fn wanted(urgency: Urgency, limit: usize) -> Wanted {
    Wanted { urgency, limit, life: SECOND, latest: Instant::now() + SECOND, by: None }
}

async fn takes(common: &Arc<Common>, urgency: Urgency, limit: usize) -> Option<Lease> {
    common.place(wanted(urgency, limit), || false).await.ok()
}

#[tokio::test(start_paused = true)]
async fn without_the_memory_each_replica_has_its_share_and_one_place_at_least() {
    for (replicas, limit, share) in [(1, 5, 5), (2, 5, 2), (3, 5, 1), (3, 9, 3), (10, 5, 1)] {
        let common = one_of(replicas);
        let mut held = Vec::new();
        for _ in 0..share {
            held.push(takes(&common, Urgency::Live, limit).await.expect("its share"));
        }

        assert!(takes(&common, Urgency::Live, limit).await.is_none(), "{replicas} {limit}");
        // Whether SAP answers is found out whatever waits there.
        assert!(takes(&common, Urgency::Probe, limit).await.is_some(), "{replicas} {limit}");
        held.pop();
        assert!(takes(&common, Urgency::Live, limit).await.is_some(), "{replicas} {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_of_the_share_has_it_when_it_is_given_back() {
    let common = one_of(3);
    let first = takes(&common, Urgency::Live, 5).await.unwrap();
    let second = tokio::spawn({
        let common = Arc::clone(&common);
        async move { takes(&common, Urgency::Live, 5).await.is_some() }
    });
    tokio::time::sleep(SECOND / 2).await;

    drop(first);

    assert!(second.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn refreshes_leave_a_place_of_the_share_to_calls_and_do_not_wait() {
    let common = one_of(2);
    let began = Instant::now();
    let refresh = takes(&common, Urgency::Refresh, 5).await;
    assert!(refresh.is_some());

    assert!(takes(&common, Urgency::Refresh, 5).await.is_none());
    assert_eq!(began.elapsed(), Duration::ZERO);

    assert!(takes(&common, Urgency::Live, 5).await.is_some());
    // A share of one is for whoever comes first.
    assert!(takes(&one_of(9), Urgency::Refresh, 5).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_sap_that_is_not_asked_any_more() {
    let common = one_of(3);
    let _held = takes(&common, Urgency::Live, 5).await.unwrap();
    let began = Instant::now();

    assert!(common.place(wanted(Urgency::Live, 5), || true).await.is_err());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn without_the_memory_each_replica_sends_its_share_of_the_days_requests() {
    let common = one_of(3);
    let mut sent = 0;
    while common.request(100).await.is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 33);
}

#[test]
fn who_asks_the_same_sap_shares_its_limits_and_nobody_else() {
    let one = testing::sap("https://my300000.crm.ondemand.com");
    let group = group(&one);
    // Written down once: another name, and replicas of two versions do not count together.
    assert_eq!(group, "7fd4096a3fff8f4572d0677afb3093f5");
    let same = [
        Sap { preset: "c4c-account".to_owned(), ..one.clone() },
        Sap { max_in_flight: 9, ..one.clone() },
        Sap { language: "DE".to_owned(), ..one.clone() },
    ];
    assert!(same.iter().all(|sap| super::group(sap) == group));
    let others = [
        testing::sap("https://my300001.crm.ondemand.com"),
        Sap { client: Some("100".to_owned()), ..one },
    ];
    assert!(others.iter().all(|sap| super::group(sap) != group));
}

#[tokio::test]
async fn fewer_replicas_are_believed_after_a_while_and_more_at_once() {
    let common = one_of(3);

    (1..FEWER_AFTER).for_each(|_| common.sees(1));
    assert_eq!(common.replicas(), 3, "it may only have been the first to come back");
    common.sees(4);
    assert_eq!(common.replicas(), 4);
    (0..FEWER_AFTER).for_each(|_| common.sees(1));
    assert_eq!(common.replicas(), 1);
}
