//! What jtel gets while SAP is slow, failing, overrun or unreachable, and what SAP is spared then.
//!
//! Black box: a whole gateway or the binary, a [`ScriptedSap`] that knows what it was asked, and a
//! [`Link`] between them. Limits of time are far above what a loaded machine adds and far below
//! what a gateway needs that waits for SAP; loads are as small as shows the difference.

mod bounded;
mod breaker;
mod connections;
mod credentials;
mod end;
mod facts;
mod listener;
mod night_log;
mod overload;
mod quota;
mod refresh;
mod reload;
mod retry;
mod slow;
mod stalled;
mod stampede;
mod start;

use std::time::Duration;

use tokio::time::sleep;

use crate::support::{Gateway, Link, ScriptedSap};

/// Nobody waited for SAP: far above what an answer from memory takes, also on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Everything remembered has ended after [`expired`].
const EXPIRES: (&str, &str) = ("cache.found_ttl", "1ms");

/// Waits until what lives for a millisecond has ended.
async fn expired() {
    sleep(Duration::from_millis(20)).await;
}

/// How many times `every` goes into `time`.
fn in_time(time: Duration, every: Duration) -> usize {
    usize::try_from(time.as_millis() / every.as_millis()).unwrap()
}

/// A gateway, some keys changed, in front of a SAP that does as told.
async fn start(changes: &[(&str, &str)]) -> (Gateway, ScriptedSap) {
    let sap = ScriptedSap::start().await;
    let url = sap.url();
    let changes: Vec<_> = [("sap.url", url.as_str())].iter().chain(changes).copied().collect();
    (Gateway::start_with(&changes).await, sap)
}

/// The same with a link between the two.
async fn start_linked(changes: &[(&str, &str)]) -> (Gateway, Link, ScriptedSap) {
    let sap = ScriptedSap::start().await;
    let link = Link::to(sap.address);
    let url = link.url();
    let changes: Vec<_> = [("sap.url", url.as_str())].iter().chain(changes).copied().collect();
    (Gateway::start_with(&changes).await, link, sap)
}
