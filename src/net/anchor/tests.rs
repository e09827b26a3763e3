//! Each kind of place gets the checkpoint, and one that is away gets the next one.

use prometheus::Registry;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    sync::watch,
};

use super::*;

const LINE: &str = r#"{"seq":1,"kind":"checkpoint"}"#;

fn metrics() -> (Registry, Arc<AuditMetrics>) {
    let registry = Registry::new();
    let metrics = Arc::new(AuditMetrics::new(&registry).unwrap());
    (registry, metrics)
}

/// Has one checkpoint sent, and waits for its end.
async fn sent(anchor: Anchor) {
    let (checkpoints, taken) = watch::channel(None);
    let (_registry, metrics) = metrics();
    let anchoring = Anchoring::start(&[anchor], &taken, &metrics);
    checkpoints.send_replace(Some(LINE.into()));
    drop(checkpoints);
    anchoring.end(PATIENCE).await;
}

#[tokio::test]
async fn a_file_gets_each_checkpoint_as_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anchors");

    sent(Anchor::File(file.clone())).await;
    sent(Anchor::File(file.clone())).await;

    assert_eq!(std::fs::read_to_string(file).unwrap(), format!("{LINE}\n{LINE}\n"));
}

#[tokio::test]
async fn a_log_server_gets_it_as_a_message_of_rfc_5424() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();

    sent(Anchor::Syslog { address, tcp: false }).await;

    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).await.unwrap();
    let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(message.starts_with("<110>1 20") && message.ends_with(LINE), "{message}");
    assert!(message.contains(" - dialgate "), "{message}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taking = tokio::spawn(async move {
        let mut text = String::new();
        listener.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
        text
    });
    sent(Anchor::Syslog { address, tcp: true }).await;
    let framed = taking.await.unwrap();
    let (length, message) = framed.split_once(' ').unwrap();
    assert_eq!(length.parse(), Ok(message.len()));
    assert!(message.ends_with(LINE));
}

#[tokio::test]
async fn a_server_gets_it_by_post() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/anchors", listener.local_addr().unwrap()).parse().unwrap();
    let taking = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        while !text.ends_with("}\n") {
            let mut buffer = [0; 1024];
            let length = stream.read(&mut buffer).await.unwrap();
            text += &String::from_utf8_lossy(&buffer[..length]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        text
    });

    sent(Anchor::Http { url, ca_file: None }).await;

    let text = taking.await.unwrap();
    assert!(text.starts_with("POST /anchors HTTP/1.1\r\n") && text.contains(LINE), "{text}");
}

#[tokio::test]
async fn a_place_that_is_away_is_counted_and_gets_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("not-there").join("anchors");
    let (checkpoints, taken) = watch::channel(None);
    let (registry, metrics) = metrics();
    let anchoring = Anchoring::start(&[Anchor::File(file.clone())], &taken, &metrics);
    checkpoints.send_replace(Some(LINE.into()));
    let failures = || {
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        text.contains("dialgate_audit_anchor_failures_total{anchor=\"file\"} 1")
    };
    while !failures() {
        tokio::task::yield_now().await;
    }

    std::fs::create_dir(file.parent().unwrap()).unwrap();
    checkpoints.send_replace(Some("next".into()));
    drop(checkpoints);
    anchoring.end(PATIENCE).await;

    assert_eq!(std::fs::read_to_string(file).unwrap(), "next\n");
}
