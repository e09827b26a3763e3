//! What is not as it was written, or not for these keys, is not used, and is set aside.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::support::gateway::write_config;

async fn with_snapshot() -> Kept {
    let mut kept = Kept::start(&[]).await;
    kept.know(5).await;
    kept.link.close_port();
    assert_eq!(kept.process.end().await, Some(0));
    kept
}

/// It begins empty, says why and what to do, and does not write over the file.
async fn is_refused(kept: &Kept, reason: &str, told: &str) {
    let series = format!("dialgate_snapshot_refused_total{{reason=\"{reason}\"}}");
    assert_eq!(kept.value(&series).await, 1);
    assert_eq!(kept.ask(&partner(3)).await, "403 sap_unavailable");
    let aside = kept.process.folder.path().join("memory.snapshot.refused");
    assert!(fs::symlink_metadata(aside).is_ok(), "it is set aside");
    assert!(!kept.file().exists());
    let ready = kept.ready().await.1;
    assert!(ready.contains(told), "{ready}");
}

#[tokio::test]
async fn a_changed_or_cut_file_is_refused_as_a_whole_and_set_aside() {
    let mut kept = with_snapshot().await;
    let whole = fs::read(kept.file()).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for damaged in [changed, whole[..whole.len() - 20].to_vec(), whole.repeat(2)] {
        fs::write(kept.file(), damaged).unwrap();
        kept = kept.again().await;
        is_refused(&kept, "damaged", "cut off, or was changed").await;
        kept.process.child.kill().await.unwrap();
    }
    // As it was, it is good.
    fs::write(kept.file(), whole).unwrap();
    fs::set_permissions(kept.file(), fs::Permissions::from_mode(0o600)).unwrap();
    let kept = kept.again().await;
    assert_eq!(kept.ask(&partner(3)).await, "200");
}

#[tokio::test]
async fn a_key_that_is_being_replaced_still_opens_it_and_one_that_is_gone_does_not() {
    let kept = with_snapshot().await;
    kept.change(&[("cache.keys", "[{ file: other.key }, { file: memory.key }]")]);
    let mut kept = kept.again().await;
    assert_eq!(kept.ask(&partner(3)).await, "200");
    assert_eq!(kept.process.end().await, Some(0));

    // It was written with the new one.
    kept.change(&[("cache.keys", "[{ file: other.key }]")]);
    let mut kept = kept.again().await;
    assert_eq!(kept.ask(&partner(3)).await, "200");
    assert_eq!(kept.process.end().await, Some(0));

    kept.change(&[]);
    let kept = kept.again().await;
    is_refused(&kept, "key", "a key that is not in cache.keys").await;
}

#[tokio::test]
async fn a_link_and_what_others_may_write_are_refused() {
    let mut kept = with_snapshot().await;
    fs::set_permissions(kept.file(), fs::Permissions::from_mode(0o666)).unwrap();
    kept = kept.again().await;
    is_refused(&kept, "writable", "others may write it").await;
    kept.process.child.kill().await.unwrap();

    let elsewhere = kept.process.folder.path().join("elsewhere");
    fs::write(&elsewhere, "somebody's file").unwrap();
    std::os::unix::fs::symlink(&elsewhere, kept.file()).unwrap();
    let mut kept = kept.again().await;
    is_refused(&kept, "no_file", "a link").await;
    kept.link.mend();
    eventually("SAP is asked", || async { kept.ask(&partner(3)).await == "200" }).await;
    assert_eq!(kept.process.end().await, Some(0));
    assert_eq!(fs::read(elsewhere).unwrap(), b"somebody's file");
    assert!(fs::symlink_metadata(kept.file()).unwrap().is_file());
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_found_before_a_start_and_nothing_starts_with_it() {
    let folder = tempfile::tempdir().unwrap();
    write_key(&folder.path().join("memory.key"), KEY);
    let changes =
        with(&[("cache.snapshot", "{ path: none/memory.snapshot }"), ("log.format", "json")]);
    let config = write_config(folder.path(), "https://sap.invalid", &changes);
    for command in ["check", "run"] {
        let mut program = program::dialgate();
        let output = program::run(program.args([command, "--config"]).arg(&config)).await;

        let told = program::stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("none does not exist; make it"), "{told}");
        assert!(told.contains("config.yaml:"), "with its line: {told}");
    }
}
