//! Everything works without a mouse.

use super::{Browser, calls_of_many_kinds, page_of, tab::Tab, url};
use crate::support::{Gateway, Process};

/// All that should be reached, in the order of the page.
const REACHABLE: &str =
    "[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex]')]
    .filter((one) => one.checkVisibility() && one.type !== 'hidden')";

/// What makes an element itself, whether it was put in anew or not.
const NAME: &str = "((one) => one.tagName + (one.id || one.getAttribute('href') || one.name || one.form?.action || ''))";

/// Goes on with Tab until the focus is at what a selector finds.
async fn tab_to(tab: &Tab, selector: &str) {
    for _ in 0..200 {
        tab.press("Tab").await;
        if tab.value(&format!("document.activeElement.matches(\"{selector}\")")).await == true {
            return;
        }
    }
    panic!("Tab does not come to {selector}; it is at {}", tab.focused().await);
}

#[tokio::test]
async fn tab_reaches_everything_in_the_order_of_the_page_and_shows_where_it_is() {
    let gateway = Gateway::start().await;
    calls_of_many_kinds(&gateway.jtel()).await;
    let (_browser, tab) = page_of(&gateway).await;
    let expected = tab.value(&format!("{REACHABLE}.map({NAME})")).await;
    let expected = expected.as_array().unwrap().clone();
    assert!(expected.len() > 20, "{expected:?}");

    for place in expected {
        tab.press("Tab").await;
        assert_eq!(tab.value(&format!("{NAME}(document.activeElement)")).await, place);
        let shown = "(({ outlineStyle, outlineWidth }) => outlineStyle + outlineWidth)(
            getComputedStyle(document.activeElement))";
        assert_eq!(tab.value(shown).await, "solid3px", "{place}");
    }
}

#[tokio::test]
async fn the_focus_stays_on_a_why_link_through_updates_and_enter_leads_to_the_story() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    jtel.ask("1001910").await;
    let (_browser, tab) = page_of(&gateway).await;
    tab_to(&tab, "a[href^='/explain']").await;
    let call = tab.value("document.activeElement.getAttribute('href')").await;
    tab.value("window.before = document.activeElement").await;

    calls_of_many_kinds(&jtel).await;
    tab.until("the list is a new one", "!window.before.isConnected").await;

    assert_eq!(tab.value("document.activeElement.getAttribute('href')").await, call);
    tab.press("Enter").await;
    tab.until("the story has come", "location.pathname === '/explain'").await;
    tab.until_text("main", "rule by rule").await;
    let story = tab.text("main").await;
    for told in ["asked by", "asked SAP", "because", "Direct salesDE", "200, dial"] {
        assert!(story.contains(told), "{told} is not in {story}");
    }
}

#[tokio::test]
async fn the_forms_and_the_drain_work_by_the_keyboard_alone() {
    let sap = Gateway::start().await;
    let mut process = Process::start(&sap.sap_url, &[]).await;
    let jtel = process.jtel(false);
    jtel.ask("1001910").await;
    let browser = Browser::start().await;
    let tab = browser.tab().await;
    tab.open(&url(process.admin_address(), "/")).await;

    tab_to(&tab, "form[action='/reload'] button").await;
    tab.press("Enter").await;
    tab.until_text("#told", "nothing has changed").await;
    tab.until(
        "the focus is where it was",
        "document.activeElement.form?.action.endsWith('/reload')",
    )
    .await;

    tab_to(&tab, "input[name=partner]").await;
    tab.write("1001910").await;
    tab.press("Enter").await;
    tab.until_text("#told", "forgotten").await;
    assert_eq!(jtel.ask("1001910").await.source(), "sap");

    tab_to(&tab, "summary").await;
    tab.press("Enter").await;
    tab.press("Tab").await;
    assert_eq!(tab.focused().await, "Drain and end this process");
    tab.press("Space").await;
    tab.until_text("#told", "not ready from now on").await;
    assert_eq!(process.ended().await, Some(0));
}
