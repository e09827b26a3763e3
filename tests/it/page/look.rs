//! What is seen: in both schemes, on a phone, without a script, and by those who do not see.

use serde_json::Value;

use super::{calls_of_many_kinds, page_of, tab::Tab, url};
use crate::support::{Gateway, eventually};

/// Nothing is wider than the window.
async fn assert_fits(tab: &Tab, what: &str) {
    let too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(tab.value(too_wide).await, 0, "{what} is wider than the window");
}

/// axe-core finds nothing that WCAG 2.2 forbids at its levels A and AA.
async fn assert_accessible(tab: &Tab, what: &str) {
    let axe = crate::support::cap::folder("DIALGATE_TEST_AXE").join("axe.min.js");
    tab.value(&format!("(() => {{ {}\n }})()", std::fs::read_to_string(axe).unwrap())).await;
    let found = tab
        .value(
            "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
              .then(({ violations, passes }) => ({ passes: passes.length, violations: violations.map(
                ({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => html + failureSummary)]) }))",
        )
        .await;
    assert!(found["passes"].as_u64() > Some(5), "{what}: axe looked at nothing: {found}");
    assert_eq!(found["violations"], Value::from(Vec::<Value>::new()), "{what}");
}

/// A gateway with something of everything: dialled, refused, missing, and a SAP that fails.
async fn gateway_in_trouble() -> Gateway {
    let rows = "[{ contract_number: Direct salesDE, service_number: \"498999998000\" }]";
    let gateway = Gateway::start_with(&[("rules.service_numbers", rows)]).await;
    let jtel = gateway.jtel();
    calls_of_many_kinds(&jtel).await;
    gateway.sap.set_fault(Some("status_503_html".parse().unwrap()), None);
    eventually("SAP is silent", || async {
        jtel.ask("1001914").await;
        gateway.admin("/status.json").await.1.contains("\"condition\":\"bad\"")
    })
    .await;
    gateway
}

#[tokio::test]
async fn every_page_in_light_dark_and_on_a_phone_fits_is_accessible_and_the_console_stays_empty() {
    let gateway = gateway_in_trouble().await;
    let (_browser, tab) = page_of(&gateway).await;
    let why = tab.value("document.querySelector('a[href^=\"/explain\"]').href").await;
    let pages = [
        ("status", url(gateway.admin, "/")),
        ("decisions", url(gateway.admin, "/decisions")),
        ("story", why.as_str().unwrap().to_owned()),
        ("runbook", url(gateway.admin, "/runbook")),
    ];

    for (name, address) in pages {
        for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)] {
            let what = format!("{name}-{scheme}-{width}");
            tab.scheme(scheme).await;
            tab.window(width, 900).await;
            tab.open(&address).await;
            assert_fits(&tab, &what).await;
            assert_accessible(&tab, &what).await;
            tab.picture(&what).await;
        }
    }

    assert_eq!(tab.complaints(), Vec::<String>::new());
    assert_eq!(Vec::from_iter(tab.hosts()), [gateway.admin.to_string()]);
}

#[tokio::test]
async fn the_page_is_whole_without_a_script_and_its_forms_work() {
    let gateway = Gateway::start().await;
    calls_of_many_kinds(&gateway.jtel()).await;
    let browser = super::Browser::start().await;
    let tab = browser.tab().await;
    tab.without_script().await;
    tab.open(&url(gateway.admin, "/")).await;

    assert!(tab.text("#state").await.contains("SAP answers"), "{}", tab.text("#state").await);
    assert!(tab.text(".flow").await.contains("calls/s"));
    assert!(tab.text("#decisions").await.contains("404 partner_unknown"));
    tab.click("a[href^='/?only=refused']").await;
    // Whole: what is still being laid out moves away from under a click.
    let only_refusals = "location.search.startsWith('?only=refused')
        && document.readyState === 'complete' && document.querySelector('#decisions') && !document.querySelector('#decisions .good')";
    tab.until("only refusals are left", only_refusals).await;
    assert!(tab.text("#decisions").await.contains("404 partner_unknown"));

    tab.click("form[action='/reload'] button").await;
    tab.until("the answer has come", "location.pathname === '/reload'").await;
    tab.until_text("body", "nothing has changed").await;
}

#[tokio::test]
async fn the_decisions_can_be_those_that_were_refused_or_those_that_sap_was_asked_for() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    calls_of_many_kinds(&jtel).await;
    for _ in 0..60 {
        jtel.ask("1001910").await;
    }
    let (_browser, tab) = page_of(&gateway).await;
    assert!(!tab.text("#decisions").await.contains("404 partner_unknown"), "the crowd hides it");

    tab.click("a[href^='/?only=refused']").await;

    tab.until_text("#decisions", "404 partner_unknown").await;
    // Updates are of the same kind.
    jtel.ask("4040405").await;
    let refusals = "[...document.querySelectorAll('#decisions tbody tr')].filter(
        (row) => row.innerText.includes('404 partner_unknown')).length";
    tab.until("the new one has come by itself", &format!("{refusals} === 2")).await;
    assert_eq!(tab.value("document.querySelectorAll('#decisions td.good').length").await, 0);

    tab.click("a[href^='/?only=sap']").await;
    tab.until("the list is another", "document.querySelector('#decisions td.good')").await;
    let sources =
        "[...new Set([...document.querySelectorAll('td.from')].map((td) => td.innerText))]";
    assert_eq!(tab.value(&format!("{sources}.join()")).await, "sap");
}
