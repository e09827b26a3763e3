//! The way to SAP: proxies, a second address, compressed answers, and what ties requests to calls.

use std::{io::Write as _, time::Duration};

use flate2::{Compression, write::GzEncoder};
use tokio::time::Instant;

use crate::support::{
    Gateway, SAP_PASSWORD, eventually,
    server::{ConnectProxy, Server, answer, json},
};

#[tokio::test]
async fn sap_is_asked_through_the_proxy_and_the_proxy_sees_no_login() {
    // base64 of u:canary-sap-password
    let proxy = ConnectProxy::start(Some("Basic dTpjYW5hcnktc2FwLXBhc3N3b3Jk")).await;
    let gateway = Gateway::start_with(&[
        ("sap.proxy", &format!("http://{}", proxy.address)),
        ("sap.proxy_login", "{ user: u, password: { file: sap-password } }"),
    ])
    .await;

    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");

    let sap = gateway.sap_url.trim_start_matches("http://");
    let heads = proxy.heads();
    assert!(!heads.is_empty());
    for head in heads {
        assert!(head.starts_with(&format!("CONNECT {sap} HTTP/1.1\r\nhost: {sap}\r\n")), "{head}");
        assert!(!head.contains("\r\nauthorization"), "{head}");
    }
}

#[tokio::test]
async fn sap_is_asked_through_a_real_proxy_with_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = folder.path().join("tinyproxy.conf");
    let settings = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\n\
         BasicAuth dialgate {SAP_PASSWORD}\n"
    );
    std::fs::write(&file, settings).unwrap();
    let _proxy = tokio::process::Command::new("tinyproxy")
        .arg("-d")
        .arg("-c")
        .arg(&file)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("tinyproxy starts; tests/run fetches it");
    eventually("the proxy listens", || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    })
    .await;

    let gateway = Gateway::start_with(&[
        ("sap.proxy", &format!("http://127.0.0.1:{port}")),
        ("sap.proxy_login", "{ user: dialgate, password: { file: sap-password } }"),
    ])
    .await;

    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_and_one_that_is_excepted_is_not_used() {
    let proxy = ConnectProxy::start(Some("Basic another")).await;
    let url = format!("http://{}", proxy.address);
    let refused = Gateway::start_unready(&[("sap.proxy", &url)]).await;
    assert_eq!(refused.jtel().ask("1001910").await.outcome(), "403 sap_unavailable");
    assert_eq!(refused.until_records(1).await[0]["sap"], "proxy");
    let before = proxy.heads().len();

    let direct = Gateway::start_with(&[("sap.proxy", &url), ("sap.no_proxy", "[127.0.0.1]")]).await;

    assert_eq!(direct.jtel().ask("1001910").await.outcome(), "200");
    assert!(proxy.heads().len() <= before + 1, "only probes of the first gateway");
}

#[tokio::test]
async fn where_the_first_address_does_not_answer_the_second_one_does_within_the_deadline() {
    let other = Gateway::start().await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = Server::start(Vec::new()).await;
    let ill = Server::start(json("503 Service Unavailable", "{}")).await;
    for first in [gone, silent.address, ill.address] {
        let gateway = Gateway::start_with(&[
            ("sap.url", &format!("http://{first}")),
            ("sap.second_url", &other.sap_url),
        ])
        .await;
        let started = Instant::now();
        assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200", "{first}");
        assert_eq!(gateway.jtel().ask("1001911").await.outcome(), "200", "{first}");
        assert!(started.elapsed() < Duration::from_millis(2400), "{first}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_read_and_a_bomb_is_refused() {
    let proper = br#"{"d":{"results":[{"CustomerID":"1001910","CountryCode":"DE",
        "LifeCycleStatusCode":"2","ContactPermissionCode":"1",
        "IndividualCustomerSalesData":[{"DistributionChannelCodeText":"Direct sales"}]}]}}"#;
    let bomb = [b"{\"d\":\"".as_slice(), &vec![b' '; 30 * 1024 * 1024], b"\"}"].concat();
    let gzip = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let server = Server::start(answer("200 OK", gzip, &packed(proper))).await;
    let url = format!("http://{}", server.address);
    let gateway = Gateway::start_unready(&[("sap.url", &url), ("cache.found_ttl", "0s")]).await;
    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");

    server.answers_with(answer("200 OK", gzip, &packed(&bomb)));

    assert_eq!(gateway.jtel().ask("1001911").await.outcome(), "403 sap_unavailable");
    let records = gateway.until_records(2).await;
    assert_eq!(records[1]["sap"], "too_large");
}

#[tokio::test]
async fn a_request_to_sap_carries_the_call_it_is_made_for() {
    let server = Server::start(json("200 OK", r#"{"d":{"results":[]}}"#)).await;
    let gateway =
        Gateway::start_unready(&[("sap.url", &format!("http://{}", server.address))]).await;

    gateway.jtel().ask("1001910").await;

    let call = gateway.until_records(1).await[0]["call"].as_str().unwrap().to_owned();
    eventually("SAP was asked", || async {
        server.seen().iter().any(|request| {
            request.contains(&format!("x-correlationid: {call}\r\n"))
                && request.contains(&format!("x-request-id: {call}\r\n"))
                && request.contains(&format!("traceparent: 00-{}-", call.replace('-', "")))
        })
    })
    .await;
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}
