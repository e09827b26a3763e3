//! When our certificates end: those that we show, and those by which others know us.

use std::fs;

use serde_json::Value;
use tokio::process::Command;

use super::{EC, Pki, SAN};
use crate::support::{
    Gateway, eventually,
    program::{run, stdout},
    value_of,
};

const DAY: i64 = 24 * 60 * 60;

/// What the admin listener shows, over the TLS that it speaks.
async fn shown(gateway: &Gateway, path: &str) -> String {
    let url = format!("https://{}{path}", gateway.admin);
    stdout(&run(Command::new("curl").args(["-sSk", &url])).await)
}

/// In how many whole days a certificate of ours ends; `None`: there is none.
async fn days_left(gateway: &Gateway, role: &str) -> Option<i64> {
    let metrics = shown(gateway, "/metrics").await;
    let series = format!("dialgate_certificate_expiry_timestamp_seconds{{role=\"{role}\"}}");
    let ends = value_of(&metrics, &series);
    let now = value_of(&metrics, "dialgate_config_loaded_timestamp_seconds");
    // The hour is for a slow machine.
    (ends > 0).then(|| (ends - now + 3600) / DAY)
}

#[tokio::test]
async fn each_certificate_of_ours_has_an_end_that_is_the_first_one_of_its_chain() {
    let pki = Pki::new().await;
    pki.leaf("long", EC, SAN, "-days 300").await;
    pki.leaf("short", EC, &format!("{SAN}extendedKeyUsage=clientAuth\n"), "-days 20").await;
    pki.write("chain.pem", &pki.joined(&["long.pem", "inter.pem"]));
    pki.write("ours.pem", &pki.read("short.pem"));
    let path = |name: &str| pki.path(name).display().to_string();
    let pair = |chain: &str, key: &str| format!("certificate: {}, key: {}", path(chain), path(key));
    let chain = format!("{{ {} }}", pair("chain.pem", "long.key"));
    let at_sap = format!("{{ certificate: {{ {} }} }}", pair("ours.pem", "short.key"));
    let at_token_server = format!(
        "{{ oauth2: {{ token_url: \"https://127.0.0.1:9/token\", client_id: us, \
         client_authentication: certificate, {} }} }}",
        pair("chain.pem", "long.key")
    );

    for (login, of_sap, of_token_server) in
        [(&at_sap, Some(20), None), (&at_token_server, None, Some(90))]
    {
        let gateway = Gateway::start_unready(&[
            ("listen.tls.certificate", &path("chain.pem")),
            ("listen.tls.key", &path("long.key")),
            ("admin.tls", &chain),
            ("sap.url", "https://127.0.0.1:9"),
            ("sap.login", login),
        ])
        .await;
        for (role, days) in [
            ("server", Some(90)),
            ("admin", Some(90)),
            ("sap_client", of_sap),
            ("token_client", of_token_server),
        ] {
            assert_eq!(days_left(&gateway, role).await, days, "{role} with {login}");
        }
        let status: Value = serde_json::from_str(&shown(&gateway, "/status.json").await).unwrap();
        let on_the_page = status["certificates"].as_array().unwrap();
        let roles: Vec<_> = on_the_page.iter().map(|one| one["role"].as_str().unwrap()).collect();
        let expected = if of_sap.is_some() { "sap_client" } else { "token_client" };
        assert_eq!(roles, ["server", "admin", expected]);
        let problems = status["problems"].to_string();
        assert_eq!(
            problems.contains("the certificate by which SAP knows us ends in 19 days")
                || problems.contains("the certificate by which SAP knows us ends in 20 days"),
            of_sap.is_some(),
            "{problems}"
        );

        // One that is exchanged in its files counts, here as at SAP.
        if of_sap.is_some() {
            fs::copy(pki.path("chain.pem"), pki.path("ours.pem")).unwrap();
            fs::copy(pki.path("long.key"), pki.path("short.key")).unwrap();
            eventually("the new one counts", || async {
                days_left(&gateway, "sap_client").await == Some(90)
            })
            .await;
        }
    }
}
