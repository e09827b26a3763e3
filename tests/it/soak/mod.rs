//! Hits, misses, faults of SAP that change every few seconds, reloads, renewed certificates and
//! callers who hang up, all at the same time: no answer that cannot be, no wrong partner, no lost
//! record, and no memory that grows.
//!
//! Half a minute in `tests/run`; as long as `DIALGATE_SOAK_SECONDS` says by `tests/soak`.

#![expect(clippy::print_stdout, reason = "what was found out, and the seed to find it out again")]

mod callers;
mod changes;
mod weather;

use std::{collections::HashMap, sync::Arc, time::Duration};

use dialgate::{
    config::Secret,
    simulator::{Simulator, SimulatorOptions},
};
use tokio::time::{Instant, sleep_until};

use self::{callers::Callers, changes::Changes, weather::Weather};
use crate::support::{Link, Process, SAP_PASSWORD, SAP_USER, value_of};

/// In `tests/run`.
const SECONDS: u64 = 30;

/// How much more memory the process may have at the end than after a third of the time, in MiB:
/// what a debug build's allocator keeps, not what thousands of lookups would leave behind.
const MOST_GROWTH: i64 = 24;

/// What does not change while it runs. Short lives and short patience, so that everything ends and
/// begins often.
const SETTINGS: [(&str, &str); 11] = [
    ("deadline", "1s"),
    ("answer_within", "100ms"),
    ("sap.connect_timeout", "500ms"),
    ("sap.total_timeout", "1s"),
    ("sap.probe_interval", "1s"),
    ("sap.breaker.open_for", "100ms"),
    ("sap.breaker.slow_after", "500ms"),
    ("cache.found_ttl", "2s"),
    ("cache.unknown_ttl", "1s"),
    ("cache.last_good_ttl", "1m"),
    ("cache.max_entries", "5000"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_one_that_can_be_whatever_changes_at_the_same_time() {
    let length = std::env::var("DIALGATE_SOAK_SECONDS").ok();
    let length = length.map_or(SECONDS, |text| text.parse().expect("DIALGATE_SOAK_SECONDS"));
    let seed = std::env::var("DIALGATE_SOAK_SEED").ok().map(|text| text.parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("{length} s with DIALGATE_SOAK_SEED={seed}");
    let simulator = Simulator::start(SimulatorOptions {
        address: ([127, 0, 0, 1], 0).into(),
        user: SAP_USER.to_owned(),
        password: Some(Secret::new(SAP_PASSWORD.to_owned())),
        delay: Duration::from_millis(10),
    })
    .await
    .unwrap();
    let link = Link::to(simulator.local_address());
    let first = Changes::settings(0);
    let mut process = Process::start(&link.url(), &as_slices(&first)).await;
    let changes = Arc::new(Changes::of(&process).await);
    let weather = Arc::new(Weather::new(simulator.handle(), link, seed));
    let callers = Arc::new(Callers::new(&process, Arc::clone(&changes), Arc::clone(&weather)));
    callers.ask_all_in_use_once().await;

    let (started, end) = (Instant::now(), Instant::now() + Duration::from_secs(length));
    let calling = callers.call_until(end, seed);
    let changing = tokio::spawn({
        let weather = Arc::clone(&weather);
        async move { weather.change_until(end).await }
    });
    let warm = started + Duration::from_secs(length) / 3;
    let mut at_first = None;
    let mut reloads = 0;
    while Instant::now() < end {
        reloads += 1;
        changes.reload(&process, reloads).await;
        if at_first.is_none() && Instant::now() >= warm {
            at_first = Some(process.resident_mib().await);
        }
        // A reload takes a few seconds where the change is to be found by looking.
        sleep_until(Instant::now() + Duration::from_secs(1)).await;
    }
    changing.await.unwrap();
    for caller in calling {
        caller.await.unwrap();
    }

    let found = callers.findings();
    assert!(found.is_empty(), "{} of {}: {found:#?}", found.len(), callers.answered().len());
    changes.the_certificate_shown_is_the_last_one(&process).await;
    let grown = process.resident_mib().await - at_first.expect("longer than a second");
    assert!(grown <= MOST_GROWTH, "{grown} MiB more at the end");
    nothing_is_lost(&process.metrics().await);
    assert_eq!(process.end().await, Some(0));
    every_request_has_its_record(&process, &callers, changes.asked());
    let (faults, lines) = (weather.faults(), process.warnings().len());
    assert!(lines <= 5 * faults + 10, "{lines} warnings about {faults} faults");
    println!(
        "{} answers, {} hung up, {faults} faults, {reloads} reloads, {grown} MiB more, {lines} warnings",
        callers.answered().len(),
        callers.hung_up(),
    );
}

fn as_slices<'s>(settings: &'s [(&'static str, String)]) -> Vec<(&'static str, &'s str)> {
    settings.iter().map(|(key, value)| (*key, value.as_str())).collect()
}

fn nothing_is_lost(metrics: &str) {
    for reason in ["queue_full", "write_failed"] {
        let series = format!("dialgate_access_records_lost_total{{reason=\"{reason}\"}}");
        assert_eq!(value_of(metrics, &series), 0, "{reason}");
    }
}

/// Each answer has exactly one record with its call's ID; who hung up may have one, of whatever
/// they left behind.
fn every_request_has_its_record(process: &Process, callers: &Callers, besides: usize) {
    let mut records = process.records();
    // A connection that was cut in the middle of its handshake came to no call.
    records.retain(|record| record["event"].is_null());
    let mut by_call: HashMap<&str, usize> = HashMap::new();
    for record in &records {
        *by_call.entry(record["call"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(by_call.len(), records.len(), "a call has two records");
    let answered = callers.answered();
    let missing = answered.iter().filter(|call| !by_call.contains_key(call.as_str())).count();
    assert_eq!(missing, 0, "of {} answers have no record", answered.len());
    let most = answered.len() + callers.hung_up() + besides;
    assert!(records.len() <= most, "{} records of {most} requests", records.len());
}
