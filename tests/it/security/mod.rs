//! What somebody gets who wants to do harm, and what the others get in the meantime.
//!
//! Black box: the binary, attacked over its sockets by bytes of our own (`raw`) or by tools that were
//! written to find something. `docs/security.md` has the table of what was tried.

mod admin;
mod floods;
mod frames;
mod handshakes;
mod process;
mod raw;
mod slow;
mod table;
mod tools;

use std::time::Duration;

use crate::support::{Does, Process, ScriptedSap, eventually, value_of};

/// The partner that SAP leaves waiting.
const SILENT: &str = "5000099";

/// The partner that everybody else asks for.
const OTHERS: &str = "5000001";

/// Limits that an attack can be watched to run into.
const SHORT: [(&str, &str); 4] = [
    ("listen.limits.handshake_timeout", "400ms"),
    ("listen.limits.head_timeout", "400ms"),
    ("listen.limits.idle_timeout", "400ms"),
    ("listen.limits.write_timeout", "400ms"),
];

/// Far above what an answer takes while somebody floods, also on a busy machine, and far below the time
/// that an attack takes without an end of its own.
const SOON: Duration = Duration::from_secs(5);

/// A gateway, and a SAP that never answers about [`SILENT`].
async fn attacked(changes: &[(&str, &str)]) -> (Process, ScriptedSap) {
    let sap = ScriptedSap::start().await;
    sap.decides(|asked| match asked.partner.as_str() {
        SILENT => Does::Hang,
        _ => Does::Answer,
    });
    let changes: Vec<_> = [("sap.total_timeout", "20s")].iter().chain(changes).copied().collect();
    let process = Process::start(&sap.url(), &changes).await;
    others_are_answered(&process).await;
    (process, sap)
}

/// Somebody who means no harm asks, on a connection of his own.
async fn others_are_answered(process: &Process) {
    for h2 in [false, true] {
        let jtel = process.jtel(h2);
        let answer = tokio::time::timeout(SOON, jtel.ask(OTHERS)).await;
        assert_eq!(answer.expect("others are answered soon").outcome(), "200");
    }
}

/// Waits until so many connections have ended for this reason.
async fn until_closed(process: &Process, reason: &str, count: i64) {
    eventually(&format!("{count} connections end with {reason}"), || async {
        closed(process, reason).await >= count
    })
    .await;
}

async fn closed(process: &Process, reason: &str) -> i64 {
    let series = format!("dialgate_connections_closed_total{{reason=\"{reason}\"}}");
    value_of(&process.metrics().await, &series)
}
