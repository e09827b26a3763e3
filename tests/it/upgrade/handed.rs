//! The next process gets the listening sockets of the one that runs (`listen.hand_over`).

use std::{net::SocketAddr, path::Path};

use tempfile::TempDir;
use tokio::process::Child;

use super::{BETWEEN, IDLE_GRACE, JSON, UPGRADES, callers::Callers, ended};
use crate::support::{
    Client, Gateway, eventually,
    gateway::{AUDIT, CLIENT_PASSWORD, rewrite_config, write_config},
    program::{Log, dialgate, run, serve, signal, stderr, stdout, terminate},
};

const HAND_OVER: (&str, &str) = ("listen.hand_over", "hand-over.sock");

/// A folder with a configuration, the process that runs by it, and its log.
async fn first(sap: &Gateway, changes: &[(&str, &str)]) -> (TempDir, Child, Log) {
    let folder = tempfile::tempdir().unwrap();
    let changes = [&[JSON, IDLE_GRACE, HAND_OVER], changes].concat();
    let config = write_config(folder.path(), &sap.sap_url, &changes);
    let (process, log) = serve(&config).await;
    until_it_offers(folder.path()).await;
    (folder, process, log)
}

async fn until_it_offers(folder: &Path) {
    let path = folder.join(HAND_OVER.1);
    eventually("it can be taken over from", || async { path.exists() }).await;
}

fn callers(log: &Log, folder: &Path) -> Callers {
    Callers::of(log.address.parse().unwrap(), &folder.join("ca.pem"))
}

async fn outcome(address: SocketAddr, folder: &Path) -> String {
    let jtel = Client::new(address, "/onClickToDial", &folder.join("ca.pem"), false);
    jtel.with_password("jtel", CLIENT_PASSWORD).ask("1001910").await.outcome()
}

#[tokio::test]
async fn in_twenty_upgrades_by_handing_over_no_call_is_lost() {
    let sap = Gateway::start().await;
    let (folder, mut process, mut log) = first(&sap, &[]).await;
    let callers = callers(&log, folder.path());
    let addresses = [log.address.clone(), log.admin.clone()];

    for _ in 0..UPGRADES {
        callers.until_answered(BETWEEN).await;
        let (next, its_log) = serve(&folder.path().join("config.yaml")).await;
        assert_eq!([its_log.address.clone(), its_log.admin.clone()], addresses);
        // Nobody has told the old one to end.
        assert_eq!(ended(&mut process).await, Some(0));
        (process, log) = (next, its_log);
    }
    callers.until_answered(BETWEEN).await;

    let said = callers.end().await;
    assert!(said.failed.is_empty(), "{} answered, {:#?}", said.answered, said.failed);
    assert!(said.sent_elsewhere > UPGRADES, "{said:?}");
    terminate(&process).await;
    log.until("all calls are over").await;
    assert_eq!(ended(&mut process).await, Some(0));
    assert!(!folder.path().join(HAND_OVER.1).exists());
}

#[tokio::test]
async fn with_an_audit_trail_each_upgrade_goes_on_with_it_and_no_call_is_lost_or_unrecorded() {
    let sap = Gateway::start().await;
    let (folder, mut process, mut log) = first(&sap, &[("audit", AUDIT)]).await;
    let callers = callers(&log, folder.path());

    for _ in 0..5 {
        callers.until_answered(BETWEEN).await;
        let (next, its_log) = serve(&folder.path().join("config.yaml")).await;
        assert_eq!(ended(&mut process).await, Some(0));
        (process, log) = (next, its_log);
    }
    callers.until_answered(BETWEEN).await;
    let said = callers.end().await;
    terminate(&process).await;
    log.until("all calls are over").await;
    assert_eq!(ended(&mut process).await, Some(0));

    assert!(said.failed.is_empty(), "{} answered, {:#?}", said.answered, said.failed);
    let mut verify = dialgate();
    verify.args(["audit", "verify", "--key", "public-key", "--mac-key", "mac-key", "trail"]);
    let verified = run(verify.current_dir(folder.path())).await;
    assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
    let mut calls = 0;
    for file in std::fs::read_dir(folder.path().join("trail")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        calls += text.matches(r#""kind":"call""#).count();
    }
    assert_eq!(calls, said.answered);
}

#[tokio::test]
async fn a_new_process_that_cannot_start_leaves_the_one_that_runs_as_it_is() {
    let sap = Gateway::start().await;
    let (folder, mut process, mut log) = first(&sap, &[]).await;
    let address: SocketAddr = log.address.parse().unwrap();
    let changes = [JSON, HAND_OVER, ("listen.address", "127.0.0.1:9")];
    let config = rewrite_config(folder.path(), &sap.sap_url, &changes);

    let failed = run(dialgate().args(["run", "--config"]).arg(config)).await;

    assert_eq!(failed.status.code(), Some(1));
    let told = format!("the running process listens on {address}, and listen.address says");
    assert!(stderr(&failed).contains(&told), "{}", stderr(&failed));
    log.until("another process wanted to take over and did not").await;
    assert_eq!(outcome(address, folder.path()).await, "200");
    terminate(&process).await;
    assert_eq!(ended(&mut process).await, Some(0));
}

#[tokio::test]
async fn after_one_that_was_killed_the_next_one_binds_its_ports_itself() {
    let sap = Gateway::start().await;
    let (folder, mut process, _log) = first(&sap, &[]).await;
    signal(&process, "-KILL").await;
    ended(&mut process).await;
    assert!(folder.path().join(HAND_OVER.1).exists());

    let (mut process, log) = serve(&folder.path().join("config.yaml")).await;

    assert_eq!(outcome(log.address.parse().unwrap(), folder.path()).await, "200");
    terminate(&process).await;
    assert_eq!(ended(&mut process).await, Some(0));
}
