//! Leaving in order: nothing in flight is lost, and a second signal ends it at once.

use std::time::Duration;

use tokio::time::timeout;

use crate::support::{
    Gateway, PATIENCE, SAP_PASSWORD, eventually,
    gateway::{CLIENT_PASSWORD, write_config},
    program::{self, terminate},
    value_of,
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

    let answer = gateway.jtel().ask("1001910").await;
    assert_eq!(answer.outcome(), "200");
    assert_eq!(answer.headers["connection"], "close");
    leaving.abort();
}

#[tokio::test]
async fn the_process_ends_with_0_on_sigterm() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sap.sap_url, &[("log.format", "json")]);
    let (mut process, lines) = program::serve(&config).await;
    assert!(!lines.first.contains(SAP_PASSWORD));

    terminate(&process).await;
    let status = timeout(PATIENCE, process.wait()).await.unwrap().unwrap();

    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_cuts_off_what_is_in_flight_and_still_writes_its_records() {
    let sap = Gateway::start().await;
    sap.sap.set_fault(Some("hang".parse().unwrap()), None);
    let folder = tempfile::tempdir().unwrap();
    let changes = [
        ("log.format", "json"),
        ("deadline", "1m"),
        ("sap.total_timeout", "1m"),
        ("shutdown.drain_timeout", "1m"),
    ];
    let config = write_config(folder.path(), &sap.sap_url, &changes);
    let (mut process, mut lines) = program::serve(&config).await;
    let address = lines.address.clone();
    let jtel = crate::support::Client::new(
        address.parse().unwrap(),
        "/onClickToDial",
        &folder.path().join("ca.pem"),
        false,
    )
    .with_password("jtel", CLIENT_PASSWORD);
    let calls: Vec<_> = (0..20)
        .map(|call| {
            let jtel = jtel.clone();
            tokio::spawn(async move { jtel.ask(&format!("50000{call:02}")).await })
        })
        .collect();
    let admin = lines.admin.clone();
    eventually("the calls are under way", || async {
        let url = format!("http://{admin}/metrics");
        let metrics = jtel.send(http::Method::GET, &url).await.text;
        value_of(&metrics, "dialgate_calls_in_flight") == 20
    })
    .await;

    terminate(&process).await;
    lines.until("not ready any more").await;
    terminate(&process).await;
    let status = timeout(PATIENCE, process.wait()).await.unwrap().unwrap();

    assert_eq!(status.code(), Some(1), "calls were cut off");
    let records = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
    assert_eq!(records.matches(r#""reason":"unanswered""#).count(), 20, "{records}");
    for call in calls {
        call.abort();
    }
}

#[tokio::test]
async fn a_hangup_has_the_configuration_read_again_and_does_not_end_the_process() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sap.sap_url, &[("log.format", "json")]);
    let (mut process, mut lines) = program::serve(&config).await;

    let text = std::fs::read_to_string(&config).unwrap();
    let text = dialgate::config::edit(&text, &[("shutdown.drain_timeout", "9s".to_owned())]);
    std::fs::write(&config, text.unwrap()).unwrap();
    program::signal(&process, "-HUP").await;
    lines.until("SIGHUP: reading the configuration again").await;
    lines.until("needs a restart: shutdown").await;
    terminate(&process).await;

    assert_eq!(timeout(PATIENCE, process.wait()).await.unwrap().unwrap().code(), Some(0));
}
