//! Handshakes and what TLS lets a peer do afterwards.

use std::{process::Stdio, sync::Arc};

use rustls::{ClientConnection, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use super::raw::{Raw, ask, tls};
use super::{OTHERS, attacked, closed, others_are_answered, until_closed};
use crate::support::{PATIENCE, Process, eventually, value_of};

async fn handshakes(process: &Process, version: &str, result: &str) -> i64 {
    let series =
        format!("dialgate_tls_handshakes_total{{result=\"{result}\",version=\"{version}\"}}");
    value_of(&process.metrics().await, &series)
}

/// Reads until the other side ends the connection, in order or not; the text that came.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ended_somehow = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it ends");
    bytes
}

#[tokio::test]
async fn a_crowd_that_shakes_hands_waits_its_turn_and_calls_go_on() {
    const CROWD: usize = 300;
    let (process, _sap) = attacked(&[]).await;
    let kept = process.jtel(true);
    kept.ask(OTHERS).await;
    let before = handshakes(&process, "TLSv1.3", "ok").await;
    let process = Arc::new(process);
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let process = Arc::clone(&process);
        crowd.push(tokio::spawn(async move { Raw::connected(&process, "h2").await }));
    }

    for _ in 0..50 {
        assert_eq!(kept.ask(OTHERS).await.outcome(), "200");
    }

    for newcomer in crowd {
        newcomer.await.unwrap();
    }
    let after = handshakes(&process, "TLSv1.3", "ok").await;
    assert_eq!(after - before, i64::try_from(CROWD).unwrap());
    assert_eq!(value_of(&process.metrics().await, "dialgate_tls_handshakes_waiting"), 0);
}

#[tokio::test]
async fn what_is_no_tls_fails_at_once_however_much_comes_of_it() {
    let (process, _sap) = attacked(&[]).await;
    let before = process.resident_mib().await;
    let mut endless = vec![0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
    endless.resize(5 + 0x4000, 0);
    let texts = [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80],
        &[0xff; 5000],
        // The record of a hello, which says that it has 16 MB.
        &endless,
    ];
    let mut failed = 0;
    for text in texts {
        for _ in 0..50 {
            let mut stream = TcpStream::connect(process.address).await.unwrap();
            // Those who are turned away early do not take all of it.
            for _ in 0..10 {
                let _turned_away = stream.write_all(text).await;
            }
            assert!(rest(&mut stream).await.len() < 100, "an alert and nothing else");
            failed += 1;
        }
    }
    others_are_answered(&process).await;

    eventually("they are counted", || async {
        handshakes(&process, "none", "failed").await == failed
    })
    .await;
    let more = process.resident_mib().await - before;
    assert!(more < 16, "{more} MiB more");
}

#[tokio::test]
async fn a_hello_that_dribbles_ends_by_the_limit_and_nobody_waits_for_it() {
    let (process, _sap) = attacked(&[("listen.limits.handshake_timeout", "1s")]).await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(tls(&process, "h2")), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let mut dribbles = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(process.address).await.unwrap();
        // All but the last byte: who had a turn for it would keep it.
        stream.write_all(&hello[..hello.len() - 1]).await.unwrap();
        dribbles.push(stream);
    }

    others_are_answered(&process).await;

    assert_eq!(handshakes(&process, "none", "timeout").await, 0);
    until_closed(&process, "handshake_timeout", 50).await;
    drop(dribbles);
}

#[tokio::test]
async fn new_keys_over_and_over_end_the_connection() {
    let (process, _sap) = attacked(&[]).await;
    let mut raw = Raw::open(&process, &[]).await;
    raw.send(&ask(1, OTHERS)).await;
    raw.until("it works", |frame| frame.has_status(200)).await;

    for _ in 0..100 {
        raw.stream.get_mut().1.refresh_traffic_keys().unwrap();
        raw.send(&[]).await;
    }

    raw.rest().await;
    eventually("it is ended by us", || async {
        closed(&process, "protocol_error").await + closed(&process, "peer").await >= 1
    })
    .await;
    others_are_answered(&process).await;
}

/// What `openssl s_client` says when it is told `says`.
async fn s_client(process: &Process, arguments: &[&str], says: &str) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &process.address.to_string(), "-CAfile"])
        .arg(process.folder.path().join("ca.pem"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(says.as_bytes()).await.unwrap();
    let said = timeout(PATIENCE, client.wait_with_output()).await.expect("it ends").unwrap();
    drop(stdin);
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    format!("{out}{err}")
}

#[tokio::test]
async fn nobody_negotiates_anew_in_tls_1_2() {
    let (process, _sap) = attacked(&[]).await;

    let said = s_client(&process, &["-tls1_2"], "R\n").await;

    assert!(said.contains("RENEGOTIATING") && said.contains("no renegotiation"), "{said}");
    others_are_answered(&process).await;
}

#[tokio::test]
async fn nothing_is_taken_before_the_handshake_is_over() {
    let (process, _sap) = attacked(&[]).await;
    let asks = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    let said = s_client(&process, &["-tls1_3", "-ign_eof"], asks).await;

    // What a ticket allows: data that somebody could send again (replay).
    assert!(said.contains("Max Early Data: 0"), "{said}");
    assert!(said.contains("Early data was not sent"), "{said}");
}
