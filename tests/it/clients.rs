//! Clients other than our own test code: curl and Java's `HttpClient` as jtel.

use tokio::process::Command;

use crate::support::{
    Gateway,
    cap::folder,
    gateway::CLIENT_PASSWORD,
    program::{run, stderr, stdout},
};

const QUESTION: &str = "?SAPBusinessPartnerID=1001910&SAPPhoneNumber=+498912345678";

fn curl(gateway: &Gateway, more: &[&str]) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--cacert"])
        .arg(gateway.ca())
        .args(["-u", &format!("jtel:{CLIENT_PASSWORD}"), "-w", "\n%{http_version} %{http_code}"])
        .args(more)
        .arg(format!("https://{}/onClickToDial{QUESTION}", gateway.address));
    curl
}

#[tokio::test]
async fn curl_is_answered_over_both_versions_of_http_and_of_tls() {
    let gateway = Gateway::start().await;

    for (options, version) in [
        (["--http1.1", "--tls-max", "1.2"], "1.1"),
        (["--http1.1", "--tls-max", "1.3"], "1.1"),
        (["--http2", "--tls-max", "1.2"], "2"),
        (["--http2", "--tls-max", "1.3"], "2"),
        (["--http1.0", "--tls-max", "1.3"], "1"),
    ] {
        let answered = run(&mut curl(&gateway, &options)).await;
        let text = stdout(&answered);
        assert!(
            text.ends_with(&format!("\n{version} 200")),
            "{options:?}: {text}{}",
            stderr(&answered)
        );
        assert!(text.contains(r#""contractNumber":"Direct salesDE""#), "{options:?}: {text}");
    }
}

#[tokio::test]
async fn tls_older_than_the_configuration_wants_is_refused() {
    let modern = Gateway::start_with(&[("listen.tls.min_version", "\"1.3\"")]).await;

    let refused = run(&mut curl(&modern, &["--tls-max", "1.2"])).await;
    let answered = run(&mut curl(&modern, &[])).await;

    // 35: the TLS handshake failed.
    assert_eq!(refused.status.code(), Some(35), "{}", stderr(&refused));
    assert!(stdout(&answered).ends_with(" 200"));
}

#[tokio::test]
async fn a_client_that_does_not_know_the_ca_is_not_answered() {
    let gateway = Gateway::start().await;

    let refused =
        run(Command::new("curl").args(["-sS", &format!("https://{}/", gateway.address)])).await;

    // 60: the peer's certificate cannot be verified.
    assert_eq!(refused.status.code(), Some(60), "{}", stderr(&refused));
}

#[tokio::test]
async fn java_as_jtel_makes_many_calls_over_one_connection_by_either_version() {
    let gateway = Gateway::start().await;
    let classes = folder("DIALGATE_TEST_JAVA_CLASSES");

    for version in ["1.1", "2"] {
        let called = run(Command::new("java")
            .arg("-cp")
            .arg(&classes)
            .args(["Jtel", &format!("https://{}/onClickToDial", gateway.address)])
            .arg(gateway.ca())
            .args(["jtel", CLIENT_PASSWORD, version, "30"])
            .args(["1001910:+498912345678", "2000001:4989461495000", "4040404:08912345678"]))
        .await;
        let answers: Vec<serde_json::Value> =
            stdout(&called).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(called.status.success(), "{version}: {} {answers:?}", stderr(&called));
        let statuses: Vec<u64> =
            answers.iter().map(|answer| answer["status"].as_u64().unwrap()).collect();
        assert_eq!(statuses, [200, 200, 404].repeat(10), "{version}");
    }

    let metrics = gateway.metrics().await;
    let open = "dialgate_tls_handshakes_total{result=\"ok\",version=\"TLSv1.3\"}";
    assert!(crate::support::value_of(&metrics, open) >= 2);
}
