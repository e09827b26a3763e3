//! HTTP/2 as bytes: what no client library would send.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{PATIENCE, Process, gateway::CLIENT_PASSWORD};

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// One frame's bytes.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A setting as its frame has it.
pub(super) fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// A question of jtel with the right password, by HPACK without its table.
pub(super) fn question(method: &str, partner: &str) -> Vec<u8> {
    let target =
        format!("/onClickToDial?SAPBusinessPartnerID={partner}&SAPPhoneNumber=4989461495000");
    let token = BASE64_STANDARD.encode(format!("jtel:{CLIENT_PASSWORD}"));
    let mut block = vec![0x87];
    for (name, value) in [
        (":method", method),
        (":path", &target),
        (":authority", "localhost"),
        ("authorization", &format!("Basic {token}")),
    ] {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "fits one byte of length");
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// HEADERS that ask about a partner, and end the request.
pub(super) fn ask(stream: u32, partner: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &question("GET", partner))
}

/// A frame that came back.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// Whether it is an answer's head with this status, which h2 writes as a number of its table or as text.
    pub(super) fn has_status(&self, status: u16) -> bool {
        let indexed = match status {
            200 => Some(0x88),
            400 => Some(0x8c),
            404 => Some(0x8d),
            _ => None,
        };
        self.kind == HEADERS
            && (self.payload.first() == indexed.as_ref()
                || self.payload.windows(3).any(|text| text == status.to_string().as_bytes())
                || self.payload.get(1..4).is_some_and(|text| text == huffman(status)))
    }
}

/// The three digits as HPACK's Huffman code has them: `0` to `2` in 5 bits, the others in 6, with ones behind.
fn huffman(status: u16) -> Vec<u8> {
    let code = |digit: u8| match digit - b'0' {
        digit @ 0..=2 => format!("{digit:05b}"),
        digit => format!("{:06b}", digit + 22),
    };
    let mut bits: String = status.to_string().bytes().map(code).collect();
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    let bytes = bits.as_bytes().chunks(8);
    bytes.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 2).unwrap()).collect()
}

/// A connection over TLS that does as it is told.
pub(super) struct Raw {
    pub(super) stream: TlsStream<TcpStream>,
}

/// What TLS a client of `process` speaks.
pub(super) fn tls(process: &Process, alpn: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(process.folder.path().join("ca.pem")).unwrap()
    {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider().into();
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    config
}

impl Raw {
    /// Has shaken hands and said nothing.
    pub(super) async fn connected(process: &Process, alpn: &str) -> Self {
        let tcp = TcpStream::connect(process.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(Arc::new(tls(process, alpn)));
        Self { stream: timeout(PATIENCE, tls.connect(name, tcp)).await.unwrap().unwrap() }
    }

    /// Has said its preface and these settings.
    pub(super) async fn open(process: &Process, settings: &[u8]) -> Self {
        let mut raw = Self::connected(process, "h2").await;
        raw.send(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat()).await;
        raw
    }

    /// Sends, and does not care whether anybody still listens.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _the_end_is_seen_by_reading = self.stream.write_all(bytes).await;
        let _the_end_is_seen_by_reading = self.stream.flush().await;
    }

    /// The next frame; `None` at the end of the connection.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        let stream = &mut self.stream;
        timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("a frame or the end").ok()?;
        let [a, b, c, kind, _flags, stream_id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        timeout(PATIENCE, stream.read_exact(&mut payload)).await.expect("the rest of it").ok()?;
        Some(Frame { kind, stream: u32::from_be_bytes(stream_id), payload })
    }

    /// Reads until a frame for which this holds.
    pub(super) async fn until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&Frame) -> bool,
    ) -> Vec<Frame> {
        let mut seen = Vec::new();
        loop {
            let frame = self.next().await;
            let frame = frame.unwrap_or_else(|| panic!("{what}: the end came first; {seen:?}"));
            let is_it = holds(&frame);
            seen.push(frame);
            if is_it {
                return seen;
            }
        }
    }

    /// Reads to the end.
    pub(super) async fn rest(mut self) -> Vec<Frame> {
        let mut seen = Vec::new();
        while let Some(frame) = self.next().await {
            seen.push(frame);
        }
        seen
    }

    /// Sends `first`, then what `each` makes of 0, 1, 2… for as long as somebody listens; reads meanwhile. How
    /// many there were.
    pub(super) async fn flood(mut self, first: Vec<u8>, each: impl Fn(u32) -> Vec<u8>) -> u32 {
        self.send(&first).await;
        let (mut reader, mut writer) = tokio::io::split(self.stream);
        let reading = tokio::spawn(async move {
            let mut scrap = vec![0; 64 * 1024];
            while matches!(reader.read(&mut scrap).await, Ok(read) if read > 0) {}
        });
        let mut sent = 0;
        let flooding = async {
            while !reading.is_finished() {
                let batch: Vec<u8> = (sent..sent + 20).flat_map(&each).collect();
                sent += 20;
                if writer.write_all(&batch).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
            }
        };
        timeout(PATIENCE, flooding).await.expect("a flood ends its connection");
        reading.abort();
        sent
    }
}
