//! One call's facts for its record and its metrics, written exactly once: at its end, or when the
//! caller hangs up, or the process is told to end at once, and hyper drops the call.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{HeaderMap, Request, StatusCode};
use tokio::time::Instant;

use crate::{
    config::{SystemName, Traces},
    domain::DialledNumber,
    lookup::{Found, Silence},
    net::Peer,
    sap::Requests,
    telemetry::{
        clock::{CallId, CallIdText, Moment},
        trace::Trace,
    },
};

use super::{
    Gateway, Question,
    audit::Audited,
    auth::Admitted,
    clients::ClientCounters,
    facts::{Basis, CallFacts, Route, Verdict},
    known,
    metrics::InFlight,
    record::AccessRecord,
    recorded::Deciding,
    spans::{CallSpans, LookedUp},
    terms::Terms,
};

/// nginx's word for "closed before the answer"; never sent.
const NO_ANSWER: u16 = 499;

/// A call under way.
pub(super) struct Call<'a> {
    started: Instant,
    /// `None` once they were handed over.
    facts: Option<CallFacts>,
    id: CallId,
    gateway: &'a Gateway,
    client: Option<Arc<ClientCounters>>,
    /// Who asks has shown a password.
    is_known: bool,
    silence: Option<Silence>,
    /// Its spans leave the process.
    is_recorded: bool,
    /// Of a call whose spans do.
    looked_up: Option<LookedUp>,
    /// What is sent for this very call; of a call whose spans leave.
    requests: OnceLock<Arc<Requests>>,
    /// Where there is an audit trail.
    audited: Option<Audited>,
    /// Where records have what was decided on.
    deciding: Option<Box<Deciding>>,
    _in_flight: InFlight,
}

impl<'a> Call<'a> {
    /// Names the call and starts its clock.
    pub(super) fn begin<B>(
        request: &Request<B>,
        from: IpAddr,
        peer: &Peer,
        terms: &Terms,
        gateway: &'a Gateway,
    ) -> Self {
        let at = Moment::now();
        let id = CallId::new(at);
        let facts = CallFacts {
            at,
            call: id,
            client: None,
            client_by: None,
            peer: from,
            socket: peer.socket.ip(),
            tls: peer.tls.clone(),
            http: request.version().into(),
            method: request.method().into(),
            route: Route::OnClickToDial,
            status: StatusCode::from_u16(NO_ANSWER).unwrap_or_default(),
            verdict: Verdict::Unanswered,
            system: None,
            sap: None,
            queue: None,
            sap_took: None,
            took: Duration::ZERO,
            trace: Trace::new(id),
            stamp: terms.stamp(),
            basis: None,
        };
        Self {
            started: Instant::now(),
            facts: Some(facts),
            id,
            gateway,
            client: None,
            is_known: false,
            silence: None,
            is_recorded: false,
            looked_up: None,
            requests: OnceLock::new(),
            audited: gateway.audit.as_ref().map(Audited::begin),
            deciding: None,
            _in_flight: gateway.metrics.call_started(),
        }
    }

    pub(super) fn call(&self) -> CallId {
        self.id
    }

    pub(super) fn id(&self) -> CallIdText {
        self.id.text()
    }

    /// SAP is asked for this call: what ties the requests to it.
    pub(super) fn asks(&self, requests: &Arc<Requests>) -> Trace {
        if self.is_recorded {
            // The first ones count: there are others only where a rule has changed meanwhile.
            let _first = self.requests.set(Arc::clone(requests));
        }
        self.facts.as_ref().map_or_else(|| Trace::new(self.id), |facts| facts.trace.clone())
    }

    /// What is asked.
    pub(super) fn goes(&mut self, route: Route) {
        self.note(|facts| facts.route = route);
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Who asks, and which trace goes on: only of somebody who is known. What strangers send must not
    /// end up in SAP's logs or join calls that have nothing to do with each other.
    pub(super) fn asked_by(
        &mut self,
        Admitted { client, by }: Admitted<'_>,
        headers: &HeaderMap,
        traces: &Traces,
    ) {
        self.client = Some(Arc::clone(&client.counters));
        let (is_known, has_collector) = (client.is_known(), traces.otlp.is_some());
        self.is_known = is_known;
        let mut is_recorded = false;
        self.note(|facts| {
            facts.client = Some(client.name.clone());
            facts.client_by = by;
            let trace = &mut facts.trace;
            if is_known {
                *trace = trace.clone().continued(headers);
            }
            if has_collector && trace.parent.is_none() {
                trace.sampled = trace.id.is_among(traces.sample_percent);
            }
            is_recorded = has_collector && trace.sampled;
        });
        self.is_recorded = is_recorded;
    }

    /// What is asked is known. False: the audit trail cannot be written, and nothing is decided then.
    pub(super) fn is_let_in(&mut self, question: &Question) -> bool {
        self.audited.as_mut().is_none_or(|audited| audited.lets_in(question))
    }

    /// SAP, or what is remembered of it, is asked now.
    pub(super) fn looks_up(&mut self) {
        if self.is_recorded {
            self.looked_up = Some(LookedUp { began: Instant::now(), took: None });
        }
    }

    /// What was waited for, and what SAP did instead of answering.
    pub(super) fn looked_up(&mut self, found: &Found, system: &SystemName) {
        self.note(|facts| {
            facts.system = Some(system.clone());
            facts.queue = found.queued;
            facts.sap_took = found.sap_took;
            facts.sap = found.silence.as_ref().map(Silence::outcome);
        });
        self.silence.clone_from(&found.silence);
        if let Some(looked_up) = &mut self.looked_up {
            looked_up.took = Some(looked_up.began.elapsed());
        }
    }

    /// What was decided on.
    pub(super) fn decided(&mut self, basis: Basis, dialled: Option<&DialledNumber>, terms: &Terms) {
        self.note(|facts| facts.basis = Some(basis));
        self.deciding = terms.ground.as_ref().map(|ground| Box::new(Deciding::of(dialled, ground)));
    }

    fn note(&mut self, fact: impl FnOnce(&mut CallFacts)) {
        if let Some(facts) = &mut self.facts {
            fact(facts);
        }
    }

    /// Adds what somebody who has shown a password gets to see besides.
    pub(super) fn tell_whom_we_know(&self, verdict: Verdict, headers: &mut HeaderMap) {
        if self.is_known
            && let Some(facts) = &self.facts
        {
            known::tell(facts, verdict, self.silence.as_ref(), headers);
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
        let Gateway { metrics, net, recent, .. } = self.gateway;
        facts.took = self.started.elapsed();
        let seconds = facts.took.as_secs_f64();
        match facts.verdict {
            verdict if facts.route == Route::CallerInformation => metrics.told_of_caller(verdict),
            Verdict::Caller { .. } => {}
            Verdict::Dial { source, caller_id } => {
                metrics.dialled(source, seconds);
                metrics.showed(caller_id);
            }
            Verdict::Refuse { reason, source } => metrics.refused(reason, source, seconds),
            Verdict::Malformed(fault) => net.malformed(fault),
            Verdict::NoSuchPath => metrics.path_not_found(),
            Verdict::MethodNotAllowed => metrics.method_not_allowed(),
            Verdict::Unanswered | Verdict::Panic => metrics.unanswered(),
        }
        let is_call = facts.route == Route::OnClickToDial;
        if let Some(client) = &self.client
            && is_call
            && let decision @ ("dial" | "refuse") = facts.verdict.decision()
        {
            client.decided(decision);
        }
        if is_call && matches!(facts.verdict, Verdict::Dial { .. } | Verdict::Refuse { .. }) {
            recent.note(&facts);
        }
        if self.is_recorded
            && let Some(spans) = &self.gateway.spans
        {
            let own = self.requests.take();
            spans.record(CallSpans::of(&facts, self.started, self.looked_up, own));
        }
        if let Some(audited) = self.audited.take() {
            audited.end(&facts);
        }
        if let Some(access) = &self.gateway.access {
            access.record(AccessRecord::Call(facts, self.deciding.take()));
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
