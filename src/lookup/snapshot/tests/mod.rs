//! Snapshots as they are written and read; that restarts use them, `tests/it/restart.rs` says.

mod bytes;
mod files;
mod kept;
mod million;

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::time::Instant;

use super::{
    load::{self, LoadError, Loaded},
    metrics::Taken,
    write::{self, Pace, Stop, Written},
};
use crate::{
    config::{Cache, SealingKeys, Secret},
    domain::{BusinessPartner, CountryCode, DistributionChannel, Lookup, PartnerId},
    lookup::{
        memory::{Key, Memory, Remembered},
        stored::Stored,
    },
    sap::{SapClient, SapMetrics, testing::sap},
    telemetry::clock,
};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

fn keys(seeds: &[u8]) -> SealingKeys {
    let secrets: Vec<_> =
        seeds.iter().map(|seed| Secret::new(BASE64_STANDARD.encode([*seed; 32]))).collect();
    SealingKeys::new(&secrets).unwrap()
}

fn times() -> Cache {
    Cache {
        max_entries: 10_000,
        found_ttl: HOUR,
        unknown_ttl: MINUTE,
        last_good_ttl: 12 * HOUR,
        refresh_ahead: true,
        jitter_percent: 0,
        keys: keys(&[1]),
        shared: None,
        snapshot: None,
    }
}

fn partner(number: usize) -> PartnerId {
    PartnerId::parse(&format!("{number}")).unwrap()
}

fn found(channel: &str) -> Lookup {
    let channel = DistributionChannel::parse(channel).ok();
    Lookup::Found(BusinessPartner::new(channel, CountryCode::parse("DE").ok(), false, false))
}

fn client(url: &str) -> Arc<SapClient> {
    let metrics = Arc::new(SapMetrics::new(&prometheus::Registry::new()).unwrap());
    Arc::new(SapClient::new(&sap(url), metrics).unwrap())
}

/// Remembers it as SAP said it so long ago.
fn remember(memory: &Memory, sap: &SapClient, number: usize, lookup: Lookup, age: Duration) {
    let stored = Stored { lookup, reads: Arc::clone(sap.reads()), said_at: 0 };
    let said = memory.say(stored);
    let fetched = Instant::now().checked_sub(age).unwrap();
    let key = Key { system: sap.system(), partner: partner(number) };
    memory.remember(&key, Remembered::said_at(said, fetched, &times()));
}

fn write_to(path: &Path, memory: &Memory, times: &Cache) -> Written {
    write::write(path, memory, times, Pace::Quick, &Stop::default()).unwrap().unwrap()
}

fn load_from(
    path: &Path,
    times: &Cache,
    sap: &Arc<SapClient>,
) -> (Memory, Result<Option<Loaded>, LoadError>) {
    let memory = Memory::new(times.max_entries);
    let loaded = load::load(path, &memory, std::slice::from_ref(sap), times);
    (memory, loaded)
}

#[tokio::test]
async fn what_is_remembered_comes_back_as_old_as_it_is_and_what_is_of_no_use_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap, other) =
        (folder.path().join("snapshot"), client("http://a"), client("http://b"));
    let memory = Memory::new(100);
    remember(&memory, &sap, 1, found("Direct sales"), 10 * MINUTE);
    remember(&memory, &sap, 2, found("Direct sales"), 11 * HOUR);
    remember(&memory, &sap, 3, found("Direct sales"), 13 * HOUR);
    remember(&memory, &sap, 4, Lookup::Unknown, MINUTE / 2);
    remember(&memory, &sap, 5, Lookup::Unknown, 2 * MINUTE);
    remember(&memory, &other, 6, found("Direct sales"), MINUTE);

    let written = write_to(&path, &memory, &times());
    let (back, loaded) = load_from(&path, &times(), &sap);

    // 3 and 5 were of no use when it was written.
    assert_eq!(written.entries, 4);
    assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());
    let loaded = loaded.unwrap().unwrap();
    assert_eq!((loaded.of(Taken::Loaded), loaded.of(Taken::OtherSystem)), (3, 1));
    assert_eq!(back.len(), 3, "readiness asks at once");
    let now = Instant::now();
    for (number, age, lookup) in [
        (1, 10 * MINUTE, found("Direct sales")),
        (2, 11 * HOUR, found("Direct sales")),
        (4, MINUTE / 2, Lookup::Unknown),
    ] {
        let remembered = back.get(&Key { system: sap.system(), partner: partner(number) }).unwrap();
        assert_eq!(remembered.lookup, lookup);
        assert!(remembered.age(now).abs_diff(age) < MINUTE / 12, "{:?}", remembered.age(now));
        assert!(!remembered.is_used, "whoever is asked for is refreshed, and nobody else");
    }
}

#[tokio::test]
async fn what_grew_too_old_in_the_file_is_left_out_by_the_times_that_are_in_force_now() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let memory = Memory::new(100);
    remember(&memory, &sap, 1, found("a"), 10 * MINUTE);
    remember(&memory, &sap, 2, found("a"), 3 * HOUR);
    write_to(&path, &memory, &times());

    let shorter = Cache { found_ttl: MINUTE, last_good_ttl: HOUR, ..times() };
    let (_, loaded) = load_from(&path, &shorter, &sap);

    let loaded = loaded.unwrap().unwrap();
    assert_eq!((loaded.of(Taken::Loaded), loaded.of(Taken::TooOld)), (1, 1));
}

#[tokio::test]
async fn what_lacks_the_values_that_a_rule_looks_at_now_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let memory = Memory::new(100);
    for (number, reads) in [(1, Arc::clone(sap.reads())), (2, [].into())] {
        let said = memory.say(Stored { lookup: found("a"), reads, said_at: 0 });
        let key = Key { system: sap.system(), partner: partner(number) };
        memory.remember(&key, Remembered::said_at(said, Instant::now(), &times()));
    }
    assert!(!sap.reads().is_empty());
    write_to(&path, &memory, &times());

    let (_, loaded) = load_from(&path, &times(), &sap);

    let loaded = loaded.unwrap().unwrap();
    assert_eq!((loaded.of(Taken::Loaded), loaded.of(Taken::OtherPaths)), (1, 1));
}

/// As after a battery that ran out.
#[tokio::test]
async fn a_clock_that_was_set_back_makes_nothing_younger_than_it_was_when_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let memory = Memory::new(100);
    let said =
        memory.say(Stored { lookup: found("a"), reads: Arc::clone(sap.reads()), said_at: 0 });
    let key = Key { system: sap.system(), partner: partner(1) };
    let mut packing = super::piece::Packing::default();
    assert!(packing.add(&key, &said, 10 * MINUTE));
    let in_a_year = clock::unix_milliseconds() + 365 * 24 * 3_600_000;
    let file = std::fs::File::create(&path).unwrap();
    let keys = times().keys;
    let mut writer = super::form::Writer::begin(file, &keys, in_a_year).unwrap();
    writer.piece(&packing.take()).unwrap();
    writer.end(1).unwrap();

    let (back, loaded) = load_from(&path, &times(), &sap);

    assert_eq!(loaded.unwrap().unwrap().of(Taken::Loaded), 1);
    let age = back.get(&key).unwrap().age(Instant::now());
    assert!(age >= 10 * MINUTE && age < 11 * MINUTE, "{age:?}");
}

#[tokio::test]
async fn no_more_are_loaded_than_there_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let memory = Memory::new(100);
    (0..50).for_each(|number| remember(&memory, &sap, number, found("a"), MINUTE));
    write_to(&path, &memory, &times());

    let (_, loaded) = load_from(&path, &Cache { max_entries: 20, ..times() }, &sap);

    let loaded = loaded.unwrap().unwrap();
    assert_eq!((loaded.of(Taken::Loaded), loaded.of(Taken::NoRoom)), (20, 30));
}

#[tokio::test]
async fn many_partners_in_many_pieces_all_come_back_each_with_its_own_facts() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let (memory, times) = (Memory::new(60_000), Cache { max_entries: 60_000, ..times() });
    for number in 0..50_000 {
        remember(&memory, &sap, number, found(&format!("channel {}", number % 7)), MINUTE);
    }
    memory.settle();

    let written = write_to(&path, &memory, &times);
    let (back, loaded) = load_from(&path, &times, &sap);

    assert!(written.bytes > 2 * 256 * 1024, "several pieces");
    assert_eq!(loaded.unwrap().unwrap().of(Taken::Loaded), 50_000);
    for number in (0..50_000).step_by(997) {
        let remembered = back.get(&Key { system: sap.system(), partner: partner(number) }).unwrap();
        assert_eq!(remembered.lookup, found(&format!("channel {}", number % 7)));
    }
}
