//! Access records: one line of JSON per call, for the auditor.
//!
//! A call only hands its facts over; the thread of [`Lines`] turns them into text and writes it. No
//! record has a query string, a partner or a telephone number.

use std::{
    fmt::Display,
    io::{self, Write},
    net::IpAddr,
    time::Duration,
};

use prometheus::Registry;
use serde::{Serialize, Serializer};

use super::facts::CallFacts;
use crate::{
    config::ClientName,
    domain::CallerId,
    sap::SapOutcome,
    telemetry::lines::{Lines, Losses, Record},
};

/// Where calls leave their records.
pub type AccessLog = Lines<CallFacts>;

/// Starts the writer of access records.
///
/// # Errors
///
/// The thread cannot be started, or the metric exists already.
pub fn start_access_log(
    registry: &Registry,
    output: impl Write + Send + 'static,
) -> io::Result<AccessLog> {
    let losses =
        Losses::new("dialgate_access_records_lost_total", "Access records that were not written.")
            .and_then(|losses| losses.register(registry).map(|()| losses))
            .map_err(io::Error::other)?;
    Lines::start(losses, output)
}

impl Record for CallFacts {
    const THREAD: &'static str = "access-log";

    /// About 2 MiB. At 10,000 calls a second it bridges 0.8 s.
    const QUEUE: usize = 8192;

    fn render(&self, batch: &mut Vec<u8>) {
        // Words, numbers and writing to memory: nothing here can fail.
        serde_json::to_writer(&mut *batch, &AccessRecord::of(self)).unwrap_or_default();
        batch.push(b'\n');
    }

    fn tell_lost(count: u64) {
        tracing::warn!(
            lost = count,
            "{count} access records were lost, because their output did not take them in time"
        );
    }
}

/// The record as it is written: these names, in this order.
#[derive(Serialize)]
struct AccessRecord<'a> {
    #[serde(serialize_with = "as_text")]
    at: &'a dyn Display,
    #[serde(serialize_with = "as_text")]
    call: &'a dyn Display,
    client: Option<&'a str>,
    peer: IpAddr,
    tls_version: Option<&'static str>,
    tls_cipher: Option<&'static str>,
    http: &'static str,
    method: &'static str,
    status: u16,
    decision: &'static str,
    reason: &'static str,
    source: &'static str,
    caller_id: &'static str,
    sap: &'static str,
    took_us: u64,
    queue_us: Option<u64>,
    sap_us: Option<u64>,
}

impl<'a> AccessRecord<'a> {
    fn of(facts: &'a CallFacts) -> Self {
        let verdict = facts.verdict;
        Self {
            at: &facts.at,
            call: &facts.call,
            client: facts.client.as_ref().map(ClientName::as_str),
            peer: facts.peer,
            tls_version: facts.tls.map(|tls| tls.version),
            tls_cipher: facts.tls.map(|tls| tls.cipher),
            http: facts.http.label(),
            method: facts.method.label(),
            status: facts.status.as_u16(),
            decision: verdict.decision(),
            reason: verdict.reason(),
            source: verdict.source().label(),
            caller_id: verdict.caller_id().map_or("none", CallerId::label),
            sap: facts.sap.map_or("none", SapOutcome::label),
            took_us: microseconds(facts.took),
            queue_us: facts.queue.map(microseconds),
            sap_us: facts.sap_took.map(microseconds),
        }
    }
}

fn as_text<S: Serializer>(value: &dyn Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::{
        domain::Source,
        gateway::facts::{HttpVersion, Verb, Verdict},
        net::TlsFacts,
        telemetry::clock::{CallId, Moment},
    };

    fn facts() -> CallFacts {
        let at = Moment::now();
        CallFacts {
            at,
            call: CallId::new(at),
            client: Some(ClientName::parse("jtel").unwrap()),
            peer: [192, 0, 2, 7].into(),
            tls: Some(TlsFacts {
                version: "TLSv1.3",
                cipher: "TLS13_AES_128_GCM_SHA256",
                resumed: false,
                alpn: "h2",
            }),
            http: HttpVersion::Http2,
            method: Verb::Get,
            status: StatusCode::OK,
            verdict: Verdict::Dial { source: Source::Sap, caller_id: CallerId::Fits },
            sap: None,
            queue: Some(Duration::from_micros(34)),
            sap_took: Some(Duration::from_micros(1200)),
            took: Duration::from_micros(1300),
        }
    }

    #[test]
    fn a_record_is_one_line_of_json_with_these_fields_in_this_order() {
        let facts = facts();
        let mut text = Vec::new();

        facts.render(&mut text);

        let expected = format!(
            concat!(
                r#"{{"at":"{}","call":"{}","client":"jtel","peer":"192.0.2.7","#,
                r#""tls_version":"TLSv1.3","tls_cipher":"TLS13_AES_128_GCM_SHA256","#,
                r#""http":"2","method":"GET","status":200,"decision":"dial","reason":"none","#,
                r#""source":"sap","caller_id":"fits","sap":"none","#,
                r#""took_us":1300,"queue_us":34,"sap_us":1200}}"#,
                "\n"
            ),
            facts.at, facts.call
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn what_is_not_known_is_null_and_what_went_wrong_has_its_word() {
        let mut text = Vec::new();

        CallFacts {
            client: None,
            tls: None,
            verdict: Verdict::Unanswered,
            sap: Some(SapOutcome::Busy),
            queue: None,
            sap_took: None,
            ..facts()
        }
        .render(&mut text);

        let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
        for field in ["client", "tls_version", "tls_cipher", "queue_us", "sap_us"] {
            assert!(record[field].is_null(), "{field} in {record}");
        }
        assert_eq!(record["reason"], "unanswered");
        assert_eq!(record["decision"], "none");
        assert_eq!(record["source"], "none");
        assert_eq!(record["caller_id"], "none");
        assert_eq!(record["sap"], "busy");
    }
}
