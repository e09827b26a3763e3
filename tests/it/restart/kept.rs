//! The file: written under load and at the end, where and as often as the configuration says, and with nothing in it
//! that can be read.

use std::{fs, os::unix::fs::MetadataExt};

use super::*;
use crate::support::{Client, SAP_PASSWORD, gateway::CLIENT_PASSWORD, load::at_pace};

#[tokio::test]
async fn the_end_under_load_writes_who_was_asked_until_then() {
    let kept = Kept::start(&[("cache.max_entries", "5000")]).await;
    let jtel = kept.process.jtel(true);
    let load = tokio::spawn(async move { at_pace(&jtel, 200, (0..100).map(partner)).await });
    eventually("the load is under way", || async { kept.sap.done() > 20 }).await;

    let kept = kept.restart_in_an_outage().await;
    load.abort();

    let loaded = kept.value("dialgate_snapshot_start_entries{result=\"loaded\"}").await;
    assert!(loaded >= 20, "{loaded}");
    assert_eq!(kept.ask(&partner(1)).await, "200");
}

#[tokio::test]
async fn nothing_personal_and_nothing_that_sap_said_can_be_read_in_the_file() {
    let mut kept = Kept::start(&[]).await;
    kept.know(20).await;
    assert_eq!(kept.process.end().await, Some(0));

    let bytes = fs::read(kept.file()).unwrap();

    assert_eq!(fs::metadata(kept.file()).unwrap().mode() & 0o777, 0o600);
    assert!(bytes.len() > 200);
    let mut facts =
        vec!["Direct".to_owned(), "sales".to_owned(), "\"DE\"".to_owned(), "partner".to_owned()];
    facts.extend(["found", "unknown", "reads", KEY, SAP_PASSWORD].map(str::to_owned));
    facts.extend((0..20).flat_map(|number| [partner(number), contract_number(&partner(number))]));
    for fact in facts {
        let is_there = bytes.windows(fact.len()).any(|part| part == fact.as_bytes());
        assert!(!is_there, "{fact} can be read");
    }
}

#[tokio::test]
async fn a_changed_path_counts_at_once_and_nothing_is_left_where_nobody_keeps_it_current() {
    let kept = Kept::start(&[]).await;
    kept.know(5).await;
    kept.forget("1").await;

    let other = kept.process.folder.path().join("other.snapshot");
    kept.change(&[("cache.snapshot", "{ path: other.snapshot, every: 1s }")]);
    eventually("it is written there", || async { other.exists() && !kept.file().exists() }).await;
    let first = fs::read(&other).unwrap();
    eventually("and again", || async { fs::read(&other).unwrap() != first }).await;
    assert_eq!(kept.value("dialgate_snapshot_every_seconds").await, 1);

    kept.change(&[("cache.snapshot", "~")]);
    eventually("it is gone", || async { !other.exists() }).await;
    assert_eq!(kept.value("dialgate_snapshot_every_seconds").await, 0);
}

#[tokio::test]
async fn who_takes_over_the_sockets_begins_with_what_the_process_before_knows() {
    let mut kept = Kept::start(&[("listen.hand_over", "hand-over.sock")]).await;
    let folder = kept.process.folder.path().to_owned();
    eventually("it can be taken over from", || async { folder.join("hand-over.sock").exists() })
        .await;
    kept.know(5).await;
    kept.link.close_port();
    assert!(!kept.file().exists(), "nothing was written yet");

    let (_next, log) = program::serve(&folder.join("config.yaml")).await;
    let given = fs::read(kept.file()).unwrap();
    // Nobody has told the old one to end.
    assert_eq!(kept.process.ended().await, Some(0));

    let address = log.address.parse().unwrap();
    let jtel = Client::new(address, "/onClickToDial", &folder.join("ca.pem"), false)
        .with_password("jtel", CLIENT_PASSWORD);
    assert_eq!(jtel.ask(&partner(3)).await.outcome(), "200");
    assert_eq!(fs::read(kept.file()).unwrap(), given, "the old one writes no more");
}

/// Removes a file system of a test's own.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ended_with_the_machine = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_leaves_the_snapshot_before_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Mounted(folder.path().to_owned());
    let mount = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
    let mounted = std::process::Command::new("mount").args(mount).arg(&disk.0).status().unwrap();
    assert!(mounted.success(), "this test mounts a small file system: run it as root");
    let path = disk.0.join("memory.snapshot");
    let section = format!("{{ path: {}, every: 1s }}", path.display());
    let kept = Kept::start(&[("cache.snapshot", &section)]).await;
    kept.know(5).await;
    eventually("it is written", || async { kept.value("dialgate_snapshot_entries").await == 5 })
        .await;

    fs::write(disk.0.join("full"), vec![0; 128 * 1024]).unwrap_err();
    let failures = "dialgate_snapshot_failures_total{reason=\"full\"}";
    eventually("the disk is full", || async { kept.value(failures).await > 1 }).await;

    let before = fs::read(&path).unwrap();
    assert!(before.starts_with(b"dialgate memory\n"));
    assert!(!disk.0.join("memory.snapshot.new").exists(), "no half of one is left");
    let told = kept.ready().await.1;
    assert!(told.contains("cannot be written"), "{told}");
    let (_, status) = kept.process.admin(Method::GET, "/status.json").await;
    assert!(status.contains("DialgateSnapshotFailing"), "{status}");
    assert!(
        kept.process.warnings().iter().any(|line| line.to_string().contains("make room there"))
    );
    assert_eq!(kept.ask(&partner(3)).await, "200", "no call minds");

    fs::remove_file(disk.0.join("full")).unwrap();
    eventually("it is written again", || async { fs::read(&path).unwrap() != before }).await;
    eventually("and told", || async { !kept.ready().await.1.contains("cannot be written") }).await;
}
