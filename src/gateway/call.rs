//! One call's facts for its record and its metrics, written exactly once: at its end, or when the
//! caller hangs up, or the process is told to end at once, and hyper drops the call.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Request, StatusCode};
use tokio::time::Instant;

use crate::{
    lookup::{Found, Silence},
    net::{NetMetrics, Peer},
    telemetry::{
        clock::{CallId, CallIdText, Moment},
        trace::Trace,
    },
};

use super::{
    auth::Client,
    clients::ClientCounters,
    facts::{Basis, CallFacts, Verdict},
    metrics::{CallMetrics, InFlight},
    recent::Recent,
    record::AccessLog,
};

/// nginx's word for "closed before the answer"; never sent.
const NO_ANSWER: u16 = 499;

/// A call under way.
pub(super) struct Call<'a> {
    started: Instant,
    /// `None` once they were handed over.
    facts: Option<CallFacts>,
    id: CallId,
    metrics: &'a CallMetrics,
    net: &'a NetMetrics,
    access: Option<&'a AccessLog>,
    recent: &'a Recent,
    client: Option<Arc<ClientCounters>>,
    _in_flight: InFlight,
}

impl<'a> Call<'a> {
    /// Names the call and starts its clock.
    pub(super) fn begin<B>(
        request: &Request<B>,
        peer: &Peer,
        metrics: &'a CallMetrics,
        net: &'a NetMetrics,
        access: Option<&'a AccessLog>,
        recent: &'a Recent,
    ) -> Self {
        let at = Moment::now();
        let id = CallId::new(at);
        let facts = CallFacts {
            at,
            call: id,
            client: None,
            peer: peer.address.ip(),
            tls: peer.tls,
            http: request.version().into(),
            method: request.method().into(),
            status: StatusCode::from_u16(NO_ANSWER).unwrap_or_default(),
            verdict: Verdict::Unanswered,
            sap: None,
            queue: None,
            sap_took: None,
            took: Duration::ZERO,
            trace: Trace::new(id),
            basis: None,
        };
        Self {
            started: Instant::now(),
            facts: Some(facts),
            id,
            metrics,
            net,
            access,
            recent,
            client: None,
            _in_flight: metrics.call_started(),
        }
    }

    pub(super) fn id(&self) -> CallIdText {
        self.id.text()
    }

    /// What ties requests to SAP to this call.
    pub(super) fn trace(&self) -> Trace {
        self.facts.as_ref().map_or_else(|| Trace::new(self.id), |facts| facts.trace)
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Who asks, and which trace goes on: only of somebody who is known. What strangers send must not
    /// end up in SAP's logs or join calls that have nothing to do with each other.
    pub(super) fn asked_by(&mut self, client: &Client, headers: &HeaderMap) {
        self.client = Some(Arc::clone(&client.counters));
        let trace = client.is_known().then(|| Trace::of(self.id, headers));
        self.note(|facts| {
            facts.client = Some(client.name.clone());
            facts.trace = trace.unwrap_or(facts.trace);
        });
    }

    /// What was waited for, and what SAP did instead of answering.
    pub(super) fn looked_up(&mut self, found: &Found) {
        self.note(|facts| {
            facts.queue = found.queued;
            facts.sap_took = found.sap_took;
            facts.sap = found.silence.as_ref().map(Silence::outcome);
        });
    }

    /// What was decided on.
    pub(super) fn decided(&mut self, basis: Basis) {
        self.note(|facts| facts.basis = Some(basis));
    }

    fn note(&mut self, fact: impl FnOnce(&mut CallFacts)) {
        if let Some(facts) = &mut self.facts {
            fact(facts);
        }
    }

    /// The answer is on its way.
    pub(super) fn end(mut self, verdict: Verdict, status: StatusCode) {
        self.note(|facts| {
            facts.status = status;
            facts.verdict = verdict;
        });
        self.tell();
    }

    /// Counts the call and hands its facts over; once.
    fn tell(&mut self) {
        let Some(mut facts) = self.facts.take() else { return };
        facts.took = self.started.elapsed();
        let seconds = facts.took.as_secs_f64();
        match facts.verdict {
            Verdict::Dial { source, caller_id } => {
                self.metrics.dialled(source, seconds);
                self.metrics.showed(caller_id);
            }
            Verdict::Refuse { reason, source } => self.metrics.refused(reason, source, seconds),
            Verdict::Malformed(fault) => self.net.malformed(fault),
            Verdict::NoSuchPath => self.metrics.path_not_found(),
            Verdict::MethodNotAllowed => self.metrics.method_not_allowed(),
            Verdict::Unanswered | Verdict::Panic => self.metrics.unanswered(),
        }
        if let Some(client) = &self.client
            && let decision @ ("dial" | "refuse") = facts.verdict.decision()
        {
            client.decided(decision);
        }
        if matches!(facts.verdict, Verdict::Dial { .. } | Verdict::Refuse { .. }) {
            self.recent.note(&facts);
        }
        if let Some(access) = self.access {
            access.record(facts);
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.note(|facts| facts.verdict = Verdict::Panic);
        }
        self.tell();
    }
}
