//! A start while SAP is away.

use std::time::Duration;

use crate::support::{Gateway, Link, ScriptedSap, load::at_once, load::partner, within};

async fn without_sap(changes: &[(&str, &str)]) -> (Gateway, Link, ScriptedSap) {
    let sap = ScriptedSap::start().await;
    let link = Link::to(sap.address);
    link.close_port();
    let url = link.url();
    let changes: Vec<_> = [("sap.url", url.as_str())].iter().chain(changes).copied().collect();
    (Gateway::start_unready(&changes).await, link, sap)
}

#[tokio::test]
async fn a_gateway_is_ready_without_sap_after_the_time_its_configuration_grants() {
    let (gateway, link, _sap) = without_sap(&[("admin.ready_without_sap_after", "1s")]).await;
    let (status, told) = gateway.admin("/readyz?verbose").await;
    assert_eq!(status, 503, "{told}");

    within(Duration::from_secs(8), "ready without SAP", || async {
        gateway.admin("/readyz").await.0 == 200
    })
    .await;

    let calls = at_once(&gateway.jtel(), [partner(1)]).await;
    assert_eq!(calls[0].answer.outcome(), "403 sap_unavailable");
    link.mend();
    within(Duration::from_secs(15), "answered", || async {
        gateway.jtel().ask("5000002").await.outcome() == "200"
    })
    .await;
}

#[tokio::test]
async fn without_such_a_time_it_is_ready_as_soon_as_sap_answers_and_not_before() {
    let (gateway, link, _sap) = without_sap(&[("sap.probe_interval", "1s")]).await;
    at_once(&gateway.jtel(), (0..20).map(partner)).await;
    assert_eq!(gateway.admin("/readyz").await.0, 503);

    link.mend();

    within(Duration::from_secs(6), "ready by a probe alone", || async {
        gateway.admin("/readyz").await.0 == 200
    })
    .await;
}
