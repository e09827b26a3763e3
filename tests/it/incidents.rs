//! Connections that come to no call leave a record, too: who, why, and what was offered.

use std::process::Stdio;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

use crate::support::Gateway;

/// `openssl s_client` at the gateway's port, with something to say once TLS is there.
async fn s_client(gateway: &Gateway, options: &str, said: &[u8]) {
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &gateway.address.to_string()])
        .args(options.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    // Fails where it came to no TLS.
    let _sent = input.write_all(said).await;
    client.wait().await.unwrap();
}

/// The only record there is.
async fn only(gateway: &Gateway) -> Value {
    let mut records = gateway.until_records(1).await;
    assert_eq!(records.len(), 1, "{records:#?}");
    records.remove(0)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn a_handshake_without_anything_in_common_is_a_record_with_what_was_offered() {
    let gateway = Gateway::start().await;

    s_client(
        &gateway,
        "-tls1_2 -cipher AES128-SHA -groups P-256 -servername gate.example -alpn h3",
        b"",
    )
    .await;

    let record = only(&gateway).await;
    assert_eq!(record["event"], "tls_handshake_failed");
    assert_eq!(record["peer"], "127.0.0.1");
    assert!(record["port"].as_u64().is_some_and(|port| port > 0), "{record}");
    assert!(record["reason"].as_str().unwrap().contains("InCommon"), "{record}");
    assert_eq!(record["tls.client.server_name"], "gate.example");
    let ciphers = texts(&record["tls.client.supported_ciphers"]);
    assert!(ciphers.contains(&"TLS_RSA_WITH_AES_128_CBC_SHA"), "{record}");
    assert_eq!(texts(&record["tls.client.supported_protocols"]), ["h3"]);
    assert!(record["instance"].is_string() && record["config"].is_string(), "{record}");
    assert!(record.get("tls.cipher").is_none(), "nothing was agreed on: {record}");
}

#[tokio::test]
async fn what_is_no_tls_and_who_does_not_trust_us_are_records() {
    let gateway = Gateway::start().await;

    let mut plain = TcpStream::connect(gateway.address).await.unwrap();
    plain.write_all(b"GET /onClickToDial HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    // It may be reset: what it had said is not read to its end.
    let _end = plain.read_to_end(&mut said).await;
    s_client(&gateway, "-verify_return_error", b"").await;

    let records = gateway.until_records(2).await;
    let reasons: Vec<_> = records.iter().map(|record| record["reason"].to_string()).collect();
    assert!(records.iter().all(|record| record["event"] == "tls_handshake_failed"), "{records:#?}");
    assert!(reasons[0].contains("InvalidContentType"), "{reasons:?}");
    assert!(reasons[1].contains("UnknownCA"), "{reasons:?}");
    assert!(!reasons[0].contains("GET"), "what was sent is not repeated: {reasons:?}");
}

#[tokio::test]
async fn what_is_no_http_or_too_large_is_a_record_with_the_facts_of_its_tls() {
    for (said, event) in [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), "not_http"),
        (format!("GET /{} HTTP/1.1\r\n", "a".repeat(100_000)).into_bytes(), "head_too_large"),
    ] {
        let gateway = Gateway::start().await;

        s_client(&gateway, "-servername gate.example", &said).await;

        let record = only(&gateway).await;
        assert_eq!(record["event"], event, "{record}");
        assert_eq!(record["tls.protocol.version"], "1.3");
        assert_eq!(record["tls.client.server_name"], "gate.example");
        assert!(!record.to_string().contains("OpenSSH"), "{record}");
    }
}
