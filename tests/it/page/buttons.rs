//! Each button does what it says.

use super::{Browser, page_of, tab::Tab, url};
use crate::support::{Gateway, Process, eventually, load::partner};

/// Presses the button of a form, and waits for what comes of it.
async fn press(tab: &Tab, action: &str, told: &str) {
    let button = format!("form[action='{action}'] button");
    // What an earlier one has told is not what this one tells.
    tab.value("document.getElementById('told').textContent = ''").await;
    tab.click(&button).await;
    tab.until_text("#told", told).await;
    tab.until("it is over", &format!("!document.querySelector(\"{button}\").disabled")).await;
}

#[tokio::test]
async fn a_partner_that_was_forgotten_is_asked_for_again() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    jtel.ask("1001910").await;
    assert_eq!(jtel.ask("1001910").await.source(), "memory");
    let (_browser, tab) = page_of(&gateway).await;

    tab.click("input[name=partner]").await;
    tab.write("1001910").await;
    press(&tab, "/memory/forget", "forgotten").await;

    assert_eq!(jtel.ask("1001910").await.source(), "sap");
    assert!(!tab.text("#told").await.contains("1001910"));
    press(&tab, "/memory/forget", "forgotten").await;
    press(&tab, "/memory/forget", "nothing was remembered").await;
}

#[tokio::test]
async fn after_retry_login_sap_is_asked_again_and_not_twice_a_minute() {
    let gateway = Gateway::start().await;
    gateway.sap.set_fault(Some("unauthorized".parse().unwrap()), Some(1));
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 sap_unavailable");
    let (_browser, tab) = page_of(&gateway).await;
    tab.until_text("#problems", "\"Retry login\"").await;

    press(&tab, "/sap/retry-login", "the next request to SAP logs in again").await;
    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
    press(&tab, "/sap/retry-login", "try again in").await;
    assert_eq!(tab.value("document.getElementById('told').className").await, "bad");
}

#[tokio::test]
async fn after_reset_breaker_sap_is_asked_again() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);
    let asked = std::sync::atomic::AtomicU32::new(0);
    eventually("the breaker is open", || async {
        let n = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        jtel.ask(&partner(n)).await;
        gateway.admin("/status.json").await.1.contains("\"breaker\":\"open\"")
    })
    .await;
    let (_browser, tab) = page_of(&gateway).await;
    gateway.sap.set_fault(None, None);

    // It may be probing by itself just now; then it is closed already.
    press(&tab, "/sap/reset-breaker", "the breaker").await;

    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
    tab.until_text("#sap", "closed").await;
    // Calls that come after the refused ones, and for a while: only they show that it is over.
    eventually("the page says that it serves", || async {
        jtel.ask("1001910").await;
        tab.text("#state").await.contains("Serving")
    })
    .await;
}

#[tokio::test]
async fn reload_log_level_and_drain_do_what_they_say() {
    let sap = Gateway::start().await;
    let mut process = Process::start(&sap.sap_url, &[]).await;
    let browser = Browser::start().await;
    let tab = browser.tab().await;
    tab.open(&url(process.admin_address(), "/")).await;

    press(&tab, "/reload", "nothing has changed").await;
    process.rewrite(&[("rules.sap_unavailable", "{ nonsense: true }")]);
    press(&tab, "/reload", "finding").await;
    tab.until_text("#problems", "the configuration's files have").await;
    tab.until_text("#warnings", "config.yaml").await;
    process.rewrite(&[]);
    press(&tab, "/reload", "nothing has changed").await;

    press(&tab, "/log", "log level debug until").await;
    process.jtel(false).ask("1001910").await;
    eventually("the log says more", || async {
        process.log().iter().any(|line| line["level"] == "DEBUG")
    })
    .await;
    tab.value("document.querySelector('select').value = 'configured'").await;
    press(&tab, "/log", "as configured").await;

    tab.click("summary").await;
    press(&tab, "/drain", "not ready from now on").await;
    assert_eq!(process.ended().await, Some(0));
    tab.until_text("[role=alert]", "No connection").await;
    assert!(tab.complaints().iter().all(|said| said.contains("/events") || said.contains("422")));
}
