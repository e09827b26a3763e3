//! A process that leaves under load loses no call.

use std::time::Duration;

use tokio::time::timeout;

use super::callers::Callers;
use crate::support::{
    Gateway, PATIENCE, Process, eventually,
    load::{contract_number, partner},
    program, value_of,
};

/// Half of them over connections of their own, half of them over one.
const CALLS: u32 = 200;

#[tokio::test]
async fn of_two_hundred_calls_in_flight_none_is_lost_on_sigterm() {
    let sap = Gateway::start().await;
    sap.sap.set_delay(Duration::from_secs(2));
    let changes = [
        ("sap.max_in_flight", "200"),
        ("sap.connect_timeout", "20s"),
        ("deadline", "25s"),
        ("sap.total_timeout", "25s"),
        ("shutdown.drain_timeout", "30s"),
    ];
    let mut process = Process::start(&sap.sap_url, &changes).await;
    let clients = process.callers();
    let [http1, http2] = [clients(false), clients(true)];
    let calls: Vec<_> = (0..CALLS)
        .map(|n| {
            let jtel = if n % 2 == 0 { http1.clone() } else { http2.clone() };
            tokio::spawn(async move { (partner(n), jtel.ask(&partner(n)).await) })
        })
        .collect();
    eventually("the calls are under way", || async {
        value_of(&process.metrics().await, "dialgate_calls_in_flight") == i64::from(CALLS)
    })
    .await;

    program::terminate(&process.child).await;

    for call in calls {
        let (partner, answer) = timeout(PATIENCE, call).await.unwrap().unwrap();
        assert_eq!(answer.outcome(), "200", "{:#?}", process.warnings());
        assert_eq!(answer.json()["contractNumber"], contract_number(&partner));
    }
    assert_eq!(process.ended().await, Some(0));
    assert_eq!(process.records().len(), CALLS as usize);
}

#[tokio::test]
async fn callers_who_keep_their_connections_are_sent_elsewhere_without_losing_a_call() {
    let sap = Gateway::start().await;
    let changes = [("shutdown.drain_delay", "4s"), ("shutdown.idle_grace", "1s")];
    let mut process = Process::start(&sap.sap_url, &changes).await;
    let callers = Callers::of(process.address, &process.folder.path().join("ca.pem"));
    callers.until_answered(200).await;

    program::terminate(&process.child).await;
    eventually("it says that it leaves", || async {
        let (status, _) = process.admin(http::Method::GET, "/readyz").await;
        status == 503
    })
    .await;
    callers.until_answered(100).await;
    // A load balancer would have noticed by now, and would send nobody here any more.
    let said = callers.end().await;

    assert!(said.failed.is_empty(), "{:#?}", said.failed);
    assert!(said.sent_elsewhere > 0, "nobody is told to go elsewhere");
    assert_eq!(process.ended().await, Some(0));
}
