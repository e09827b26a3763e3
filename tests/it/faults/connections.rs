//! Connections to SAP do not live for ever, and a pause that SAP asks for is kept.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{start, start_linked};
use crate::support::{
    Does, Link, Process, ScriptedSap,
    load::{at_pace, partner, with_outcome},
    within,
};

#[tokio::test]
async fn a_connection_in_use_ends_at_its_longest_age_and_no_call_notices() {
    let (gateway, link, _sap) = start_linked(&[("sap.max_age", "500ms")]).await;

    let calls = at_pace(&gateway.jtel(), 20, (0..50).map(partner)).await;

    assert_eq!(with_outcome(&calls, "200"), 50);
    // One at a time, for two and a half seconds.
    assert!((4..=12).contains(&link.connections()), "{}", link.connections());
}

#[tokio::test]
async fn a_pause_that_sap_asks_for_as_a_date_is_kept() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    let in_a_minute = httpdate(Timestamp::now() + SignedDuration::from_mins(1));
    sap.does(Does::RetryAfter(in_a_minute));
    assert_eq!(jtel.ask("5000001").await.outcome(), "403 sap_unavailable");
    let before = sap.requests();
    sap.does(Does::Answer);

    for n in 100..110 {
        assert_eq!(jtel.ask(&partner(n)).await.outcome(), "403 sap_unavailable");
    }

    assert_eq!(sap.requests(), before);
}

#[tokio::test]
async fn the_proxy_is_named_when_the_proxy_is_the_problem() {
    let sap = ScriptedSap::start().await;
    let proxy = Link::to(sap.address);
    proxy.close_port();
    let url = proxy.url();
    let process = Process::start(&sap.url(), &[("sap.proxy", url.as_str())]).await;

    process.jtel(false).ask("5000001").await;

    let address = proxy.address.to_string();
    within(Duration::from_secs(5), "a warning names the proxy", || async {
        process.warnings().iter().any(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.contains("proxy") && message.contains(&address)
        })
    })
    .await;
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn httpdate(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
