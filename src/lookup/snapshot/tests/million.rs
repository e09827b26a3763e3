//! What many partners cost, for `docs/restart.md`; as a test, that all of them come back while calls go on.

use std::{
    env,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::*;

/// So many, where the variable names no number. A test need not take a minute.
const PARTNERS: usize = 20_000;

/// How many partners are measured with: a million for the documentation.
const VARIABLE: &str = "DIALGATE_TEST_PARTNERS";

/// Asks for partners one after the other until `stop`; the times of all, in order.
fn hits(
    memory: &Memory,
    partners: usize,
    system: crate::sap::SystemId,
    stop: &AtomicBool,
) -> Vec<Duration> {
    let (mut took, mut number) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        number = (number + 7919) % partners;
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

/// `DIALGATE_TEST_PARTNERS=1000000 CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test --lib all_partners -- --nocapture` takes a
/// minute and 500 MB; not slower with `--release`.
#[tokio::test]
async fn all_partners_come_back_and_calls_are_answered_while_they_are_written() {
    let partners = env::var(VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(PARTNERS);
    let _log = tracing::subscriber::set_default(tracing_subscriber::fmt().finish());
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let times = Cache { max_entries: 2 * partners as u64, ..times() };
    let memory = Memory::new(times.max_entries);
    for number in 0..partners {
        remember(&memory, &sap, number, found(&format!("channel {}", number % 40)), MINUTE);
    }
    memory.settle();

    for (what, pace) in [("with pauses", Pace::Gentle), ("at the end", Pace::Quick)] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let asking = scope.spawn(|| hits(&memory, partners, sap.system(), &stop));
            let written = write::write(&path, &memory, &times, pace, &Stop::default());
            let written = written.unwrap().unwrap();
            stop.store(true, Ordering::Relaxed);
            assert_eq!(written.entries, partners as u64);
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
        let asking = scope.spawn(|| hits(&memory, partners, sap.system(), &stop));
        let until = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until {
            thread::park_timeout(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
        told("without it", &asking.join().unwrap());
    });
    let began = Instant::now();
    let (_, loaded) = load_from(&path, &times, &sap);
    let loaded = loaded.unwrap().unwrap().of(Taken::Loaded);
    tracing::info!("{loaded} partners loaded in {:?}", began.elapsed());
    assert_eq!(loaded, partners as u64);
}
