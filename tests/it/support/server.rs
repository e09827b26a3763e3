//! Small servers of our own: one that answers as told, and a CONNECT proxy.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// Answers every request with the same bytes, over plain HTTP/1.1.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicU32>,
    answer: Arc<Mutex<Vec<u8>>>,
    seen: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    /// `answer`: the whole answer with its head; an empty one is silence.
    pub(crate) async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicU32::new(0));
        let answer = Arc::new(Mutex::new(answer.into()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (counted, given, noted) = (Arc::clone(&asked), Arc::clone(&answer), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (counted, given) = (Arc::clone(&counted), Arc::clone(&given));
                let noted = Arc::clone(&noted);
                tokio::spawn(async move {
                    let mut bytes = vec![0; 64 * 1024];
                    // One read is enough: requests in these tests are short.
                    let Ok(length @ 1..) = stream.read(&mut bytes).await else { return };
                    noted.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).into());
                    counted.fetch_add(1, Ordering::Relaxed);
                    let answer = given.lock().unwrap().clone();
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _caller_may_be_gone = stream.write_all(&answer).await;
                    let _same = stream.shutdown().await;
                });
            }
        });
        Self { address, asked, answer, seen, _task: AbortOnDropHandle::new(task) }
    }

    pub(crate) fn answers_with(&self, answer: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = answer.into();
    }

    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The requests so far, as they came.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The same with a body of JSON.
pub(crate) fn json(status: &str, body: &str) -> Vec<u8> {
    answer(status, "content-type: application/json\r\n", body.as_bytes())
}

/// A proxy that understands CONNECT and nothing else.
pub(crate) struct ConnectProxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl ConnectProxy {
    /// `login`: what `Proxy-Authorization` must say, if anything.
    pub(crate) async fn start(login: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(tunnel(stream, login, Arc::clone(&noted)));
            }
        });
        Self { address, heads, _task: AbortOnDropHandle::new(task) }
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn tunnel(mut stream: TcpStream, login: Option<&str>, noted: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    noted.lock().unwrap().push(head.clone());
    if login.is_some_and(|login| !head.contains(&format!("proxy-authorization: {login}\r\n"))) {
        let _gone = stream.write_all(b"HTTP/1.1 407 Login\r\ncontent-length: 0\r\n\r\n").await;
        return;
    }
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let mut upstream = TcpStream::connect(target.unwrap()).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let _ended = copy_bidirectional(&mut stream, &mut upstream).await;
}
