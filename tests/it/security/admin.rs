//! The admin listener and pages that strangers have written.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Gateway, PATIENCE};

/// The status of the answer to these lines.
async fn status(gateway: &Gateway, lines: &[&str]) -> String {
    let mut stream = TcpStream::connect(gateway.admin).await.unwrap();
    let text = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).unwrap_or(&answer).to_owned()
}

#[tokio::test]
async fn a_name_that_a_stranger_chose_is_answered_nothing_in_whatever_form_it_comes() {
    let gateway = Gateway::start().await;
    for (lines, expected) in [
        (&["GET /metrics HTTP/1.1", "Host: localhost"][..], "200"),
        (&["GET /metrics HTTP/1.0"], "200"),
        (&["GET http://127.0.0.1/metrics HTTP/1.0"], "200"),
        (&["GET http://evil.example/metrics HTTP/1.0"], "421"),
        (&["GET http://evil.example:9464/metrics HTTP/1.0"], "421"),
        (&["GET http://evil.example/metrics HTTP/1.1", "Host: evil.example"], "421"),
        (&["GET http://evil.example/metrics HTTP/1.1", "Host: localhost"], "400"),
        (&["GET http://localhost/metrics HTTP/1.1", "Host: evil.example"], "400"),
        (&["GET /metrics HTTP/1.1", "Host: evil.example"], "421"),
        (&["GET /metrics HTTP/1.1", "Host: localhost", "Host: evil.example"], "400"),
        (&["GET /metrics HTTP/1.1", "Host: localhost@evil.example"], "400"),
        (&["GET /metrics HTTP/1.1", "Host:"], "400"),
        (&["GET /metrics HTTP/1.1"], "400"),
        (&["POST http://evil.example/reload HTTP/1.0", "Content-Length: 0"], "421"),
    ] {
        assert_eq!(status(&gateway, lines).await, expected, "{lines:?}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_fetches_nothing_and_changes_nothing() {
    let gateway = Gateway::start().await;
    let host = format!("Host: {}", gateway.admin);
    let (host, cross) = (host.as_str(), "Sec-Fetch-Site: cross-site");
    let link = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
    let fetch = ["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"];
    let asks = |line: &'static str, more: &[&'static str]| {
        [line, host].iter().chain(more).map(|text| (*text).to_owned()).collect::<Vec<_>>()
    };
    for (lines, expected) in [
        (asks("GET / HTTP/1.1", &[cross, link[0], link[1]]), "200"),
        (asks("GET /metrics HTTP/1.1", &[cross, fetch[0], fetch[1]]), "403"),
        (asks("GET /metrics HTTP/1.1", &["Sec-Fetch-Site: same-site"]), "403"),
        (asks("GET / HTTP/1.1", &[cross, link[0], "Sec-Fetch-Dest: iframe"]), "403"),
        (asks("GET /metrics HTTP/1.1", &["Sec-Fetch-Site: same-origin"]), "200"),
        (asks("GET /metrics HTTP/1.1", &["Sec-Fetch-Site: none"]), "200"),
        (asks("POST /reload HTTP/1.1", &["Content-Length: 0", cross, link[0], link[1]]), "403"),
        (asks("POST /reload HTTP/1.1", &["Content-Length: 0", "Sec-Fetch-Site: none"]), "403"),
        (asks("POST /reload HTTP/1.1", &["Content-Length: 0", "Origin: null"]), "403"),
    ] {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_eq!(status(&gateway, &lines).await, expected, "{lines:?}");
    }
}
