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
    domain::{CallerId, ContractNumber, Rule, ServiceNumber},
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
    /// The rule that had the last word, as the configuration names it.
    #[serde(serialize_with = "as_text_if_any")]
    rule: Option<Rule>,
    contract_number: Option<&'a str>,
    /// What the customer got to see.
    #[serde(serialize_with = "as_text_if_any")]
    service_number: Option<ServiceNumber>,
    /// How long ago SAP had said it.
    age_s: Option<u64>,
    took_us: u64,
    queue_us: Option<u64>,
    sap_us: Option<u64>,
    #[serde(serialize_with = "as_text")]
    trace: &'a dyn Display,
}

impl<'a> AccessRecord<'a> {
    fn of(facts: &'a CallFacts) -> Self {
        let verdict = facts.verdict;
        let basis = facts.basis.as_ref();
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
            rule: basis.map(|basis| basis.rule),
            contract_number: basis
                .and_then(|basis| basis.contract_number.as_ref().map(ContractNumber::as_str)),
            service_number: basis.and_then(|basis| basis.service_number),
            age_s: basis.filter(|basis| basis.known.is_some()).map(|basis| basis.age.as_secs()),
            took_us: microseconds(facts.took),
            queue_us: facts.queue.map(microseconds),
            sap_us: facts.sap_took.map(microseconds),
            trace: &facts.trace.id,
        }
    }
}

fn as_text<S: Serializer>(value: &dyn Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[expect(clippy::ref_option, reason = "serde hands over what the record has")]
fn as_text_if_any<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Source,
        gateway::facts::{Verdict, testing},
        telemetry::clock::{CallId, Moment},
    };

    fn facts() -> CallFacts {
        let verdict = Verdict::Dial { source: Source::Sap, caller_id: CallerId::Fits };
        testing::facts(CallId::new(Moment::now()), verdict)
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
                r#""source":"sap","caller_id":"fits","sap":"none","rule":"rules.service_numbers","#,
                r#""contract_number":"Direct salesDE","service_number":"498912345678","#,
                r#""age_s":null,"took_us":1300,"queue_us":34,"sap_us":1200,"trace":"{}"}}"#,
                "\n"
            ),
            facts.at, facts.call, facts.trace.id
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
            basis: None,
            ..facts()
        }
        .render(&mut text);

        let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
        for field in [
            "client",
            "tls_version",
            "tls_cipher",
            "rule",
            "contract_number",
            "service_number",
            "age_s",
            "queue_us",
            "sap_us",
        ] {
            assert!(record[field].is_null(), "{field} in {record}");
        }
        assert_eq!(record["reason"], "unanswered");
        assert_eq!(record["decision"], "none");
        assert_eq!(record["source"], "none");
        assert_eq!(record["caller_id"], "none");
        assert_eq!(record["sap"], "busy");
    }
}
