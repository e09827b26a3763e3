//! The admin listener: metrics, health, and nothing for strangers.

use http::Method;
use tokio::process::Command;

use crate::support::{
    Client, Gateway,
    program::{run, stderr, stdout},
};

#[tokio::test]
async fn promtool_finds_nothing_to_complain_about() {
    let gateway = Gateway::start().await;
    gateway.jtel().ask("1001910").await;
    let file = gateway.folder.path().join("metrics.txt");
    std::fs::write(&file, gateway.metrics().await).unwrap();

    let checked =
        run(Command::new("sh").args(["-c", "promtool check metrics < \"$1\"", "sh"]).arg(&file))
            .await;

    assert!(checked.status.success(), "{}", stderr(&checked));
    assert_eq!((stdout(&checked), stderr(&checked)), (String::new(), String::new()));
}

#[tokio::test]
async fn the_admin_listener_answers_its_own_paths_and_the_call_listener_none_of_them() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();

    for path in ["/", "/metrics", "/livez", "/readyz", "/readyz?verbose"] {
        assert_eq!(gateway.admin(path).await.0, 200, "{path}");
        let public = format!("https://{}{path}", gateway.address);
        assert_eq!(jtel.send(Method::GET, &public).await.status, 404, "{path}");
    }
    assert_eq!(gateway.admin("/onClickToDial").await.0, 404);
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_reach_the_admin_listener_under_a_foreign_name() {
    let gateway = Gateway::start().await;

    let answered = run(Command::new("curl").args([
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        "Host: rebound.example",
        &format!("http://{}/metrics", gateway.admin),
    ]))
    .await;

    assert_eq!(stdout(&answered), "421");
}

#[tokio::test]
async fn only_a_post_from_this_machine_asks_sap_to_be_logged_in_to_again() {
    let gateway = Gateway::start().await;
    gateway.sap.set_fault(Some("unauthorized".parse().unwrap()), Some(1));
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 sap_unavailable");
    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    let url = format!("http://{}/sap/retry-login", gateway.admin);

    assert_eq!(admin.send(Method::GET, &url).await.status, 405);
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 sap_unavailable");
    assert_eq!(admin.send(Method::POST, &url).await.status, 200);

    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
}

#[tokio::test]
async fn the_end_of_the_certificate_and_the_load_of_the_configuration_are_metrics() {
    let gateway = Gateway::start().await;

    let metrics = gateway.metrics().await;

    let value = |series| crate::support::value_of(&metrics, series);
    // 2026-01-01: before this program existed.
    assert!(value("dialgate_config_loaded_timestamp_seconds") > 1_767_225_600);
    let ends = value(r#"dialgate_certificate_expiry_timestamp_seconds{role="server"}"#);
    assert!(ends > value("dialgate_config_loaded_timestamp_seconds"));
    assert_eq!(value("dialgate_ready"), 1);
}

#[tokio::test]
async fn a_question_that_the_admin_listener_cannot_read_is_refused_with_what_to_write() {
    let gateway = Gateway::start().await;
    let refused = gateway.jtel().ask("4040404").await.json();
    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    let at = |path: &str| format!("http://{}{path}", gateway.admin);

    for most in ["0", "1001", "-1", "x", "", "1&most=2"] {
        for path in ["/decisions", "/decisions.json"] {
            let (status, text) = gateway.admin(&format!("{path}?most={most}")).await;
            assert_eq!((status, text.contains("from 1 to 1000")), (400, true), "{most} {text}");
        }
    }
    assert_eq!(gateway.admin("/decisions.json?most=1000").await.0, 200);
    // As the answer has it in `callId` and in `instance`.
    let call = refused["callId"].as_str().unwrap();
    let instance = refused["instance"].as_str().unwrap();
    for (name, status) in [(call, 200), (instance, 200), (&call.replace('-', ""), 400), ("", 400)] {
        let path = format!("/explain.json?call={name}");
        assert_eq!(gateway.admin(&path).await.0, status, "{name}");
    }
    let query = Method::from_bytes(b"QUERY").unwrap();
    let answer = admin.send(query, &at("/status.json")).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["allow"]),
        (405, &"GET, HEAD".parse().unwrap())
    );
    assert_eq!(admin.send(Method::POST, &at("/sap/retry-login")).await.status, 200);
    let again = admin.send(Method::POST, &at("/sap/retry-login")).await;
    let wait: u64 = again.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(again.status == 429 && (1..=60).contains(&wait), "{wait} {}", again.text);
}
