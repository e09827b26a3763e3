//! Peers: one that writes raw bytes over TLS or without, and hyper's for HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::pki::Pki;
use super::server::within;

pub(super) const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

pub(super) async fn tls(address: SocketAddr, config: ClientConfig) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap()
}

/// A TLS connection that has agreed on HTTP/1.1.
pub(super) async fn http1(address: SocketAddr) -> TlsStream<TcpStream> {
    tls(address, Pki::shared().client(&["http/1.1"])).await
}

/// Reads one answer with a Content-Length, and leaves the connection open.
pub(super) async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut text = Vec::new();
    within(async {
        while !text.ends_with(b"\r\n\r\n") {
            text.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8_lossy(&text).to_ascii_lowercase();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        text.extend_from_slice(&body);
    })
    .await;
    String::from_utf8(text).unwrap()
}

/// Reads until the other side ends the connection, in order or not.
pub(super) async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut text = Vec::new();
    let _ended_somehow = within(stream.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// Sends `bytes` and reads whatever comes until the end.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: impl AsRef<[u8]>,
) -> String {
    stream.write_all(bytes.as_ref()).await.unwrap();
    stream.flush().await.unwrap();
    rest(stream).await
}

pub(super) struct Http2 {
    pub(super) sender: SendRequest<Empty<Bytes>>,
    /// Ends when the connection does.
    pub(super) connection: JoinHandle<hyper::Result<()>>,
}

pub(super) async fn http2(address: SocketAddr) -> Http2 {
    let stream = tls(address, Pki::shared().client(&["h2"])).await;
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    Http2 { sender, connection: tokio::spawn(connection) }
}

impl Http2 {
    pub(super) fn get(
        &mut self,
        path: &str,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        let request = Request::get(format!("https://localhost{path}")).body(Empty::new()).unwrap();
        self.sender.send_request(request)
    }

    /// Waits until the connection has ended.
    pub(super) async fn ended(self) {
        drop(within(self.connection).await.unwrap());
    }
}
