//! `dialgate audit config` and `dialgate tls report`, as an auditor runs them.

use serde_json::Value;

use crate::support::{
    Gateway,
    program::{dialgate, run, stderr, stdout},
};

#[tokio::test]
async fn the_report_tells_both_listeners_the_way_to_sap_and_what_clients_have_agreed_on() {
    let gateway = Gateway::start().await;
    gateway.jtel().ask("1001910").await;
    gateway.jtel_h2().ask("1001910").await;
    let admin = gateway.admin.to_string();
    let config = gateway.folder.path().join("config.yaml");
    let report = async |format: &str| {
        let mut command = dialgate();
        command.args(["tls", "report", "--admin", &admin, "--format", format, "--config"]);
        let done = run(command.arg(&config)).await;
        assert!(done.status.success(), "{}", stderr(&done));
        stdout(&done)
    };

    let json: Value = serde_json::from_str(&report("json").await).unwrap();

    let calls = &json["listener_of_calls"];
    assert_eq!(calls["cipher_suites"][0], "TLS_AES_128_GCM_SHA256", "{calls:#}");
    assert_eq!(calls["groups"][0], "X25519MLKEM768", "{calls:#}");
    assert_eq!(calls["policy"], "intermediate (Mozilla)", "{calls:#}");
    assert_eq!(calls["client_certificates"], "none asked for", "{calls:#}");
    assert!(calls["ends"].as_str().unwrap().contains("days left"), "{calls:#}");
    assert!(calls["sha256"].as_str().is_some_and(|hash| hash.len() == 64), "{calls:#}");
    assert_eq!(json["admin_listener"]["tls"], "none: plain text");
    assert_eq!(json["the_way_to_sap"]["tls"], "none: plain text");
    let seen = &json["since_the_start"];
    assert_eq!(seen["cipher_suites"][0], "TLS_AES_128_GCM_SHA256: 2", "{seen:#}");
    assert_eq!(seen["results"][0], "ok TLSv1.3: 2", "{seen:#}");
    assert!(json["findings"].is_array());
    let text = report("text").await;
    assert!(text.contains("Listener of calls") && text.contains("X25519MLKEM768: 2"), "{text}");
    assert!(report("markdown").await.contains("| groups | X25519MLKEM768<br>"));
}

#[tokio::test]
async fn without_a_gateway_the_report_says_what_it_could_not_see() {
    let gateway = Gateway::start().await;
    let config = gateway.folder.path().join("config.yaml");
    let mut command = dialgate();

    let done =
        run(command.args(["tls", "report", "--admin", "127.0.0.1:1", "--config"]).arg(&config))
            .await;

    assert!(done.status.success(), "{}", stderr(&done));
    assert!(stdout(&done).contains("nothing: http://127.0.0.1:1/metrics does not answer"));
}

#[tokio::test]
async fn the_audit_of_a_configuration_fails_from_the_severity_that_was_asked_for() {
    let gateway = Gateway::start_with(&[("log.access", "off")]).await;
    let config = gateway.folder.path().join("config.yaml");
    let audit = async |severity: &str, format: &str| {
        let mut command = dialgate();
        command.args(["audit", "config", "--fail-on", severity, "--format", format, "--config"]);
        run(command.arg(&config)).await
    };

    let medium = audit("medium", "json").await;
    let high = audit("high", "text").await;

    assert_eq!(medium.status.code(), Some(1), "{}", stdout(&medium));
    let found: Value = serde_json::from_str(&stdout(&medium)).unwrap();
    let keys: Vec<_> =
        found["findings"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert!(keys.iter().any(|key| *key == "log.access"), "{found:#}");
    assert!(stderr(&medium).contains("of severity medium and above"), "{}", stderr(&medium));
    assert!(high.status.success(), "{}{}", stdout(&high), stderr(&high));
}
