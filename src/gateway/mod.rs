//! One call from jtel, request to answer.
//!
//! [`Gateway::handle`] always answers and always records; `Gateway::answer` is the call's way
//! from top to bottom and may leave early. Its order is a security property: proper HTTP, the
//! path, who asks, how many at once, what is asked, what SAP knows, the decision.

mod answer;
mod asking;
mod audit;
mod auth;
mod barring;
mod call;
mod caller;
mod clients;
mod drop_in;
mod facts;
mod form;
mod known;
mod metrics;
mod openapi;
mod origin;
mod parity;
mod places;
mod query;
mod recent;
mod record;
mod recorded;
pub(crate) mod schema;
mod spans;
mod terms;
mod why;

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Body;

use crate::{
    domain::{
        CallerId, Decided, Decision, Dial, DialledNumber, PartnerId, Reason, Source, decide,
        decide_without_sap,
    },
    lookup::{Found, Partners, Silence},
    net::{NetMetrics, Peer, otlp::Exporter, wire},
    sap::SapOutcome,
};

use answer::{Answer, Text, dial_head};
use call::Call;
use form::{Form, question, route};
use places::Places;

pub use answer::status_of;
pub use audit::{AuditTrail, AuditedCall};
pub use auth::{Admitted, Client, Clients, Turned, one_of};
pub use barring::{Barring, BarringMetrics, Door};
pub use caller::{CallerError, CallerWanted};
pub use clients::{ClientMetrics, UNKNOWN_CLIENT};
pub use drop_in::{DropInError, Wanted};
pub use facts::{Basis, CallFacts, HttpVersion, Route, Told, Verb, Verdict};
pub use metrics::CallMetrics;
pub use openapi::{Endpoint, Site, endpoint};
pub use origin::origin;
pub use parity::{Parity, ParityKind, ParityReport, ParityTold};
pub use query::{Query, QueryError};
pub use recent::{Cursor, News, Recent};
pub use record::{AccessLog, AccessRecord, stamp, start_access_log};
pub use recorded::{Ground, Recorded, RecordedFault, Untold};
pub use spans::CallSpans;
pub use terms::Terms;
pub use why::{Case, Number, place, several};

/// Stands for the ID of a partner that is asked for by number.
const NO_ID: &str = "0";

/// Answers calls. One for the process; calls share it. Reloads exchange its terms.
pub struct Gateway {
    terms: ArcSwap<Terms>,
    places: Places,
    partners: Arc<Partners>,
    metrics: Arc<CallMetrics>,
    net: Arc<NetMetrics>,
    access: Option<AccessLog>,
    recent: Recent,
    spans: Option<Exporter<CallSpans>>,
    audit: Option<AuditTrail>,
    barring: Barring,
    admin_barring: Barring,
    parity: Parity,
}

/// What is asked, in whichever form.
struct Question {
    partner: PartnerId,
    dialled: Option<DialledNumber>,
}

impl Gateway {
    /// Puts the parts together; `access` is `None` where no records are wanted.
    pub fn new(
        terms: Arc<Terms>,
        partners: Arc<Partners>,
        metrics: Arc<CallMetrics>,
        net: Arc<NetMetrics>,
        access: Option<AccessLog>,
    ) -> Self {
        let parity = Parity::default();
        parity.follow(&terms);
        let terms = ArcSwap::new(terms);
        let (places, recent) = (Places::default(), Recent::default());
        let [barring, admin_barring] =
            [Door::Calls, Door::Admin].map(|door| Barring::new(door, &metrics.barring));
        let (spans, audit) = (None, None);
        Self {
            terms,
            places,
            partners,
            metrics,
            net,
            access,
            recent,
            spans,
            audit,
            barring,
            admin_barring,
            parity,
        }
    }

    /// With the way that spans leave on, where the terms name a collector.
    #[must_use]
    pub fn with_spans(self, spans: Exporter<CallSpans>) -> Self {
        Self { spans: Some(spans), ..self }
    }

    /// With the audit trail.
    #[must_use]
    pub fn with_audit(self, audit: Option<AuditTrail>) -> Self {
        Self { audit, ..self }
    }

    /// The audit trail; `None`: there is none.
    pub fn audit(&self) -> Option<&AuditTrail> {
        self.audit.as_ref()
    }

    /// What was decided lately.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Addresses that show wrong passwords here.
    pub fn barring(&self) -> &Barring {
        &self.barring
    }

    /// Addresses that show wrong passwords on the admin listener.
    pub fn admin_barring(&self) -> &Barring {
        &self.admin_barring
    }

    /// What calls would be told by other systems' answers.
    pub fn parity(&self) -> &Parity {
        &self.parity
    }

    /// The terms in force.
    pub fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    /// Calls that begin from now on are answered under these terms.
    pub fn exchange(&self, terms: Arc<Terms>) {
        self.parity.follow(&terms);
        self.terms.store(terms);
    }

    /// Answers one request and leaves exactly one record of it, also when the caller hangs up.
    pub async fn handle<B: Body>(&self, request: Request<B>, peer: &Peer) -> Response<Full<Bytes>> {
        let terms = self.terms();
        let trusted = &terms.config.listen.trusted_proxies;
        let from = origin(request.headers(), peer.address.ip(), trusted);
        let mut call = Call::begin(&request, from, peer, &terms, self);
        let answer = match self.answer(&terms, &request, from, peer, &mut call).await {
            Ok(answer) | Err(answer) => answer,
        };
        let mut response = answer.response(terms.config.answers, &call.id(), &request);
        call.tell_whom_we_know(answer.verdict(), response.headers_mut());
        call.end(answer.verdict(), response.status());
        response
    }

    /// The way of a call. What ends it early is an answer as well.
    async fn answer<B: Body>(
        &self,
        terms: &Terms,
        request: &Request<B>,
        from: IpAddr,
        peer: &Peer,
        call: &mut Call<'_>,
    ) -> Result<Answer, Answer> {
        let listen = &terms.config.listen;
        wire::check(request, &listen.limits).map_err(Answer::Malformed)?;
        let (form, path) = route(request, &terms.config)?;
        call.goes(form.into());
        let now = call.started();
        if let Some(rules) = &terms.config.wrong_credentials
            && let Some(left) = self.barring.left(from, now, rules)
        {
            return Err(Answer::Barred(left));
        }
        let admitted = match terms.clients.who_asks(request.headers(), from, peer) {
            Ok(admitted) => admitted,
            Err(turned) => {
                self.barring.turned_away(&turned, from, terms, now).await;
                return Err(Answer::UNAUTHORIZED);
            }
        };
        if admitted.by.is_some() && terms.config.wrong_credentials.is_some() {
            self.barring.let_in(from, now);
        }
        let client = &admitted.client.name;
        call.asked_by(admitted, request.headers(), &terms.config.traces);
        let _place = self.places.take(listen.max_calls).ok_or(Answer::OVERLOADED)?;
        let question = question(form, request.uri().query().unwrap_or_default(), terms)?;
        if !call.is_let_in(&question) {
            return Err(Answer::UNRECORDED);
        }
        let route = terms.config.systems.route(path, client, question.partner);
        let route = route.ok_or(Answer::NOT_ROUTED)?;
        if form == Form::Caller {
            // In a box of its own, so that calls, which are many, do not carry its room along.
            return Box::pin(self.tell_caller(&question, (terms, route), call)).await;
        }

        let found = self.look_up(&question, (terms, route), call).await;
        let found = found.ok_or(Answer::NOT_ROUTED)?;

        let (dialled, rules) = (question.dialled.as_ref(), &terms.config.rules);
        let (decided, source) = match &found.known {
            Some(known) => (decide(&known.lookup, dialled, rules), found.source),
            None => (decide_without_sap(dialled, rules), Source::Default),
        };
        call.decided(basis(&found, &decided, terms), dialled, terms);
        match decided.decision {
            Decision::Dial(dial) => {
                let text = match form {
                    Form::Own => Text::Head(head(&dial, &found, terms)),
                    Form::DropIn | Form::Caller => Text::Whole(drop_in::body(&dial)),
                };
                Ok(Answer::Dial(text, source, dial.caller_id))
            }
            Decision::Refuse(Reason::SapUnavailable) => Err(without_sap(found.silence.as_ref())),
            Decision::Refuse(reason) => Err(Answer::Refuse(reason, source)),
        }
    }
}

/// What a decision was made on.
fn basis(found: &Found, decided: &Decided<'_>, terms: &Terms) -> Basis {
    let (contract_number, service_number) = match &decided.decision {
        Decision::Dial(dial) => (Some(dial.contract_number.clone()), dial.service_number),
        Decision::Refuse(_) => (None, None),
    };
    Basis {
        terms: terms.rules,
        rule: decided.rule,
        known: found.known.clone(),
        age: found.age,
        requests: found.requests.clone(),
        contract_number,
        service_number,
    }
}

/// The part of the answer that is the same for every call about this partner.
fn head(dial: &Dial<'_>, found: &Found, terms: &Terms) -> Bytes {
    let is_own = !dial.by_default && dial.caller_id != CallerId::Fallback;
    match &found.known {
        Some(known) if is_own => known.head(terms.rules, dial.service_number, || dial_head(dial)),
        _ => terms.ready_head(dial),
    }
}

/// Nothing is known of the partner, and the rules dial nobody then.
fn without_sap(silence: Option<&Silence>) -> Answer {
    match silence {
        Some(silence) if silence.is_our_own_queue() => Answer::OVERLOADED,
        silence => {
            let outcome = silence.map(Silence::outcome);
            Answer::SapUnavailable { timed_out: outcome == Some(SapOutcome::Deadline) }
        }
    }
}
