//! Replicas with one memory: what one of them was told by SAP is known to all, SAP is asked once, and
//! no call needs the memory for an answer.

mod common;
mod faults;
mod redis;
mod topologies;

use std::time::Duration;

use tokio::process::Command;

use self::redis::{KEY, OTHER_KEY, Redis, Replicas, SECOND, count, until_written};
use crate::support::{
    Gateway,
    client::Answer,
    eventually, load,
    program::{run, stdout},
};

/// Has a partner forgotten, as an operator does it.
async fn forget(gateway: &Gateway, partner: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-d", &format!("partner={partner}")]);
    curl.arg(format!("http://{}/memory/forget", gateway.admin));
    stdout(&run(&mut curl).await)
}

#[tokio::test]
async fn what_one_replica_was_told_is_known_to_the_others() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(2, &redis.shared(""), &[]).await;
    let [one, other] = replicas.all.as_slice() else { panic!() };

    for partner in ["1001910", "4040404"] {
        let first = one.jtel().ask(partner).await;
        until_written(&replicas, if partner == "1001910" { 1 } else { 2 }).await;
        let before = replicas.asked(partner);
        let second = other.jtel().ask(partner).await;
        let third = other.jtel().ask(partner).await;

        assert_eq!(first.outcome(), second.outcome());
        let sources = [&first, &second, &third].map(Answer::source);
        if partner == "1001910" {
            assert_eq!(sources, ["sap", "shared", "memory"]);
        }
        assert_eq!(second.headers["cache-status"], "dialgate; hit; detail=shared");
        assert_eq!(replicas.asked(partner), before, "{partner}");
    }
}

#[tokio::test]
async fn a_thousand_calls_for_one_partner_at_three_replicas_are_one_request_to_sap() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(3, &redis.shared(""), &[("deadline", "20s")]).await;
    replicas.all[0].sap.set_delay(SECOND);

    let calls = replicas.all.iter().map(|gateway| {
        let (jtel, calls) = (gateway.jtel_h2(), vec!["1001910".to_owned(); 334]);
        tokio::spawn(async move { load::at_once(&jtel, calls).await })
    });
    let mut answered = 0;
    for calls in calls.collect::<Vec<_>>() {
        for made in calls.await.unwrap() {
            assert_eq!(made.answer.status.as_u16(), 200, "{}", made.answer.text);
            answered += 1;
        }
    }

    assert_eq!((answered, replicas.asked("1001910")), (1002, 1));
    assert_eq!(replicas.sum(r#"dialgate_shared_waits_total{result="told"}"#).await, 2);
}

#[tokio::test]
async fn a_failure_of_sap_is_told_to_those_who_wait_at_other_replicas() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(3, &redis.shared(""), &[("deadline", "10s")]).await;
    replicas.all[0].sap.set_delay(SECOND);
    replicas.all[0].sap.set_fault(Some("status_500".parse().unwrap()), None);

    let calls: Vec<_> = replicas
        .all
        .iter()
        .map(|gateway| {
            let jtel = gateway.jtel();
            tokio::spawn(async move { jtel.ask("1001910").await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().status.as_u16(), 403);
    }

    assert_eq!(replicas.asked("1001910"), 1);
    assert_eq!(replicas.sum(r#"dialgate_shared_waits_total{result="failed"}"#).await, 2);
}

#[tokio::test]
async fn a_replica_that_dies_while_it_asks_leaves_its_turn_to_another() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(1, &redis.shared(""), &[("deadline", "20s")]).await;
    // A holder that will never come back.
    replicas.all[0].jtel().ask("1001910").await;
    until_written(&replicas, 1).await;
    let other = Replicas::start(
        1,
        &redis.shared(""),
        &[("deadline", "20s"), ("sap.url", replicas.all[0].sap_url.as_str())],
    )
    .await;
    let said = &redis.keys("*said").await[0];
    let turn = said.replace("said", "turn");
    redis.ask::<()>(&format!("SET {turn} hsomebody PX 1000")).await;
    redis.ask::<i64>(&format!("DEL {said}")).await;

    let answer = other.all[0].jtel().ask("1001910").await;

    assert_eq!((answer.status.as_u16(), answer.source().as_str()), (200, "sap"));
    assert_eq!(replicas.asked("1001910"), 2);
    assert_eq!(other.sum(r#"dialgate_shared_waits_total{result="took_over"}"#).await, 1);
}

#[tokio::test]
async fn what_came_of_an_earlier_turn_does_not_replace_what_came_of_a_later_one() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(2, &redis.shared(""), &[("deadline", "20s")]).await;
    let [one, other] = replicas.all.as_slice() else { panic!() };
    one.sap.set_delay(SECOND);
    let early = one.jtel();
    let early = tokio::spawn(async move { early.ask("1001910").await });
    eventually("it has its turn", || async { !redis.keys("*turn").await.is_empty() }).await;

    // An operator forgets the partner while SAP is still working on what was asked before.
    forget(other, "1001910").await;
    assert_eq!(early.await.unwrap().status.as_u16(), 200);
    eventually("it was not written", || async {
        count(one, r#"dialgate_shared_writes_total{result="older"}"#).await == 1
    })
    .await;

    let late = other.jtel().ask("1001910").await;
    assert_eq!(late.source(), "sap");
    assert_eq!(replicas.asked("1001910"), 2);
}

#[tokio::test]
async fn who_is_forgotten_at_one_replica_is_forgotten_at_all() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(2, &redis.shared(""), &[]).await;
    let [one, other] = replicas.all.as_slice() else { panic!() };
    one.jtel().ask("1001910").await;
    until_written(&replicas, 1).await;
    other.jtel().ask("1001910").await;

    let told = forget(one, "1001910").await;
    assert!(told.contains("other replicas are told"), "{told}");
    eventually("the other has heard", || async {
        count(other, r#"dialgate_shared_forgotten_total{result="heard"}"#).await == 1
    })
    .await;

    assert_eq!(other.jtel().ask("1001910").await.source(), "sap");
    assert_eq!(replicas.asked("1001910"), 2);
}

#[tokio::test]
async fn nothing_personal_and_nothing_that_sap_said_can_be_read_in_the_shared_memory() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(1, &redis.shared(""), &[]).await;
    let partners = ["1001910", "2000001", "4040404"];
    for partner in partners {
        replicas.all[0].jtel().ask(partner).await;
    }
    until_written(&replicas, 3).await;
    forget(&replicas.all[0], "1001911").await;

    let mut all = Vec::new();
    let keys = redis.keys("*").await;
    assert!(keys.len() >= 5, "{keys:?}");
    for key in &keys {
        all.extend_from_slice(key.as_bytes());
        let kind: String = redis.ask(&format!("TYPE {key}")).await;
        if kind == "string" {
            all.extend(redis.ask::<Vec<u8>>(&format!("GET {key}")).await);
            assert!(redis.ask::<i64>(&format!("PTTL {key}")).await > 0, "{key} would stay");
        } else {
            let entries: Vec<(String, Vec<Vec<u8>>)> =
                redis.ask(&format!("XRANGE {key} - +")).await;
            all.extend(entries.into_iter().flat_map(|(_, fields)| fields).flatten());
        }
    }
    let all = String::from_utf8_lossy(&all);
    let facts = ["Direct", "sales", "\"DE\"", "partner", "found", "unknown", "492", "1001911", KEY];
    for canary in partners.into_iter().chain(facts) {
        assert!(!all.contains(canary), "{canary} is in the shared memory");
    }
}

#[tokio::test]
async fn what_is_not_as_it_was_written_or_of_another_partner_is_not_used() {
    let redis = Redis::start().await;
    let replicas = Replicas::start(2, &redis.shared(""), &[]).await;
    let [one, other] = replicas.all.as_slice() else { panic!() };
    let first = one.jtel().ask("1001910").await;
    until_written(&replicas, 1).await;
    let of_first = redis.keys("*said").await.remove(0);
    let second = one.jtel().ask("2000001").await;
    until_written(&replicas, 2).await;
    let of_second = redis.keys("*said").await.into_iter().find(|key| *key != of_first).unwrap();
    assert_ne!(first.text, second.text);
    let before = replicas.asked("2000001");

    // Somebody who can write there passes one partner's answer off as another's.
    redis.ask::<()>(&format!("COPY {of_first} {of_second} REPLACE")).await;
    assert_eq!(other.jtel().ask("2000001").await.outcome(), second.outcome());
    assert_eq!(replicas.asked("2000001"), 2 * before);
    assert_eq!(count(other, r#"dialgate_shared_lookups_total{result="unusable"}"#).await, 1);

    // And nothing that stands there makes a call fail.
    let rubbish = ["SET {} x PX 60000", "SET {} 0000000000000000x PX 60000", "LPUSH {} x"];
    for (n, command) in rubbish.into_iter().enumerate() {
        let third = load::partner(n.try_into().unwrap());
        one.jtel().ask(&third).await;
        let writes = i64::try_from(n).unwrap() + 4;
        until_written(&replicas, writes).await;
        for key in redis.keys("*said").await {
            redis.ask::<i64>(&format!("DEL {key}")).await;
            redis.ask::<()>(&command.replace("{}", &key)).await;
        }
        let answer = other.jtel().ask(&third).await;
        assert_eq!((answer.status.as_u16(), answer.source().as_str()), (200, "sap"), "{command}");
    }
}

#[tokio::test]
async fn a_key_is_replaced_without_asking_sap_again() {
    let redis = Redis::start().await;
    let old = Replicas::with_keys(1, &redis.shared(""), &[KEY], &[]).await;
    old.all[0].jtel().ask("1001910").await;
    until_written(&old, 1).await;
    let sap = [("sap.url", old.all[0].sap_url.as_str())];

    let both = Replicas::with_keys(1, &redis.shared(""), &[OTHER_KEY, KEY], &sap).await;
    assert_eq!(both.all[0].jtel().ask("1001910").await.source(), "shared");

    let new = Replicas::with_keys(1, &redis.shared(""), &[OTHER_KEY], &sap).await;
    assert_eq!(new.all[0].jtel().ask("1001910").await.source(), "sap");
    until_written(&new, 1).await;
    let both = Replicas::with_keys(1, &redis.shared(""), &[KEY, OTHER_KEY], &sap).await;
    assert_eq!(both.all[0].jtel().ask("1001910").await.source(), "shared");
    assert_eq!(old.asked("1001910"), 2);
}

#[tokio::test]
async fn what_others_knew_bridges_an_outage_for_a_replica_that_has_just_started() {
    let redis = Redis::start().await;
    let short =
        [("cache.found_ttl", "1s"), ("cache.jitter", "0"), ("cache.refresh_ahead", "false")];
    let replicas = Replicas::start(1, &redis.shared(""), &short).await;
    replicas.all[0].jtel().ask("1001910").await;
    until_written(&replicas, 1).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut changes = short.to_vec();
    changes.push(("sap.url", replicas.all[0].sap_url.as_str()));
    let new = Replicas::start(1, &redis.shared(""), &changes).await;
    replicas.all[0].sap.set_fault(Some("status_500".parse().unwrap()), None);

    let answer = new.all[0].jtel().ask("1001910").await;

    assert_eq!((answer.status.as_u16(), answer.source().as_str()), (200, "last_good"));
}
