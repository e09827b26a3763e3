//! What others on the same machine get to see of the process.

use std::{fs, os::unix::fs::PermissionsExt};

use super::attacked;
use crate::support::program::Demo;

fn may_dump_core(id: Option<u32>) -> bool {
    let limits = fs::read_to_string(format!("/proc/{}/limits", id.unwrap())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    line.split_whitespace().take(2).any(|limit| limit != "0")
}

#[tokio::test]
async fn no_core_dump_is_written_with_secrets_in_it_by_the_demo_either() {
    let (process, _sap) = attacked(&[]).await;
    let demo = Demo::start().await;

    assert!(!may_dump_core(process.child.id()));
    assert!(!may_dump_core(demo.process.id()));
    // The test itself is an ordinary process, where the machine lets it.
    let own = fs::read_to_string("/proc/self/limits").unwrap();
    assert!(own.contains("Max core file size"));
}

#[tokio::test]
async fn the_access_record_is_for_its_owner_and_its_group() {
    let (process, _sap) = attacked(&[]).await;

    let file = fs::metadata(process.folder.path().join("access.log")).unwrap();

    assert_eq!(file.permissions().mode() & 0o137, 0, "{:o}", file.permissions().mode());
}
