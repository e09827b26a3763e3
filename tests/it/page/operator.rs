//! The page where others reach it: over TLS, and with a password.

use dialgate::config::SecretHash;
use serde_json::json;

use super::Browser;
use crate::support::Gateway;

const PASSWORD: &str = "canary-operator-password";

#[tokio::test]
async fn an_operator_with_a_password_sees_updates_and_presses_buttons_and_a_stranger_sees_nothing()
{
    let hash = SecretHash::of(PASSWORD.as_bytes());
    let operators = format!("[{{ name: oncall, secrets: [\"{hash}\"] }}]");
    let gateway = Gateway::start_unready(&[
        ("admin.operators", &operators),
        ("admin.tls", "{ certificate: server.pem, key: server-key.pem }"),
    ])
    .await;
    let browser = Browser::start().await;
    // The CA was made for this test.
    let trusting = json!({ "ignore": true });
    let stranger = browser.tab().await;
    stranger.send("Security.setIgnoreCertificateErrors", trusting.clone()).await;
    let tab = browser.tab().await;
    tab.send("Security.setIgnoreCertificateErrors", trusting).await;

    // It is asked for a password and has nobody who could write one.
    let address = json!({ "url": format!("https://{}/", gateway.admin) });
    let went = stranger.send("Page.navigate", address).await;
    assert_eq!(went["errorText"], "net::ERR_INVALID_AUTH_CREDENTIALS", "{went}");

    // As in a bookmark; whoever is asked by the browser ends up with less in the address.
    tab.open(&format!("https://oncall:{PASSWORD}@{}/", gateway.admin)).await;
    tab.until("it listens", "events.readyState === 1").await;
    gateway.jtel().ask("4040404").await;
    tab.until_text("#decisions", "404 partner_unknown").await;
    tab.click("form[action='/reload'] button").await;
    tab.until_text("#told", "nothing has changed").await;
    tab.click(".because a").await;
    tab.until_text("main", "rule by rule").await;
}
