//! Slowness in every phase of a connection ends by its limit, and keeps nobody waiting.

use std::{fs, sync::Arc, time::Duration};

use rustls::{ClientConnection, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, interval, timeout},
};
use tokio_rustls::TlsConnector;

use super::raw::{
    DATA, END_HEADERS, HEADERS, PING, PREFACE, Raw, SETTINGS, ask, frame, question, tls,
};
use super::{OTHERS, SHORT, SOON, attacked, closed, others_are_answered, until_closed};
use crate::support::{PATIENCE, eventually};

/// Sends a byte of it now and then, over and over, until the other side has had enough; how long that took.
async fn dribble<S>(stream: S, bytes: Vec<u8>) -> Duration
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let began = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let reading = tokio::spawn(async move {
        let mut scrap = [0; 1024];
        while matches!(reader.read(&mut scrap).await, Ok(read) if read > 0) {}
    });
    let writing = async {
        let mut pace = interval(Duration::from_millis(20));
        for byte in bytes.iter().cycle() {
            pace.tick().await;
            if reading.is_finished() || writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            let _seen_by_the_next_write = writer.flush().await;
        }
    };
    timeout(PATIENCE, writing).await.expect("whoever dribbles is ended");
    reading.abort();
    began.elapsed()
}

/// A protocol, a phase of it, what is sent at once, and what a byte at a time, over and over.
type Phase = (&'static str, &'static str, Vec<u8>, Vec<u8>);

fn over_http1() -> Vec<Phase> {
    let all = [
        ("head", "", "GET /onClickToDial HTTP/1.1\r\nHost: localhost\r\nX: y"),
        ("fields", "GET / HTTP/1.1\r\nHost: localhost\r\n", "X: y\r\n"),
        ("body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", "x"),
    ];
    all.map(|(phase, first, bytes)| ("http/1.1", phase, first.into(), bytes.into())).into()
}

fn over_http2() -> Vec<Phase> {
    let open = || [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let posts = frame(HEADERS, END_HEADERS, 1, &question("POST", OTHERS));
    let all = [
        ("preface", vec![], open()),
        ("settings", PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255].repeat(100))),
        ("headers", open(), frame(HEADERS, 0, 1, &question("GET", OTHERS))),
        ("data", [open(), posts].concat(), frame(DATA, 0, 1, &[b'x'; 10_000])),
        ("pings", open(), frame(PING, 0, 0, &[0; 8])),
        // After an answer.
        (
            "the next headers",
            [open(), ask(1, OTHERS)].concat(),
            frame(HEADERS, 0, 3, &[0x82; 9000]),
        ),
    ];
    all.map(|(phase, first, bytes)| ("h2", phase, first, bytes)).into()
}

#[tokio::test]
async fn whoever_dribbles_in_whatever_phase_is_ended_by_its_limit() {
    let (process, _sap) = attacked(&SHORT).await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(tls(&process, "h2").into(), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let tcp = || TcpStream::connect(process.address);

    let silent = tcp().await.unwrap();
    let mut phases = vec![
        ("hello", tokio::spawn(dribble(tcp().await.unwrap(), hello))),
        (
            "no hello",
            tokio::spawn(async move {
                let began = Instant::now();
                let mut silent = silent;
                let _ended =
                    timeout(PATIENCE, silent.read(&mut [0])).await.expect("silence is ended");
                began.elapsed()
            }),
        ),
    ];
    for (protocol, phase, first, bytes) in over_http1().into_iter().chain(over_http2()) {
        let mut raw = Raw::connected(&process, protocol).await;
        if !first.is_empty() {
            raw.send(&first).await;
        }
        phases.push((phase, tokio::spawn(dribble(raw.stream, bytes))));
    }

    others_are_answered(&process).await;

    for (phase, dribbling) in phases {
        let took = dribbling.await.unwrap();
        assert!(took < SOON, "{phase}: {took:?}");
    }
    until_closed(&process, "handshake_timeout", 2).await;
    assert!(closed(&process, "head_timeout").await >= 4);
}

#[tokio::test]
async fn of_a_peer_that_does_not_read_nothing_is_left_also_in_the_operating_system() {
    let (process, _sap) = attacked(&SHORT).await;
    let socket = TcpSocket::new_v4().unwrap();
    // Small, so that little has to be written until nothing goes any more.
    socket.set_recv_buffer_size(4096).unwrap();
    let tcp = socket.connect(process.address).await.unwrap();
    let own_port = tcp.local_addr().unwrap().port();
    let connector = TlsConnector::from(Arc::new(tls(&process, "http/1.1")));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, tcp).await.unwrap();

    let asks = "GET /onClickToDial HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(50_000);
    // Whether all of it can be sent is up to the operating systems' buffers; the answers fit into none.
    let _asked = timeout(PATIENCE, stream.write_all(asks.as_bytes())).await;
    until_closed(&process, "write_timeout", 1).await;

    // The peer still has its end, and neither reads nor closes.
    let ours = format!(":{:04X}", process.address.port());
    let its = format!(":{own_port:04X}");
    eventually("our end is gone", || async {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        !table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let (local, remote) = (fields.next(), fields.next());
            local.is_some_and(|local| local.ends_with(&ours))
                && remote.is_some_and(|remote| remote.ends_with(&its))
        })
    })
    .await;
    drop(stream);
}
