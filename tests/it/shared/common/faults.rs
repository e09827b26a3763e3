//! Whatever becomes of the shared memory: no call fails, none waits longer than the budget for it, and
//! SAP works on no more than its places.

use std::time::Duration;

use super::{PLACES, Three};
use crate::shared::redis::Redis;
use crate::support::{
    ScriptedSap,
    load::{Made, with_outcome},
};

/// What SAP takes for an answer here.
const TAKES: Duration = Duration::from_millis(20);

/// The memory's budget, and what a loaded machine adds to a timer and a task: none of ours.
const MOST: Duration = Duration::from_millis(30 + 250);

/// Each is answered by SAP, in the time that it takes.
fn all_answered(calls: &[Made], what: &str) {
    assert_eq!(with_outcome(calls, "200"), calls.len(), "{what}");
    let longest = calls.iter().map(|call| call.took).max().unwrap();
    assert!(longest < TAKES + MOST, "{what}: {longest:?}");
}

async fn start(redis: &Redis) -> (ScriptedSap, Three) {
    let sap = ScriptedSap::start().await;
    let three = Three::start(&sap.url(), &redis.shared(""), &[]).await;
    sap.takes(TAKES);
    (sap, three)
}

#[tokio::test]
async fn frozen_and_killed_each_replica_has_its_share_and_no_call_waits() {
    let mut redis = Redis::start().await;
    let (sap, three) = start(&redis).await;
    all_answered(&three.load(10, 15, 0).await, "well");

    redis.freeze();
    all_answered(&three.load(10, 20, 1000).await, "frozen");
    three.until_alone().await;
    all_answered(&three.load(10, 20, 2000).await, "left alone");
    redis.thaw();
    three.until_together().await;
    all_answered(&three.load(10, 15, 3000).await, "thawed");

    redis.kill().await;
    all_answered(&three.load(10, 20, 4000).await, "killed");
    redis.restart().await;
    three.until_together().await;
    all_answered(&three.load(10, 15, 5000).await, "back, and empty");

    let alone = three.sum(r#"dialgate_sap_common_places_total{result="alone"}"#).await;
    assert!(alone >= 100, "{alone}");
    assert!(sap.most_at_once() <= PLACES, "{} at once", sap.most_at_once());
}

#[tokio::test]
async fn more_calls_than_its_share_wait_and_do_not_flood_sap_while_the_memory_is_away() {
    let mut redis = Redis::start().await;
    let (sap, three) = start(&redis).await;
    redis.kill().await;
    three.until_alone().await;
    let before = sap.most_at_once();
    sap.takes(Duration::from_millis(50));

    let calls = three.load(60, 60, 0).await;

    assert_eq!(with_outcome(&calls, "200"), 180);
    assert!(sap.most_at_once().max(before) <= PLACES, "{} at once", sap.most_at_once());
}

#[tokio::test]
async fn flushed_full_and_with_values_of_others_no_call_fails() {
    let redis = Redis::start_with(&["--maxmemory-policy", "noeviction"]).await;
    let (sap, three) = start(&redis).await;
    let mut from = 0;
    let mut next = || {
        from += 1000;
        from
    };
    redis.ask::<()>("FLUSHALL").await;
    redis.ask::<()>("SCRIPT FLUSH").await;
    all_answered(&three.load(10, 15, next()).await, "flushed");

    redis.ask::<()>("CONFIG SET maxmemory 1mb").await;
    all_answered(&three.load(10, 15, next()).await, "full");
    redis.ask::<()>("CONFIG SET maxmemory 0").await;
    three.until_together().await;
    all_answered(&three.load(10, 15, next()).await, "emptied");

    for command in ["SET {} x", "RPUSH {} x", "ZADD {} 9999999999999 somebody"] {
        for what in ["places", "replicas", "probe"] {
            for key in redis.keys(&format!("*:{what}")).await {
                redis.ask::<i64>(&format!("DEL {key}")).await;
                redis.ask::<()>(&command.replace("{}", &key)).await;
            }
        }
        all_answered(&three.load(10, 15, next()).await, command);
    }
    assert!(sap.most_at_once() <= PLACES, "{} at once", sap.most_at_once());
}

#[tokio::test]
async fn three_replicas_start_and_answer_although_there_is_no_shared_memory() {
    let sap = ScriptedSap::start().await;
    let port = crate::shared::redis::free_port();
    let shared = crate::shared::redis::section(port, "");
    let three = Three::start_alone(&sap.url(), &shared, &[]).await;
    sap.takes(TAKES);

    all_answered(&three.load(10, 15, 0).await, "not there");
}
