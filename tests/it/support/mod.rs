//! Starts gateways, upstreams and programs, and waits for what must become true.

pub(crate) mod cap;
pub(crate) mod client;
pub(crate) mod collector;
pub(crate) mod gateway;
pub(crate) mod link;
pub(crate) mod load;
pub(crate) mod mock_sap;
pub(crate) mod nginx;
pub(crate) mod outlet;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod scripted;
pub(crate) mod server;

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

pub(crate) use client::Client;
pub(crate) use gateway::{Gateway, SAP_PASSWORD, SAP_USER};
pub(crate) use link::Link;
pub(crate) use process::Process;
pub(crate) use scripted::{Does, ScriptedSap};

/// The longest wait for anything in a test. Far more than anything takes; only a broken test or a
/// broken program comes near it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `what` is true.
pub(crate) async fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut is_true: impl FnMut() -> F,
) {
    within(PATIENCE, what, &mut is_true).await;
}

/// Waits until `what` is true, which must not take longer than `limit`.
pub(crate) async fn within<F: Future<Output = bool>>(
    limit: Duration,
    what: &str,
    mut is_true: impl FnMut() -> F,
) {
    let until = Instant::now() + limit;
    while !is_true().await {
        assert!(Instant::now() < until, "{what}: not within {limit:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The value of one series in Prometheus' text format.
pub(crate) fn value_of(metrics: &str, series: &str) -> i64 {
    // Where there is one system, nobody has to name it.
    let text = metrics.replace(",system=\"sap\"}", "}").replace("{system=\"sap\"}", "");
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
        .unwrap_or_else(|| panic!("{series} is not among the metrics:\n{metrics}"))
}
