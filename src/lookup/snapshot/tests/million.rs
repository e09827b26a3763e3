//! What a million partners cost, for `docs/restart.md`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::*;

const PARTNERS: usize = 1_000_000;

/// Asks for partners one after the other until `stop`; the times of all, in order.
fn hits(memory: &Memory, system: crate::sap::SystemId, stop: &AtomicBool) -> Vec<Duration> {
    let (mut took, mut number) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        number = (number + 7919) % PARTNERS;
        let key = Key { system, partner: partner(number) };
        let began = Instant::now();
        assert!(memory.get(&key).is_some());
        took.push(began.elapsed());
        thread::park_timeout(Duration::from_micros(100));
    }
    took.sort();
    took
}

fn told(what: &str, took: &[Duration]) {
    let part = |per_mille: usize| took[took.len() * per_mille / 1000];
    let (half, most, last) = (part(500), part(999), took[took.len() - 1]);
    tracing::info!(
        "{what}: {} hits, median {half:?}, 99.9 % {most:?}, longest {last:?}",
        took.len()
    );
}

/// `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test --lib a_million -- --ignored --nocapture`; not slower with `--release`.
#[tokio::test]
#[ignore = "measures: a minute, and 500 MB"]
async fn a_million_partners_are_written_and_loaded_within_seconds() {
    let _log = tracing::subscriber::set_default(tracing_subscriber::fmt().finish());
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let times = Cache { max_entries: 2 * PARTNERS as u64, ..times() };
    let memory = Memory::new(times.max_entries);
    for number in 0..PARTNERS {
        remember(&memory, &sap, number, found(&format!("channel {}", number % 40)), MINUTE);
    }
    memory.settle();

    for (what, pace) in [("with pauses", Pace::Gentle), ("at the end", Pace::Quick)] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let asking = scope.spawn(|| hits(&memory, sap.system(), &stop));
            let written = write::write(&path, &memory, &times, pace, &Stop::default());
            let written = written.unwrap().unwrap();
            stop.store(true, Ordering::Relaxed);
            tracing::info!(
                "{what}: {} partners, {} bytes, {:?}",
                written.entries,
                written.bytes,
                written.took
            );
            told("meanwhile", &asking.join().unwrap());
        });
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| hits(&memory, sap.system(), &stop));
        let until = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until {
            thread::park_timeout(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
        told("without it", &asking.join().unwrap());
    });
    let began = Instant::now();
    let (_, loaded) = load_from(&path, &times, &sap);
    tracing::info!(
        "{} partners loaded in {:?}",
        loaded.unwrap().unwrap().of(Taken::Loaded),
        began.elapsed()
    );
}
