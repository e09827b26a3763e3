//! What fails in passing is asked once more within the time that is left.

use super::{start, start_linked};
use crate::support::{
    Does,
    load::{at_pace, contract_number, partner},
};

#[tokio::test]
async fn half_of_saps_connections_reset_and_every_call_is_answered() {
    let (gateway, link, sap) = start_linked(&[]).await;
    // A kept connection that has ended is nothing new; these are fresh ones.
    sap.closes_connections();
    let jtel = gateway.jtel();
    jtel.ask(&partner(1000)).await;
    link.reset_every(2);

    // One after the other: of two at once, one may get both of the bad connections.
    for n in 0..60 {
        assert_eq!(jtel.ask(&partner(n)).await.outcome(), "200", "call {n}");
    }
    // Half of the requests come to nothing, and nothing is asked a third time.
    assert!((60..=130).contains(&link.requests()), "{} requests", link.requests());
}

#[tokio::test]
async fn every_second_answer_is_503_and_every_call_is_answered() {
    let (gateway, sap) = start(&[]).await;
    sap.decides(|asked| if asked.nth % 2 == 0 { Does::Status(503) } else { Does::Answer });
    let jtel = gateway.jtel();

    for n in 0..60 {
        assert_eq!(jtel.ask(&partner(n)).await.outcome(), "200", "call {n}");
    }
}

#[tokio::test]
async fn one_call_is_asked_for_once_more_and_not_oftener() {
    let (gateway, sap) = start(&[]).await;
    sap.does(Does::Status(503));

    assert_eq!(gateway.jtel().ask("5000001").await.outcome(), "403 sap_unavailable");

    assert_eq!(sap.requests_for("5000001"), 2);
}

#[tokio::test]
async fn retries_do_not_double_the_load_of_a_sap_that_fails() {
    let (gateway, sap) = start(&[("sap.breaker.failure_percent", "100")]).await;
    // Two of three fail: too few for the breaker, and more than retries should answer to.
    sap.decides(|asked| if asked.nth % 3 == 0 { Does::Answer } else { Does::Status(503) });
    let before = sap.requests();

    at_pace(&gateway.jtel(), 300, (0..600).map(partner)).await;

    let asked = sap.requests() - before;
    // An answer earns one retry, and there are ten to begin with.
    assert!(asked <= 600 + asked / 3 + 11, "{asked} requests for 600 calls");
}

#[tokio::test]
async fn what_a_kept_connection_still_had_costs_a_connection_and_no_call() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    // Each connection that is used again gives an answer to somebody else's question first.
    sap.decides(|asked| match asked.on_connection {
        1 => Does::Answer,
        _ => Does::AnswerAbout("5000777".to_owned()),
    });

    for n in 0..10 {
        let answer = jtel.ask(&partner(n)).await;
        assert_eq!(answer.outcome(), "200", "call {n}");
        assert_eq!(answer.json()["contractNumber"], contract_number(&partner(n)));
    }
}
