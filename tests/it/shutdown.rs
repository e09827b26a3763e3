//! Leaving in order: nothing in flight is lost, and a second signal ends it at once.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::timeout,
};

use crate::support::{
    Gateway, PATIENCE, SAP_PASSWORD, eventually, gateway::write_config, program,
    program::terminate, value_of,
};

#[tokio::test]
async fn calls_in_flight_are_answered_and_recorded_and_new_connections_refused() {
    let gateway = Gateway::start().await;
    gateway.sap.set_delay(Duration::from_millis(600));
    let calls: Vec<_> = (0..20)
        .map(|call| {
            let jtel = if call % 2 == 0 { gateway.jtel() } else { gateway.jtel_h2() };
            tokio::spawn(async move { jtel.ask("1001910").await.outcome() })
        })
        .collect();
    eventually("the calls are under way", || async {
        value_of(&gateway.metrics().await, "dialgate_calls_in_flight") == 20
    })
    .await;
    let (address, log) = (gateway.address, gateway.folder.path().join("access.log"));

    gateway.control.leave().await;
    for call in calls {
        assert_eq!(call.await.unwrap(), "200");
    }
    timeout(PATIENCE, gateway.serving).await.unwrap().unwrap();

    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let records = std::fs::read_to_string(log).unwrap();
    assert_eq!(records.lines().count(), 20, "{records}");
}

#[tokio::test]
async fn a_gateway_about_to_leave_is_not_ready_and_still_answers() {
    let gateway = Gateway::start_with(&[("shutdown.drain_delay", "30s")]).await;
    let control = gateway.control.clone();

    let leaving = tokio::spawn(async move { control.leave().await });
    eventually("not ready", || async { gateway.admin("/readyz").await.0 == 503 }).await;

    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");
    leaving.abort();
}

#[tokio::test]
async fn the_process_ends_with_0_on_sigterm() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = sap.sap_url.clone();
    let config = write_config(folder.path(), &url, &[("log.format", "json")]);
    let mut process = program::dialgate()
        .args(["run", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(first.contains("answers calls on"), "{first}");
    assert!(!first.contains(SAP_PASSWORD));

    terminate(&process).await;
    let status = timeout(PATIENCE, process.wait()).await.unwrap().unwrap();

    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = sap.sap_url.clone();
    let changes = [("shutdown.drain_delay", "10m"), ("log.format", "json")];
    let config = write_config(folder.path(), &url, &changes);
    let mut process = program::dialgate()
        .args(["run", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();

    terminate(&process).await;
    timeout(PATIENCE, async {
        while !lines.next_line().await.unwrap().unwrap().contains("not ready any more") {}
    })
    .await
    .unwrap();
    terminate(&process).await;

    timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
}
