//! OAuth2: a real token server in front of a real OData server, and a token server with every fault.

use std::{fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dialgate::{
    app::{self, App},
    config::Environment,
};
use rcgen::{KeyPair, PublicKeyData};
use tokio::time::{Instant, sleep};

use crate::support::{
    Client, Gateway,
    cap::Cap,
    eventually,
    gateway::{CLIENT_PASSWORD, write_config, write_key},
    server::{Server, json},
};

/// A gateway in front of the SAP at `sap_url` with tokens from `token_url`.
fn gateway(folder: &Path, sap_url: &str, token_url: &str, how: &str) -> Client {
    let login = format!(
        "{{ oauth2: {{ token_url: \"{token_url}\", client_id: gw, scope: sap.read, {how} }} }}"
    );
    let changes =
        [("sap.login", login.as_str()), ("cache.found_ttl", "0s"), ("cache.last_good_ttl", "0s")];
    let file = write_config(folder, sap_url, &changes);
    secret(folder, "gwsecret");
    let config = app::load(&file, &Environment::process()).unwrap_or_else(|e| panic!("{e}"));
    let app = App::new(config).unwrap();
    let client = Client::new(app.address(), "/onClickToDial", &folder.join("ca.pem"), false)
        .with_password("jtel", CLIENT_PASSWORD);
    tokio::spawn(app.serve());
    client
}

fn secret(folder: &Path, text: &str) {
    fs::write(folder.join("sap-password"), text).unwrap();
}

const BASIC: &str = "client_secret: { file: sap-password }";

#[tokio::test]
async fn tokens_of_two_seconds_under_steady_load_fail_not_one_call() {
    let tokens = Cap::node("token-server.mjs", &[("TTL", "2")]).await;
    let cap = Cap::with_tokens_of(&tokens.url).await;
    let folder = tempfile::tempdir().unwrap();
    let jtel = gateway(folder.path(), &cap.url, &format!("{}/token", tokens.url), BASIC);

    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < Duration::from_secs(10) {
        let answer = jtel.ask("1001910").await;
        assert_eq!(answer.outcome(), "200", "after {:?} and {calls} calls", started.elapsed());
        calls += 1;
        sleep(Duration::from_millis(20)).await;
    }

    assert!(calls > 50, "{calls}");
}

#[tokio::test]
async fn every_way_to_prove_who_the_client_is_works_with_a_real_token_server() {
    let pair = KeyPair::generate().unwrap();
    let point = pair.der_bytes();
    let [x, y] = [&point[1..33], &point[33..65]].map(|half| URL_SAFE_NO_PAD.encode(half));
    let jwks = format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"one","alg":"ES256","use":"sig","x":"{x}","y":"{y}"}}]}}"#
    );
    let key = "client_authentication: private_key_jwt, key: client-key.pem, key_id: one";
    let post = format!("client_authentication: post, {BASIC}");
    for (variables, how) in [
        (vec![("AUTHM", "client_secret_post")], post.as_str()),
        (vec![("AUTHM", "private_key_jwt"), ("CLIENT_JWKS", jwks.as_str())], key),
    ] {
        let tokens = Cap::node("token-server.mjs", &variables).await;
        let cap = Cap::with_tokens_of(&tokens.url).await;
        let folder = tempfile::tempdir().unwrap();
        write_key(&folder.path().join("client-key.pem"), &pair.serialize_pem());
        let jtel = gateway(folder.path(), &cap.url, &format!("{}/token", tokens.url), how);

        assert_eq!(jtel.ask("1001910").await.outcome(), "200", "{how}");
    }
}

#[tokio::test]
async fn a_token_server_with_any_fault_costs_one_call_its_time_and_no_more() {
    let sap = Gateway::start().await;
    let long = format!(r#"{{"access_token":"{}"}}"#, "t".repeat(100_000));
    let folder = tempfile::tempdir().unwrap();
    for (answer, most) in [
        (Vec::new(), 5),
        (b"SSH-2.0\r\n".to_vec(), 5),
        (json("500 Ill", "<html>"), 5),
        (json("302 Found", ""), 5),
        (json("200 OK", "<html>"), 5),
        (json("200 OK", "{}"), 5),
        (json("200 OK", r#"{"access_token":"a\r\nx: y","expires_in":60}"#), 5),
        (json("200 OK", &long), 5),
        (json("400 Bad Request", r#"{"error":"invalid_scope"}"#), 5),
        (json("401 Unauthorized", r#"{"error":"invalid_client"}"#), 1),
        // SAP refuses these tokens: a 401 storm.
        (json("200 OK", r#"{"access_token":"wrong","expires_in":3600}"#), 5),
        (json("200 OK", r#"{"access_token":"wrong","expires_in":0}"#), 5),
        (json("200 OK", r#"{"access_token":"wrong","expires_in":-1}"#), 5),
        (json("200 OK", r#"{"access_token":"wrong"}"#), 5),
    ] {
        let tokens = Server::start(answer.clone()).await;
        let url = format!("http://{}/token", tokens.address);
        let jtel = gateway(folder.path(), &sap.sap_url, &url, BASIC);
        let shown = String::from_utf8_lossy(&answer).chars().take(120).collect::<String>();
        assert_eq!(jtel.ask("1001910").await.outcome(), "403 sap_unavailable", "{shown}");

        let started = Instant::now();
        for _ in 0..20 {
            assert_eq!(jtel.ask("1001911").await.outcome(), "403 sap_unavailable", "{shown}");
        }

        assert!(started.elapsed() < Duration::from_secs(2), "{:?} {shown}", started.elapsed());
        assert!((1..=most).contains(&tokens.asked()), "{} {shown}", tokens.asked());
    }
}

#[tokio::test]
async fn a_wrong_client_secret_refuses_until_its_file_is_corrected() {
    let tokens = Cap::node("token-server.mjs", &[]).await;
    let cap = Cap::with_tokens_of(&tokens.url).await;
    let folder = tempfile::tempdir().unwrap();
    let jtel = gateway(folder.path(), &cap.url, &format!("{}/token", tokens.url), BASIC);
    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
    secret(folder.path(), "wrong");
    eventually("the wrong secret has been shown", || async {
        jtel.ask("1001910").await.outcome() == "403 sap_unavailable"
    })
    .await;

    secret(folder.path(), "gwsecret");

    eventually("the right secret has been shown", || async {
        jtel.ask("1001910").await.outcome() == "200"
    })
    .await;
}
