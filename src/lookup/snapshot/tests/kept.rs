//! What is there when it cannot be written, or where it is wanted elsewhere.

use std::{fs, os::unix::fs::symlink};

use super::{
    super::{Snapshots, metrics::SnapshotMetrics},
    *,
};
use crate::{config::MemorySnapshot, domain::Facts};

fn at(path: &Path) -> Cache {
    let every = 5 * MINUTE;
    Cache { snapshot: Some(MemorySnapshot { path: path.to_owned(), every }), ..times() }
}

fn snapshots() -> Snapshots {
    Snapshots::new(Arc::new(SnapshotMetrics::new(&prometheus::Registry::new()).unwrap()))
}

#[tokio::test]
async fn the_one_before_stays_until_the_new_one_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name).join("snapshot"));
    fs::create_dir(old.parent().unwrap()).unwrap();
    let (memory, snapshots) = (Memory::new(10), snapshots());
    snapshots.follow(&at(&old));
    assert!(snapshots.put(&memory, Pace::Quick) && old.exists());

    // Its folder is not there.
    snapshots.follow(&at(&new));
    assert!(!snapshots.put(&memory, Pace::Quick));
    assert!(old.exists());

    fs::create_dir(new.parent().unwrap()).unwrap();
    assert!(snapshots.put(&memory, Pace::Quick));
    assert_eq!((old.exists(), new.exists()), (false, true));

    // None is wanted any more.
    snapshots.follow(&times());
    assert!(!snapshots.put(&memory, Pace::Quick));
    assert!(!new.exists());
}

#[tokio::test]
async fn one_that_is_wanted_again_or_by_another_name_is_not_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, folder.path().join("link")).unwrap();
    let [first, again] = ["real", "link"].map(|name| folder.path().join(name).join("snapshot"));
    let elsewhere = folder.path().join("snapshot");
    let (memory, snapshots) = (Memory::new(10), snapshots());
    snapshots.follow(&at(&first));
    assert!(snapshots.put(&memory, Pace::Quick));

    snapshots.follow(&at(&elsewhere));
    snapshots.follow(&at(&first));
    assert!(snapshots.put(&memory, Pace::Quick) && first.exists());
    snapshots.follow(&at(&again));
    assert!(snapshots.put(&memory, Pace::Quick) && first.exists() && again.exists());
}

#[tokio::test]
async fn whom_an_operator_has_forgotten_is_not_handed_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let (memory, snapshots) = (Memory::new(10), snapshots());
    remember(&memory, &sap, 1, found("a"), MINUTE);
    snapshots.follow(&at(&path));
    assert!(snapshots.put(&memory, Pace::Quick));

    snapshots.take_away_what_is_owed(&memory);
    assert!(path.exists(), "nobody was forgotten");

    memory.forget(&Key { system: sap.system(), partner: partner(1) });
    snapshots.take_away_what_is_owed(&memory);
    assert!(!path.exists());
    assert!(snapshots.put(&memory, Pace::Quick));
    snapshots.take_away_what_is_owed(&memory);
    assert!(path.exists(), "it is without him");
}

#[tokio::test]
async fn a_partner_of_whom_too_much_is_said_is_left_out_and_spoils_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    let memory = Memory::new(100);
    let Lookup::Found(partner) = found("b") else { panic!("found") };
    let mut facts = Facts::default();
    facts.note(&Arc::from("$.Note"), vec!["x".repeat(100_000)]);
    for number in 0..20 {
        let lookup = match number {
            7 => Lookup::Found(partner.clone().with_facts(vec![facts.clone()])),
            _ => found("a"),
        };
        remember(&memory, &sap, number, lookup, MINUTE);
    }

    let written = write_to(&path, &memory, &times());

    assert_eq!((written.entries, written.too_long), (19, 1));
    let loaded = load_from(&path, &times(), &sap).1.unwrap().unwrap();
    assert_eq!(loaded.of(Taken::Loaded), 19);
}
