//! Traces: what ties a call to the requests that were sent to SAP for it.

use crate::support::{
    Gateway,
    server::{Server, json},
};

const CALLERS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The `traceparent` of each request so far.
fn parents(server: &Server) -> Vec<String> {
    let of = |request: String| {
        let line = request.lines().find_map(|line| line.strip_prefix("traceparent: "));
        line.unwrap_or_default().to_owned()
    };
    server.seen().into_iter().map(of).filter(|parent| !parent.is_empty()).collect()
}

/// The `tracestate` of each request that was sent for a call.
fn states(server: &Server) -> Vec<Option<String>> {
    let of = |request: &String| {
        let line = request.lines().find_map(|line| line.strip_prefix("tracestate: "));
        line.map(str::to_owned)
    };
    server.seen().iter().filter(|request| request.contains("traceparent: ")).map(of).collect()
}

/// A gateway whose SAP knows nobody, so that each of the dialect's steps is asked.
async fn in_front_of_nobody(changes: &[(&str, &str)]) -> (Server, Gateway) {
    let server = Server::start(json("200 OK", r#"{"d":{"results":[]}}"#)).await;
    let url = format!("http://{}", server.address);
    let changes: Vec<_> =
        [("sap.url", url.as_str())].into_iter().chain(changes.iter().copied()).collect();
    let gateway = Gateway::start_unready(&changes).await;
    (server, gateway)
}

#[tokio::test]
async fn each_request_to_sap_has_a_span_of_its_own_in_the_trace_of_its_caller() {
    let (server, gateway) = in_front_of_nobody(&[]).await;
    let jtel = gateway.jtel().with_trace(&format!("00-{CALLERS}-00f067aa0ba902b7-01"));
    let jtel = jtel.with_trace_state("congo=t61rcWkgMzE,rojo=1");

    assert_eq!(jtel.ask("1001910").await.outcome(), "404 partner_unknown");

    let parents = parents(&server);
    assert!(parents.len() >= 2, "{parents:?}");
    let mut spans: Vec<_> = parents.iter().map(|parent| &parent[36..52]).collect();
    spans.sort_unstable();
    spans.dedup();
    assert_eq!(spans.len(), parents.len(), "{parents:?}");
    assert!(!spans.contains(&"00f067aa0ba902b7"), "{parents:?}");
    for parent in &parents {
        assert!(parent.starts_with(&format!("00-{CALLERS}-")) && parent.ends_with("-01"));
    }
    assert_eq!(gateway.until_records(1).await[0]["trace"], CALLERS);
    assert!(
        states(&server).iter().all(|state| state.as_deref() == Some("congo=t61rcWkgMzE,rojo=1"))
    );
}

#[tokio::test]
async fn a_call_without_a_trace_begins_one_that_is_named_as_the_call() {
    let (server, gateway) = in_front_of_nobody(&[]).await;

    gateway.jtel().ask("1001910").await;

    let record = &gateway.until_records(1).await[0];
    let trace = record["trace"].as_str().unwrap();
    assert_eq!(trace, record["call"].as_str().unwrap().replace('-', ""));
    assert!(parents(&server).iter().all(|parent| parent.starts_with(&format!("00-{trace}-"))));
}

#[tokio::test]
async fn a_trace_is_not_taken_from_somebody_nobody_knows() {
    let anybody = [("clients", "[]"), ("anybody_may_ask", "true")];
    let (server, gateway) = in_front_of_nobody(&anybody).await;
    let trace = format!("00-{CALLERS}-00f067aa0ba902b7-01");

    let stranger = gateway.jtel().without_credentials().with_trace(&trace);
    stranger.with_trace_state("congo=t61rcWkgMzE").ask("1001910").await;

    assert!(parents(&server).iter().all(|parent| !parent.contains(CALLERS)));
    assert!(states(&server).iter().all(Option::is_none));
    let record = &gateway.until_records(1).await[0];
    assert_eq!(record["trace"], record["call"].as_str().unwrap().replace('-', ""));
}
