//! Access records: one line of JSON per call, and per connection that came to none, for the auditor.
//!
//! A call only hands its facts over; the thread of [`Lines`] turns them into text and writes it. No
//! record has a query string, a partner or a telephone number.

use std::{
    io::{self, Write},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use prometheus::Registry;

use super::{
    facts::{CallFacts, Route},
    recorded::Deciding,
};
use crate::{
    config::{ClientName, Proof, SystemName},
    domain::{CallerId, ContractNumber, ServiceNumber},
    net::Incident,
    sap::SapOutcome,
    telemetry::lines::{Fragment, Lines, Losses, Object, Record},
};

/// Where calls leave their records.
pub type AccessLog = Lines<AccessRecord>;

/// What there is a record of.
pub enum AccessRecord {
    /// A call, and what it was decided on where records have that.
    Call(CallFacts, Option<Box<Deciding>>),
    /// A connection that came to no call, and the stamp of the terms it came under.
    Incident(Incident, Arc<Fragment>),
}

/// What every record has: which process, which version of the program, and the beginning of the SHA-256
/// of the configuration in force; `null` where that stands in no file.
pub fn stamp(instance: &str, config: &str) -> Fragment {
    Fragment::of(|record| {
        record.text("instance", Some(instance));
        record.plain("version", env!("CARGO_PKG_VERSION"));
        record.text("config", Some(config).filter(|config| !config.is_empty()));
    })
}

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

impl Record for AccessRecord {
    const THREAD: &'static str = "access-log";

    /// About 2 MiB. At 10,000 calls a second it bridges 0.8 s.
    const QUEUE: usize = 8192;

    fn render(&self, batch: &mut Vec<u8>) {
        match self {
            Self::Call(facts, deciding) => facts.render(deciding.as_deref(), batch),
            Self::Incident(incident, stamp) => render_incident(incident, stamp, batch),
        }
    }

    fn tell_lost(count: u64) {
        tracing::warn!(
            lost = count,
            "{count} access records were lost, because their output did not take them in time"
        );
    }
}

impl CallFacts {
    /// These names, in this order. Written by hand: by serde it was a fifth of what a call out of memory
    /// costs (9,900 instructions of 50,000, and is 1,900 so).
    fn render(&self, deciding: Option<&Deciding>, batch: &mut Vec<u8>) {
        let Self { verdict, basis, .. } = self;
        let basis = basis.as_ref();
        let contract_number = basis.and_then(|basis| basis.contract_number.as_ref());
        let service_number = basis.and_then(|basis| basis.service_number);
        let known_since = basis.filter(|basis| basis.known.is_some()).map(|basis| basis.age);

        let mut line = Object::begin(batch);
        line.moment("at", self.at);
        line.plain("call", self.call.text());
        line.text("client", self.client.as_ref().map(ClientName::as_str));
        line.text("client_by", self.client_by.map(Proof::label));
        tell_peer(self.peer, &mut line);
        // The load balancer that has brought the call.
        line.shown("via", Some(self.socket).filter(|socket| *socket != self.peer));
        match &self.tls {
            Some(tls) => line.members(&tls.record),
            None => line.text("tls.protocol.version", None),
        }
        line.plain("http", self.http.label());
        line.plain("method", self.method.label());
        line.number("status", Some(self.status.as_u16().into()));
        if self.route != Route::OnClickToDial {
            line.plain("route", self.route.label());
        }
        line.plain("decision", verdict.decision());
        line.plain("reason", verdict.reason());
        line.plain("source", verdict.source().label());
        line.plain("caller_id", verdict.caller_id().map_or("none", CallerId::label));
        line.text("system", self.system.as_ref().map(SystemName::as_str));
        line.plain("sap", self.sap.map_or("none", SapOutcome::label));
        // The rule that had the last word, as the configuration names it.
        line.text("rule", basis.map(|basis| basis.rule.name()).as_deref());
        line.text("contract_number", contract_number.map(ContractNumber::as_str));
        // What the customer got to see.
        line.text("service_number", service_number.as_ref().map(ServiceNumber::as_str));
        // How long ago SAP had said it.
        line.number("age_s", known_since.map(|age| age.as_secs()));
        line.number("took_us", Some(microseconds(self.took)));
        line.number("queue_us", self.queue.map(microseconds));
        line.number("sap_us", self.sap_took.map(microseconds));
        if let Some((host, over)) = basis.and_then(|basis| basis.requests.as_ref()?.leg()) {
            line.text("sap.server.address", Some(&host));
            match over {
                Some(over) => line.members(&over.record),
                // Not reached.
                None => line.text("sap.network.peer.address", None),
            }
        }
        if let (Some(deciding), Some(basis)) = (deciding, basis) {
            let said = basis.known.as_deref().map(|said| (&said.lookup, &**said.reads()));
            line.json("facts", &deciding.recorded(said));
        }
        line.plain("trace", self.trace.id.digits());
        line.members(&self.stamp);
        line.end();
    }
}

fn tell_peer(address: IpAddr, line: &mut Object<'_>) {
    match address {
        IpAddr::V4(peer) => line.address("peer", peer),
        IpAddr::V6(peer) => line.shown("peer", Some(peer)),
    }
}

fn render_incident(incident: &Incident, stamp: &Fragment, batch: &mut Vec<u8>) {
    let mut line = Object::begin(batch);
    line.moment("at", incident.at);
    line.plain("event", incident.what.label());
    tell_peer(incident.address.ip(), &mut line);
    line.number("port", Some(incident.address.port().into()));
    line.text("reason", Some(&incident.reason));
    if let Some(offered) = &incident.offered {
        offered.tell(&mut line);
    }
    if let Some(tls) = &incident.tls {
        line.members(&tls.record);
    }
    // So many before this one have no record.
    line.number("untold", Some(incident.untold).filter(|untold| *untold > 0));
    line.members(stamp);
    line.end();
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
        net::What,
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

        facts.render(None, &mut text);

        let expected = format!(
            concat!(
                r#"{{"at":"{}","call":"{}","client":"jtel","client_by":"password","#,
                r#""peer":"192.0.2.7","via":null,"#,
                r#""tls.protocol.version":"1.3","tls.cipher":"TLS_AES_128_GCM_SHA256","#,
                r#""tls.curve":"X25519MLKEM768","tls.resumed":false,"tls.next_protocol":"h2","#,
                r#""tls.client.server_name":"gate.example","tls.handshake_ms":2,"#,
                r#""http":"2","method":"GET","status":200,"decision":"dial","reason":"none","#,
                r#""source":"sap","caller_id":"fits","system":"sap","sap":"none","rule":"rules.service_numbers","#,
                r#""contract_number":"Direct salesDE","service_number":"498912345678","#,
                r#""age_s":null,"took_us":1300,"queue_us":34,"sap_us":1200,"trace":"{}","#,
                r#""instance":"0194","version":"{}","config":"1f2e3d"}}"#,
                "\n"
            ),
            facts.at,
            facts.call,
            facts.trace.id,
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_connection_that_came_to_no_call_is_a_line_with_its_reason() {
        let incident = Incident {
            at: Moment::now(),
            address: ([192, 0, 2, 7], 4711).into(),
            what: What::NotHttp,
            reason: "invalid HTTP method parsed".to_owned(),
            offered: None,
            tls: None,
            untold: 3,
        };
        let mut text = Vec::new();

        AccessRecord::Incident(incident, Arc::new(stamp("0194", ""))).render(&mut text);

        let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(record["event"], "not_http");
        assert_eq!((&record["peer"], &record["port"]), (&"192.0.2.7".into(), &4711.into()));
        assert_eq!((&record["untold"], &record["instance"]), (&3.into(), &"0194".into()));
        assert!(record["config"].is_null(), "{record}");
    }

    #[test]
    fn what_is_not_known_is_null_and_what_went_wrong_has_its_word() {
        let mut text = Vec::new();

        CallFacts {
            client: None,
            client_by: None,
            tls: None,
            verdict: Verdict::Unanswered,
            sap: Some(SapOutcome::Busy),
            queue: None,
            sap_took: None,
            basis: None,
            ..facts()
        }
        .render(None, &mut text);

        let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
        for field in [
            "client",
            "tls.protocol.version",
            "client_by",
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
