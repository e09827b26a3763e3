//! Servers that are written out by hand: what they send that are no SAP, or are not there.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

/// A connection to a server that is written out by hand.
pub(super) struct Peer {
    pub(super) tcp: TcpStream,
}

impl Peer {
    /// The head of the next request; empty when the client has gone.
    pub(super) async fn request(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.tcp.read(&mut byte).await {
                Ok(1) => head.push(byte[0]),
                _ => return String::new(),
            }
        }
        String::from_utf8(head).unwrap()
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.tcp.write_all(text.as_bytes()).await.unwrap();
    }
}

pub(super) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(super) async fn start() -> (Self, Sap) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sap = sap(&format!("http://{}", listener.local_addr().unwrap()));
        (Self { listener }, sap)
    }

    pub(super) async fn accept(&self) -> Peer {
        Peer { tcp: self.listener.accept().await.unwrap().0 }
    }
}

#[tokio::test]
async fn what_a_raw_server_sends_has_its_kind() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    for (sent, expected) in [
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "protocol"),
        ("HTTP/1.1 200 OK\r\nbroken\r\n\r\n".to_owned(), "protocol"),
        (format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(70_000)), "protocol"),
        ("HTTP/1.1 200".to_owned(), "cut"),
        // Announced, not sent: refused at once.
        (format!("{head}content-length: 262145\r\n\r\n"), "too_large"),
        (format!("{head}content-length: 10\r\n\r\n{{"), "cut"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n"), "cut"),
        (format!("{head}content-encoding: gzip\r\ncontent-length: 0\r\n\r\n"), "content_encoding"),
        (format!("{head}content-length: 0\r\n\r\n"), "not_json"),
        (
            format!(
                "{head}content-length: 20\r\ntransfer-encoding: chunked\r\n\r\n14\r\n\
                 {{\"d\":{{\"results\":[]}}}}\r\n0\r\n\r\n"
            ),
            "two_lengths",
        ),
        (
            format!("{head}content-length: 24\r\n\r\n{{\"d\":{{\"results\":[]}},\"d\":0}}"),
            "not_json",
        ),
        (
            format!(
                "{head}content-length: 35\r\n\r\n{{\"d\":{{\"results\":[],\"__next\":\"x\"}}}}    "
            ),
            "half_list",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "status"),
    ] {
        let (server, sap) = Server::start().await;
        let (client, _) = client(&sap);
        let short: String = sent.chars().take(80).collect();
        let serving = tokio::spawn(async move {
            // What is cut is asked for twice.
            loop {
                let mut peer = server.accept().await;
                peer.request().await;
                let _sent = peer.tcp.write_all(sent.as_bytes()).await;
            }
        });

        assert_eq!(look_up(&client, "1001910").await, expected, "{short}");

        serving.abort();
    }
}

#[tokio::test]
async fn a_sap_that_is_not_there_cannot_be_reached() {
    let (server, sap) = Server::start().await;
    drop(server);
    let (client, _) = client(&sap);

    assert_eq!(look_up(&client, "1001910").await, "connect");
}
