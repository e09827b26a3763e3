//! The admin listener where others reach it: who may see and change something, over which TLS, and how
//! the commands that ask it show who they are.

use dialgate::config::SecretHash;
use tokio::process::Command;

use crate::support::{
    Gateway, eventually,
    program::{dialgate, run, stderr, stdout},
    value_of,
};

const PASSWORD: &str = "canary-operator-password";

fn operators() -> String {
    let hash = SecretHash::of(PASSWORD.as_bytes());
    format!("[{{ name: oncall, secrets: [\"{hash}\"] }}]")
}

/// What curl gets: the status and the body.
async fn curl(arguments: &[&str], url: &str) -> (String, String) {
    let asked = run(Command::new("curl")
        .args(["-sS", "-m", "10", "-w", "\n%{http_code}"])
        .args(arguments)
        .arg(url))
    .await;
    let text = stdout(&asked);
    match text.rsplit_once('\n') {
        Some((body, status)) => (status.to_owned(), body.to_owned()),
        None => (stderr(&asked), String::new()),
    }
}

#[tokio::test]
async fn where_operators_are_configured_strangers_learn_only_whether_calls_can_be_sent_here() {
    let changes = [("admin.operators", &*operators()), ("wrong_credentials.slowed", "false")];
    let gateway = Gateway::start_with(&changes).await;
    let url = |path: &str| format!("http://{}{path}", gateway.admin);
    let login = format!("oncall:{PASSWORD}");

    for path in ["/livez", "/readyz"] {
        assert_eq!(curl(&[], &url(path)).await.0, "200", "{path}");
    }
    assert_eq!(curl(&[], &url("/readyz?verbose")).await.1, "ready");
    for path in [
        "/",
        "/page.js",
        "/status.json",
        "/decisions",
        "/decisions.json",
        "/warnings.json",
        "/explain?call=0",
        "/events",
        "/metrics",
        "/coverage.json",
        "/runbook",
        "/help",
        "/help.json",
        "/readyz.json",
        "/none",
    ] {
        for stranger in [&[][..], &["-u", "oncall:wrong"], &["-u", "jtel:canary-client-password"]] {
            let (status, body) = curl(stranger, &url(path)).await;
            assert_eq!(status, "401", "{path} {stranger:?}");
            assert!(body.starts_with("show who you are"), "{body}");
        }
    }
    for path in ["/reload", "/drain", "/log?level=debug"] {
        assert_eq!(curl(&["-X", "POST"], &url(path)).await.0, "401", "{path}");
    }
    for path in ["/", "/status.json", "/metrics"] {
        assert_eq!(curl(&["-u", &login], &url(path)).await.0, "200", "{path}");
    }
    assert_eq!(curl(&["-u", &login, "-X", "POST"], &url("/reload")).await.0, "200");
    let (_, metrics) = curl(&["-u", &login], &url("/metrics")).await;
    assert_eq!(value_of(&metrics, "dialgate_admin_failed_logins_total"), 30);
}

#[tokio::test]
async fn an_operator_shows_a_password_or_a_certificate_over_tls() {
    let gateway = Gateway::start_unready(&[
        ("admin.operators", &operators()),
        ("admin.tls", "{ certificate: server.pem, key: server-key.pem, client_ca: ca.pem }"),
    ])
    .await;
    let file = |name: &str| gateway.folder.path().join(name).display().to_string();
    let (ca, certificate, key) = (file("ca.pem"), file("server.pem"), file("server-key.pem"));
    let url = format!("https://{}/status.json", gateway.admin);
    let login = format!("oncall:{PASSWORD}");
    let trusting = |more: &[&str]| {
        let all = ["--cacert", &ca].into_iter().chain(more.iter().copied());
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = async |more: &[&str]| {
        let arguments = trusting(more);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        curl(&arguments, &url).await.0
    };

    assert_eq!(asked(&[]).await, "401");
    assert_eq!(asked(&["-u", &login]).await, "200");
    // One of the CA that is asked for is as good as a password.
    assert_eq!(asked(&["--cert", &certificate, "--key", &key]).await, "200");
    let other = tempfile::tempdir().unwrap();
    crate::support::gateway::write_certificates(other.path());
    let stranger = |name: &str| other.path().join(name).display().to_string();
    let (certificate, key) = (stranger("server.pem"), stranger("server-key.pem"));
    // The handshake fails, so that there is no status at all.
    assert_eq!(asked(&["--cert", &certificate, "--key", &key]).await, "000");
}

#[tokio::test]
async fn commands_reach_an_admin_listener_with_tls_by_its_configuration() {
    let gateway = Gateway::start_unready(&[
        ("admin.operators", &operators()),
        ("admin.tls", "{ certificate: server.pem, key: server-key.pem }"),
    ])
    .await;
    let call = gateway.jtel().ask("1001910").await.json()["callId"].as_str().unwrap().to_owned();
    let config = gateway.folder.path().join("config.yaml");
    let at = |port: u16| format!("127.0.0.1:{port}");
    // The ports that were found.
    let text = std::fs::read_to_string(&config).unwrap();
    let text = dialgate::config::edit(
        &text,
        &[
            ("listen.address", at(gateway.address.port())),
            ("admin.address", at(gateway.admin.port())),
        ],
    )
    .unwrap();
    std::fs::write(&config, text).unwrap();
    let asked = async |arguments: &[&str], operator: Option<&str>| {
        let mut command = dialgate();
        command.args(arguments).arg("--config").arg(&config).env_remove("DIALGATE_OPERATOR");
        if let Some(operator) = operator {
            command.env("DIALGATE_OPERATOR", operator);
        }
        run(&mut command).await
    };
    let login = format!("oncall:{PASSWORD}");

    let health = asked(&["healthcheck", "--ready"], None).await;
    assert!(health.status.success(), "{}", stderr(&health));
    let stranger = asked(&["top", "--once"], None).await;
    assert!(!stranger.status.success());
    assert!(stderr(&stranger).contains("DIALGATE_OPERATOR"), "{}", stderr(&stranger));
    let top = asked(&["top", "--once"], Some(&login)).await;
    assert!(stdout(&top).contains("SAP answers"), "{} {}", stdout(&top), stderr(&top));
    let story = asked(&["explain", &call], Some(&login)).await;
    assert!(stdout(&story).contains("rules.service_numbers"), "{}", stdout(&story));
    for output in [&health, &stranger, &top, &story] {
        assert!(!(stdout(output) + &stderr(output)).contains(PASSWORD));
    }
}

#[tokio::test]
async fn a_new_password_of_an_operator_counts_at_once() {
    let gateway = Gateway::start_unready(&[("admin.operators", &operators())]).await;
    let url = format!("http://{}/status.json", gateway.admin);
    let old = format!("oncall:{PASSWORD}");
    assert_eq!(curl(&["-u", &old], &url).await.0, "200");

    let hash = SecretHash::of(b"another");
    let other = format!("[{{ name: oncall, secrets: [\"{hash}\"] }}]");
    crate::support::gateway::rewrite_config(
        gateway.folder.path(),
        &gateway.sap_url,
        &[("admin.operators", &other)],
    );
    gateway.control.reload().await.unwrap();

    eventually("the new password counts", || async {
        curl(&["-u", "oncall:another"], &url).await.0 == "200"
    })
    .await;
    assert_eq!(curl(&["-u", &old], &url).await.0, "401");
}
