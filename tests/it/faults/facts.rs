//! What is not fresh any more never turns a refusal into a call.

use super::{EXPIRES, expired, start};
use crate::support::{
    Does, eventually,
    load::{at_once, partner},
};

/// The worst configuration for a refusal: nothing stays fresh, and calls go out without SAP.
const CHANGES: [(&str, &str); 3] =
    [EXPIRES, ("cache.unknown_ttl", "1ms"), ("rules.sap_unavailable", "dial_default")];

#[tokio::test]
async fn a_blocked_partner_stays_blocked_while_sap_fails_or_hangs() {
    let (gateway, sap) = start(&CHANGES).await;
    let jtel = gateway.jtel();
    jtel.ask("5000001").await;
    sap.does(Does::Blocked);
    eventually("SAP has said so", || async {
        jtel.ask("5000001").await.outcome() == "403 partner_blocked"
    })
    .await;

    for does in [Does::Status(500), Does::Html(200), Does::Hang] {
        sap.does(does.clone());
        for call in at_once(&jtel, (0..10).map(|_| partner(1))).await {
            assert_eq!(call.answer.outcome(), "403 partner_blocked", "{does:?}");
        }
    }
}

#[tokio::test]
async fn unknown_is_never_served_past_its_time() {
    let (gateway, sap) = start(&CHANGES).await;
    let jtel = gateway.jtel();
    sap.does(Does::Unknown);
    assert_eq!(jtel.ask("5000001").await.outcome(), "404 partner_unknown");
    expired().await;

    for does in [Does::Status(500), Does::Hang] {
        sap.does(does.clone());
        for call in at_once(&jtel, (0..3).map(|_| partner(1))).await {
            assert_eq!(call.answer.source(), "default", "{does:?}");
        }
    }
}

#[tokio::test]
async fn a_partner_that_sap_does_not_know_any_more_is_not_dialled_from_what_it_said_before() {
    let (gateway, sap) = start(&[CHANGES[0], CHANGES[1]]).await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    sap.does(Does::Unknown);
    eventually("SAP has said so", || async {
        jtel.ask("5000001").await.outcome() == "404 partner_unknown"
    })
    .await;
    expired().await;
    sap.does(Does::Status(500));

    for _ in 0..5 {
        assert_eq!(jtel.ask("5000001").await.outcome(), "403 sap_unavailable");
    }
}
