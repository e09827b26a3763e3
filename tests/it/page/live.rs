//! The page changes by itself, without being loaded again.

use std::time::Duration;

use super::{calls_of_many_kinds, page_of};
use crate::support::{
    Gateway, Process, eventually,
    load::{at_once, partner},
};

#[tokio::test]
async fn a_call_an_outage_and_its_end_are_on_the_page_soon_after_they_happen() {
    let gateway = Gateway::start_with(&[("cache.found_ttl", "1s")]).await;
    let jtel = gateway.jtel();
    let (_browser, tab) = page_of(&gateway).await;
    tab.value("window.isTheSame = true").await;

    jtel.ask("4040404").await;
    let asked = tokio::time::Instant::now();
    tab.until_text("#decisions", "404 partner_unknown").await;
    // Once a second; the rest is for a busy machine.
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());

    gateway.sap.set_fault(Some("status_503_html".parse().unwrap()), None);
    for n in 0..10 {
        jtel.ask(&partner(n)).await;
    }
    tab.until("the condition is bad", "document.querySelector('#state .bad')").await;
    tab.until_text("#state", "SAP has been under maintenance for ").await;
    tab.until_text("#problems", "Runbook: Dialgate").await;
    tab.until("the tab says it, too", "document.title.startsWith('bad')").await;
    tab.until(
        "it is read aloud",
        "document.querySelector('.aloud').innerText.includes('maintenance')",
    )
    .await;
    tab.until("SAP is marked", "document.querySelector('.flow li.bad')").await;

    gateway.sap.set_fault(None, None);
    eventually("SAP is asked again", || async {
        jtel.ask(&partner(11)).await;
        tab.text("#state").await.contains("Serving")
    })
    .await;
    assert_eq!(tab.value("window.isTheSame").await, true, "it was loaded again");
}

#[tokio::test]
async fn a_lost_connection_is_told_and_the_page_goes_on_by_itself_when_there_is_one_again() {
    let sap = Gateway::start().await;
    let mut process = Process::start(&sap.sap_url, &[]).await;
    let address = process.admin_address();
    let browser = super::Browser::start().await;
    let tab = browser.tab().await;
    tab.open(&super::url(address, "/")).await;
    tab.until("it listens", "events.readyState === 1").await;

    process.end().await;
    tab.until_text("[role=alert]", "No connection to dialgate").await;

    // Another process at the same address, as after a restart.
    let admin = address.to_string();
    let changes = [("admin.address", &*admin)];
    let next = Process::start(&sap.sap_url, &changes).await;
    next.jtel(false).ask("4040404").await;
    tab.until("the warning is gone", "!document.querySelector('[role=alert]')").await;
    tab.until_text("#decisions", "404 partner_unknown").await;

    // Its forms are those of the process before.
    tab.click("form[action='/reload'] button").await;
    tab.until_text("#told", "loaded again").await;
}

#[tokio::test]
async fn what_is_being_pressed_or_selected_changes_only_when_that_is_over() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    jtel.ask("1001910").await;
    let (_browser, tab) = page_of(&gateway).await;
    let (down, up) = ("pointerdown", "pointerup");
    let pointer = |kind: &str| {
        format!("link.dispatchEvent(new PointerEvent('{kind}', {{ bubbles: true }})) && 0")
    };
    tab.value("window.link = document.querySelector('.because a'); 0").await;

    for (in_use, over, decisions) in [
        (pointer(down), pointer(up), 2),
        ("getSelection().selectAllChildren(link)".into(), "getSelection().empty()".into(), 3),
    ] {
        tab.value(&in_use).await;
        jtel.ask("1001910").await;
        tab.until_text("#foot", &format!("{decisions} decisions")).await;
        assert_eq!(tab.value("link.isConnected").await, true, "{in_use}");
        tab.value(&over).await;
        let rows =
            format!("document.querySelectorAll('#decisions tbody tr').length === {decisions}");
        tab.until("it has caught up", &rows).await;
        tab.value("window.link = document.querySelector('.because a'); 0").await;
    }
}

#[tokio::test]
async fn with_ten_thousand_decisions_behind_it_the_page_is_made_and_shown_at_once() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    calls_of_many_kinds(&jtel).await;
    // Half of each kind: those from memory, and the others.
    for _ in 0..25 {
        at_once(&jtel, (0..200).map(|_| "1001910".to_owned())).await;
        at_once(&jtel, (0..200).map(|_| "not-a-partner".to_owned())).await;
    }
    for path in ["/", "/?only=sap", "/decisions?most=200", "/status.json"] {
        let mut took = Vec::new();
        for _ in 0..9 {
            let asked = tokio::time::Instant::now();
            assert_eq!(gateway.admin(path).await.0, 200, "{path}");
            took.push(asked.elapsed());
        }
        took.sort();
        // The median, of a build that is not made for speed, on a machine that has other things to do.
        assert!(took[4] < Duration::from_millis(500), "{path}: {took:?}");
    }

    let (_browser, tab) = page_of(&gateway).await;
    let shown = tab.value("document.querySelectorAll('#decisions tbody tr').length").await;
    assert_eq!(shown, 50);
    assert!(tab.text("#foot").await.contains("10007 decisions"), "{}", tab.text("#foot").await);
    tab.picture("ten-thousand").await;
    // A part comes, and what it blocks the tab for is no time that a person notices.
    let longest = tab
        .value(
            "new Promise((over) => { let longest = 0; const began = performance.now();
               new PerformanceObserver((list) => list.getEntries().forEach(
                 ({ duration }) => { longest = Math.max(longest, duration) })).observe({ type: 'longtask' });
               events.addEventListener('part', () => {
                 if (performance.now() - began > 3000) setTimeout(() => over(longest)) }) })",
        )
        .await;
    assert!(longest.as_f64().unwrap() < 1000.0, "{longest} ms");
}
