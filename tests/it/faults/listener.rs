//! Connections that nobody uses keep no call out, and descriptors are kept for SAP.

use std::{net::Ipv4Addr, process::Stdio, time::Duration};

use tokio::{net::TcpStream, process::Command, time::timeout};

use super::start;
use crate::support::{
    Client, Does, ScriptedSap, eventually,
    gateway::{CLIENT_PASSWORD, write_config},
    load::partner,
    program,
};

#[tokio::test]
async fn when_full_the_longest_idle_connection_makes_room_and_no_call_in_flight_does() {
    let changes =
        [("listen.limits.connections", "40"), ("listen.limits.connections_per_address", "20")];
    let (gateway, sap) = start(&changes).await;
    let ca = gateway.ca();
    let jtel_at = |last: u8| {
        let own = Ipv4Addr::new(127, 0, 0, last).into();
        Client::at(Some(own), gateway.address, "/onClickToDial", &ca, false)
            .with_password("jtel", CLIENT_PASSWORD)
    };
    // The first connection has a call in flight, the others of two addresses are idle.
    sap.decides(|asked| match asked.partner.as_str() {
        "5000001" => Does::Held(Does::Answer.into()),
        _ => Does::Answer,
    });
    let in_flight = tokio::spawn({
        let jtel = jtel_at(2);
        async move { jtel.ask("5000001").await.outcome() }
    });
    eventually("it is in flight", || async { sap.requests_for("5000001") == 1 }).await;
    let mut idle = Vec::new();
    for n in 0..39 {
        let jtel = jtel_at(2 + n % 2);
        assert_eq!(jtel.ask(&partner(100)).await.outcome(), "200");
        idle.push(jtel);
    }

    let mut newcomers = Vec::new();
    for _ in 0..5 {
        let jtel = jtel_at(9);
        assert_eq!(jtel.ask(&partner(100)).await.outcome(), "200");
        newcomers.push(jtel);
    }

    sap.release();
    assert_eq!(in_flight.await.unwrap(), "200");
}

#[tokio::test]
async fn idle_connections_leave_descriptors_for_sap() {
    const SOFT_LIMIT: usize = 128;
    let sap = ScriptedSap::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sap.url(), &[("log.format", "json")]);
    let mut process = Command::new("sh")
        .args(["-c", &format!("ulimit -Sn {SOFT_LIMIT} && exec \"$0\" run --config \"$1\"")])
        .arg(env!("CARGO_BIN_EXE_dialgate"))
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let log = program::until_it_serves(process.stderr.take().unwrap()).await;
    let (address, ca) = (log.address.parse().unwrap(), folder.path().join("ca.pem"));
    let jtel =
        Client::new(address, "/onClickToDial", &ca, false).with_password("jtel", CLIENT_PASSWORD);
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");

    let mut idle = Vec::new();
    for _ in 0..SOFT_LIMIT + 50 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    sap.closes_connections();
    jtel.ask("5000002").await;
    let newcomer =
        Client::new(address, "/onClickToDial", &ca, false).with_password("jtel", CLIENT_PASSWORD);

    for n in 10..20 {
        let answer = timeout(Duration::from_secs(5), newcomer.ask(&partner(n))).await;
        assert_eq!(answer.expect("an answer").outcome(), "200");
    }
}
