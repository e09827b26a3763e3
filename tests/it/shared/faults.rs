//! Whatever becomes of the shared memory: no call fails, none waits longer than the budget for it.

use std::time::Duration;

use super::redis::{Redis, Replicas, section};
use crate::support::{Link, load};

/// Calls at all replicas, for partners that nobody has asked about; each has to be answered.
async fn all_answered(replicas: &Replicas, from: u32, what: &str) {
    let loads = replicas.all.iter().enumerate().map(|(n, gateway)| {
        let jtel = gateway.jtel_h2();
        let from = from + u32::try_from(n).unwrap() * 1000;
        let partners: Vec<_> = (from..from + 60).map(load::partner).collect();
        tokio::spawn(async move { load::at_pace(&jtel, 40, partners).await })
    });
    for calls in loads.collect::<Vec<_>>() {
        for made in calls.await.unwrap() {
            assert_eq!(made.answer.status.as_u16(), 200, "{what}: {}", made.answer.text);
        }
    }
}

/// The bound above the budget of 30 ms: what a loaded machine adds to a timer is none of ours.
const BOUND: &str = "0.1";

async fn two(section: &str) -> Replicas {
    Replicas::start(2, section, &[("deadline", "20s")]).await
}

#[tokio::test]
async fn killed_under_load_no_call_fails_and_it_is_used_again_when_it_is_back() {
    let mut redis = Redis::start().await;
    let replicas = two(&redis.shared("")).await;
    all_answered(&replicas, 0, "well").await;

    redis.kill().await;
    all_answered(&replicas, 10_000, "killed").await;
    replicas.until("left_alone").await;
    let waited = replicas.waited_longer(BOUND).await;
    let asked = replicas.sum(r#"dialgate_shared_memory_requests_total{result="timeout"}"#).await;
    all_answered(&replicas, 20_000, "left alone").await;
    // Nobody waits for one that is left alone.
    assert_eq!(replicas.waited_longer(BOUND).await, waited);
    let now = replicas.sum(r#"dialgate_shared_memory_requests_total{result="timeout"}"#).await;
    assert_eq!(now, asked);

    redis.restart().await;
    replicas.until("answering").await;
    all_answered(&replicas, 30_000, "back").await;
    assert!(replicas.waited_longer(BOUND).await <= waited + 2);
}

#[tokio::test]
async fn frozen_under_load_a_few_calls_wait_for_the_budget_and_then_none_does() {
    let redis = Redis::start().await;
    let replicas = two(&redis.shared("")).await;

    redis.freeze();
    all_answered(&replicas, 0, "frozen").await;
    replicas.until("left_alone").await;
    let late = replicas.sum(r#"dialgate_shared_memory_requests_total{result="timeout"}"#).await;
    assert!(late > 0);
    all_answered(&replicas, 10_000, "left alone").await;
    let still = replicas.sum(r#"dialgate_shared_memory_requests_total{result="timeout"}"#).await;
    assert_eq!(still, late);
    assert!(replicas.waited_longer(BOUND).await <= 2);

    redis.thaw();
    replicas.until("answering").await;
    all_answered(&replicas, 20_000, "thawed").await;
}

#[tokio::test]
async fn flushed_and_filled_up_under_load_no_call_fails() {
    let redis = Redis::start_with(&["--maxmemory-policy", "noeviction"]).await;
    let replicas = two(&redis.shared("")).await;
    all_answered(&replicas, 0, "well").await;

    redis.ask::<()>("FLUSHALL").await;
    redis.ask::<()>("SCRIPT FLUSH").await;
    all_answered(&replicas, 0, "from memory").await;
    all_answered(&replicas, 10_000, "flushed").await;

    redis.ask::<()>("CONFIG SET maxmemory 1mb").await;
    all_answered(&replicas, 20_000, "full").await;
    assert!(replicas.sum(r#"dialgate_shared_memory_requests_total{result="full"}"#).await > 0);
    redis.ask::<()>("CONFIG SET maxmemory 0").await;
    all_answered(&replicas, 30_000, "emptied").await;
    assert!(replicas.waited_longer(BOUND).await <= 2);
}

#[tokio::test]
async fn cut_silenced_and_slowed_down_on_the_way_no_call_fails() {
    let redis = Redis::start().await;
    let link = Link::to(([127, 0, 0, 1], redis.port).into());
    let replicas = two(&section(link.address.port(), "")).await;
    let mut from = 0;
    for what in ["cut", "black hole", "closed", "slow"] {
        match what {
            "cut" => link.cut(),
            "black hole" => link.black_hole(),
            "closed" => link.close_port(),
            _ => link.slow(Duration::from_millis(300)),
        }
        all_answered(&replicas, from, what).await;
        replicas.until("left_alone").await;
        link.mend();
        replicas.until("answering").await;
        from += 10_000;
        all_answered(&replicas, from, "mended").await;
        from += 10_000;
    }
    assert!(replicas.waited_longer(BOUND).await <= 4);
}

#[tokio::test]
async fn a_gateway_starts_and_answers_although_there_is_no_shared_memory() {
    let port = super::redis::free_port();
    let gateway = {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        crate::support::gateway::write_key(&key, super::redis::KEY);
        let keys = format!("[{{ file: {} }}]", key.display());
        let shared = section(port, "");
        crate::support::Gateway::start_with(&[("cache.keys", &keys), ("cache.shared", &shared)])
            .await
    };

    assert_eq!(gateway.jtel().ask("1001910").await.source(), "sap");
    let state = r#"dialgate_shared_memory{state="left_alone"}"#;
    crate::support::eventually("it is left alone", || async {
        super::redis::count(&gateway, state).await == 1
    })
    .await;
}
