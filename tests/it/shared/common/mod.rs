//! SAP's places, its requests of the day, probes and its token are one for three processes that share a
//! memory; and whatever becomes of that memory, no call fails.

mod faults;
mod token;

use std::time::Duration;

use tempfile::TempDir;

use super::redis::{KEY, Redis, SECOND};
use crate::support::{
    Does, Process, ScriptedSap, eventually,
    load::{self, Made, partner, with_outcome},
    program, value_of,
};

/// All of them, at the same time and in their order.
async fn join_all<T: Send + 'static>(
    all: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = all.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

/// Where exact numbers are wanted: no answer is late, however loaded the machine is.
const PATIENT: &str = ", budget: 500ms";

/// `sap.max_in_flight` of the shipped configuration.
const PLACES: usize = 5;

/// Three of the binary, with one SAP and one shared memory.
struct Three {
    all: Vec<Process>,
    _keys: TempDir,
}

impl Three {
    async fn start(sap_url: &str, shared: &str, more: &[(&str, &str)]) -> Self {
        let three = Self::start_alone(sap_url, shared, more).await;
        three.until_together().await;
        three
    }

    /// Whether or not the memory is there.
    async fn start_alone(sap_url: &str, shared: &str, more: &[(&str, &str)]) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let file = keys.path().join("key");
        crate::support::gateway::write_key(&file, KEY);
        let key = format!("[{{ file: {} }}]", file.display());
        let mut changes =
            vec![("cache.keys", key.as_str()), ("cache.shared", shared), ("deadline", "20s")];
        changes.extend_from_slice(more);
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(Process::start(sap_url, &changes).await);
        }
        Self { all, _keys: keys }
    }

    /// Each has seen the other two, and has no request of its start under way.
    async fn until_together(&self) {
        for process in &self.all {
            eventually("it has seen three", || async {
                let metrics = process.metrics().await;
                value_of(&metrics, "dialgate_sap_common_replicas") == 3
                    && value_of(&metrics, "dialgate_sap_up") == 1
            })
            .await;
        }
    }

    /// Each is on its own.
    async fn until_alone(&self) {
        for process in &self.all {
            eventually("it is on its own", || async {
                value_of(&process.metrics().await, "dialgate_sap_common_replicas") == 0
            })
            .await;
        }
    }

    async fn sum(&self, series: &str) -> i64 {
        let mut sum = 0;
        for process in &self.all {
            sum += value_of(&process.metrics().await, series);
        }
        sum
    }

    /// Calls at all of them, so many a second at each, about partners that nobody has asked about.
    async fn load(&self, per_second: u32, each: u32, from: u32) -> Vec<Made> {
        let calls = self.all.iter().zip(0..).map(|(process, n)| {
            let jtel = process.jtel(true);
            let from = from + n * each;
            async move { load::at_pace(&jtel, per_second, (from..from + each).map(partner)).await }
        });
        join_all(calls).await.into_iter().flatten().collect()
    }
}

/// Somebody who asks about a partner, in a task of its own.
fn ask(process: &Process, n: u32) -> tokio::task::JoinHandle<String> {
    let jtel = process.jtel(true);
    tokio::spawn(async move { jtel.ask(&partner(n)).await.outcome() })
}

#[tokio::test]
async fn sap_never_works_on_more_than_its_places_for_three_replicas_together() {
    never_more_than_its_places(&Redis::start().await).await;
}

#[tokio::test]
async fn valkey_is_one_memory_with_one_limit_as_redis_is() {
    let valkey = Redis::valkey().await;
    let server: String = valkey.ask("INFO server").await;
    assert!(server.contains("valkey_version"), "{server}");

    never_more_than_its_places(&valkey).await;

    let sap = ScriptedSap::start().await;
    let three = Three::start(&sap.url(), &valkey.shared(""), &[]).await;
    let (before, mut sources) = (valkey.keys("*said").await.len(), Vec::new());
    for process in &three.all {
        sources.push(process.jtel(true).ask(&partner(7)).await.source());
        eventually("it is written", || async { valkey.keys("*said").await.len() > before }).await;
    }
    assert_eq!(sources, ["sap", "shared", "shared"]);
    assert_eq!(sap.requests_for(&partner(7)), 1);
}

async fn never_more_than_its_places(redis: &Redis) {
    let sap = ScriptedSap::start().await;
    let three = Three::start(&sap.url(), &redis.shared(PATIENT), &[]).await;
    sap.takes(Duration::from_millis(100));

    let calls = three.load(60, 60, 0).await;

    assert_eq!(with_outcome(&calls, "200"), 180);
    assert_eq!(sap.most_at_once(), PLACES, "all are used, and no more");
    let entered = |result: &str| format!("dialgate_sap_common_places_total{{result=\"{result}\"}}");
    assert!(three.sum(&entered("shared")).await >= 180);
    assert_eq!(three.sum(&entered("busy")).await, 0);
    eventually("all places are free again", || async {
        three.sum("dialgate_sap_common_places").await == 0
    })
    .await;
    // No replica is left out while the others have callers waiting.
    for (n, calls) in calls.chunks(60).enumerate() {
        let longest = calls.iter().map(|call| call.took).max().unwrap();
        assert!(longest < Duration::from_secs(6), "replica {n}: {longest:?}");
    }
}

#[tokio::test]
async fn the_places_of_a_replica_that_is_killed_or_stands_still_come_back() {
    let (redis, sap) = (Redis::start().await, ScriptedSap::start().await);
    let patience = [("sap.total_timeout", "3s"), ("sap.breaker.slow_after", "3s")];
    let mut three = Three::start(&sap.url(), &redis.shared(""), &patience).await;
    for (signal, from) in [("-STOP", 100), ("-KILL", 200)] {
        sap.decides(move |asked| {
            let is_held = (from..from + 5).any(|n| asked.partner == partner(n));
            if is_held { Does::Hang } else { Does::Answer }
        });
        let before = sap.requests();
        let calls: Vec<_> = (from..from + 5).map(|n| ask(&three.all[0], n)).collect();
        eventually("it has all places", || async { sap.requests() - before == PLACES }).await;
        program::signal(&three.all[0].child, signal).await;

        let began = tokio::time::Instant::now();
        let others = [ask(&three.all[1], from + 10), ask(&three.all[2], from + 11)];
        for call in others {
            assert_eq!(call.await.unwrap(), "200", "{signal}");
        }

        // SAP may still be working on what it was asked: not before that has an end.
        let took = began.elapsed();
        assert!(took > SECOND && took < 6 * SECOND, "{signal}: {took:?}");
        if signal == "-STOP" {
            program::signal(&three.all[0].child, "-CONT").await;
            join_all(calls).await;
            // Five of its requests in a row had no answer: it probes SAP first.
            eventually("it asks again", || async {
                ask(&three.all[0], from + 12).await.unwrap() == "200"
            })
            .await;
            three.until_together().await;
        } else {
            calls.iter().for_each(tokio::task::JoinHandle::abort);
        }
    }
    three.all.remove(0);
    for process in &three.all {
        eventually("the other has not been seen for long", || async {
            value_of(&process.metrics().await, "dialgate_sap_common_replicas") == 2
        })
        .await;
    }
}

#[tokio::test]
async fn the_requests_of_the_day_are_one_for_three_replicas() {
    let (redis, sap) = (Redis::start().await, ScriptedSap::start().await);
    let granted = [("sap.daily_requests", "60"), ("sap.daily_reserve", "0")];
    let three = Three::start(&sap.url(), &redis.shared(PATIENT), &granted).await;

    let calls = three.load(50, 40, 0).await;
    assert_eq!(sap.requests(), 60);
    let refused = with_outcome(&calls, "403 sap_unavailable");
    assert_eq!(with_outcome(&calls, "200") + refused, 120);
    assert_eq!(refused, 120 + 3 - 60, "three of the sixty have asked whether SAP answers");
    eventually("all know it", || async {
        three.sum("dialgate_sap_common_daily_requests").await == 3 * 60
    })
    .await;

    // A memory that has lost the count is told it, and whoever starts finds it there.
    redis.ask::<()>("FLUSHALL").await;
    eventually("it knows it again", || async { redis.keys("*:requests-*").await.len() == 1 }).await;
    let new = Three::start_alone(&sap.url(), &redis.shared(PATIENT), &granted).await;
    for (process, n) in new.all.iter().zip((300..).step_by(100)) {
        let mut partners = n..;
        eventually("it is told", || {
            let asking = ask(process, partners.next().unwrap());
            async { asking.await.unwrap() == "403 sap_unavailable" }
        })
        .await;
    }
    assert!(sap.requests() <= 60 + 3, "{} requests", sap.requests());
}

#[tokio::test]
async fn a_sap_that_is_left_alone_is_probed_by_one_replica_at_a_time() {
    let (redis, sap) = (Redis::start().await, ScriptedSap::start().await);
    let probing = [("sap.probe_interval", "1s")];
    let three = Three::start(&sap.url(), &redis.shared(""), &probing).await;
    sap.does(Does::Status(500));
    three.load(20, 12, 0).await;
    for process in &three.all {
        eventually("SAP is left alone", || async {
            value_of(&process.metrics().await, r#"dialgate_sap_breaker{state="closed"}"#) == 0
        })
        .await;
    }
    // Until the pauses have grown to their longest.
    tokio::time::sleep(2 * SECOND).await;

    let before = sap.requests();
    tokio::time::sleep(6 * SECOND).await;
    let probes = sap.requests() - before;
    // Each for itself would make 18.
    assert!((4..=11).contains(&probes), "{probes} probes in six seconds");

    sap.does(Does::Answer);
    for (process, n) in three.all.iter().zip(500..) {
        eventually("it asks again", || async { ask(process, n).await.unwrap() == "200" }).await;
    }
}

#[tokio::test]
async fn a_thousand_calls_for_one_partner_at_three_processes_are_one_request_to_sap() {
    let (redis, sap) = (Redis::start().await, ScriptedSap::start().await);
    let three = Three::start(&sap.url(), &redis.shared(""), &[]).await;
    sap.takes(SECOND);

    let calls = three.all.iter().map(|process| {
        let jtel = process.jtel(true);
        async move { load::at_once(&jtel, vec![partner(7); 334]).await }
    });
    let calls: Vec<_> = join_all(calls).await.into_iter().flatten().collect();

    assert_eq!(with_outcome(&calls, "200"), 1002);
    assert_eq!(sap.requests_for(&partner(7)), 1);
}

#[tokio::test]
async fn check_says_what_is_wrong_with_the_shared_memory() {
    let redis = Redis::start().await;
    let rights = super::topologies::ALLOWED;
    redis.ask::<()>(&format!("ACL SETUSER dialgate on >geheim {rights}")).await;
    redis.ask::<()>(&format!("ACL SETUSER lesser on >geheim {rights} -zadd -time")).await;
    let sap = ScriptedSap::start().await;
    for (user, password, told) in [
        ("dialgate", "geheim", "the shared memory (one server) answers in"),
        ("dialgate", "canary-wrong", "Password authentication failed"),
        ("lesser", "geheim", "may not use TIME, ZADD"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        crate::support::gateway::write_key(&file, password);
        crate::support::gateway::write_key(&folder.path().join("key"), KEY);
        let key = format!("[{{ file: {} }}]", folder.path().join("key").display());
        let login =
            format!(", login: {{ user: {user}, password: {{ file: {} }} }}", file.display());
        let shared = redis.shared(&login);
        let changes = [("cache.keys", key.as_str()), ("cache.shared", &shared)];
        let config = crate::support::gateway::write_config(folder.path(), &sap.url(), &changes);
        let mut command = program::dialgate();
        let output =
            program::run(command.args(["check", "--connect", "--config"]).arg(config)).await;
        let shown = program::stdout(&output) + &program::stderr(&output);
        assert!(shown.contains(told), "{user} {password}: {shown}");
        assert!(!shown.contains("canary-wrong"));
    }
}
