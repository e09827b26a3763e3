//! HTTP/2: chosen by ALPN only, limited like HTTP/1.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::clients::{self, GET, exchange};
use super::pki::Pki;
use super::server::{Server, eventually, generous, within};
use crate::net::Limits;

const SHORT: Duration = Duration::from_millis(150);

/// Preface, empty SETTINGS.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn streams_are_answered_side_by_side() {
    let server = Server::with_tls(generous());
    let mut client = clients::http2(server.address).await;

    let waiting = client.get("/wait");
    let quick = within(client.get("/")).await.unwrap();
    assert_eq!(quick.status(), 200);
    assert_eq!(server.metric("dialgate_connections_open", &["h2"]), 1);
    server.gate.add_permits(1);
    let waited = within(waiting).await.unwrap();

    let body = within(waited.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(body, "served");
}

#[tokio::test]
async fn a_panic_ends_its_stream_and_not_the_connection() {
    let server = Server::with_tls(generous());
    let mut client = clients::http2(server.address).await;

    within(client.get("/panic")).await.unwrap_err();

    assert_eq!(within(client.get("/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn whoever_agrees_on_one_protocol_and_speaks_the_other_is_closed() {
    let server = Server::with_tls(generous());
    let mut as_h2 = clients::tls(server.address, Pki::shared().client(&["h2"])).await;
    let mut as_http1 = clients::http1(server.address).await;

    let answers = exchange(&mut as_h2, GET).await;
    assert!(!answers.contains("served"), "{answers}");
    let answers = exchange(&mut as_http1, PREFACE).await;
    assert!(!answers.contains("200"), "{answers}");

    drop((as_h2, as_http1));
    eventually(|| server.closed("protocol_error") == 2).await;
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn a_preface_and_then_silence_is_closed() {
    let server = Server::with_tls(Limits { head_timeout: SHORT, ..generous() });
    let mut client = clients::tls(server.address, Pki::shared().client(&["h2"])).await;
    client.write_all(PREFACE).await.unwrap();

    let mut bytes = Vec::new();
    let _ended_somehow = within(client.read_to_end(&mut bytes)).await;

    eventually(|| server.closed("head_timeout") == 1).await;
}

#[tokio::test]
async fn a_connection_without_a_stream_in_flight_is_closed_after_the_idle_limit() {
    let server = Server::with_tls(Limits { idle_timeout: SHORT, ..generous() });
    let mut client = clients::http2(server.address).await;
    let waiting = client.get("/wait");
    eventually(|| server.served() == 1).await;
    let mut other = clients::http2(server.address).await;
    within(other.get("/")).await.unwrap();

    other.ended().await;
    eventually(|| server.closed("idle_timeout") == 1).await;

    server.gate.add_permits(1);
    assert_eq!(within(waiting).await.unwrap().status(), 200);
    client.ended().await;
    eventually(|| server.closed("idle_timeout") == 2).await;
}

#[tokio::test]
async fn a_peer_that_gives_no_room_for_its_answer_is_closed() {
    let server = Server::with_tls(Limits { write_timeout: SHORT, ..generous() });
    let mut client = clients::http2(server.address).await;

    // Nobody polls the answer's body, so the client's window stays full.
    let _unread = within(client.get("/large")).await.unwrap();

    eventually(|| server.closed("write_timeout") == 1).await;
}

#[tokio::test]
async fn a_fault_on_a_stream_is_answered_there() {
    let server = Server::with_tls(generous());
    let mut client = clients::http2(server.address).await;
    let request = http::Request::get("https://localhost/")
        .header("host", "other")
        .body(http_body_util::Empty::new())
        .unwrap();

    let answer = within(client.sender.send_request(request)).await.unwrap();

    assert_eq!(answer.status(), 400);
    assert_eq!(server.malformed("host_mismatch"), 1);
    assert_eq!(within(client.get("/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_peer_that_gives_up_each_of_its_answers_is_closed_after_the_write_limit_all_the_same() {
    let server = Server::with_tls(Limits { write_timeout: 2 * SHORT, ..generous() });
    let mut client = clients::http2(server.address).await;

    within(async {
        while server.closed("write_timeout") == 0 {
            // Dropped with its body unread, the answer is reset.
            if client.get("/large").await.is_err() {
                break;
            }
        }
    })
    .await;

    eventually(|| server.closed("write_timeout") == 1).await;
}
