//! A call as spans: itself, the lookup, and what the lookup waited for. Made by those who send them,
//! after the call: whoever answers only hands over what is known anyway.
//!
//! ```text
//! call (server)
//! └─ lookup            linked to the call that asked, where it shared that one's requests
//!    ├─ queue          for a place among the requests to SAP
//!    ├─ token          for one from the token server
//!    └─ sap (client)   each request; SAP gets this span's ID in `traceparent`
//! ```
//!
//! They have words of closed lists, times, the client's name, and hosts of the configuration. No query,
//! no partner, no number, no address of a peer.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::facts::{CallFacts, Verb, Verdict};
use crate::{
    config::ClientName,
    domain::{CallerId, Reason, Rule},
    net::otlp::{Kind, Span, Traced},
    sap::{Requests, SapOutcome, Sent},
    telemetry::trace::SpanId,
};

/// What the spans of one call are made of.
pub struct CallSpans {
    /// Without what the decision was made on.
    facts: CallFacts,
    rule: Option<Rule>,
    started: Instant,
    looked_up: Option<LookedUp>,
    requests: Option<Arc<Requests>>,
}

/// When SAP, or what is remembered of it, was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookedUp {
    pub(super) began: Instant,
    /// `None`: the call ended before.
    pub(super) took: Option<Duration>,
}

impl CallSpans {
    /// Of a call that is over. `own`: what was sent for it, where it ended before it heard of it.
    pub(super) fn of(
        facts: &CallFacts,
        started: Instant,
        looked_up: Option<LookedUp>,
        own: Option<Arc<Requests>>,
    ) -> Self {
        let basis = facts.basis.as_ref();
        let requests = basis.and_then(|basis| basis.requests.clone()).or(own);
        let rule = basis.map(|basis| basis.rule);
        let (client, trace) = (facts.client.clone(), facts.trace.clone());
        let facts = CallFacts {
            client,
            trace,
            tls: facts.tls.clone(),
            system: facts.system.clone(),
            stamp: Arc::clone(&facts.stamp),
            basis: None,
            ..*facts
        };
        Self { facts, rule, started, looked_up, requests }
    }

    /// What was sent for this very call.
    fn own_requests(&self) -> Option<&Requests> {
        let own = |requests: &&Requests| {
            requests.trace().is_some_and(|trace| trace.span == self.facts.trace.span)
        };
        self.requests.as_deref().filter(own)
    }

    /// A part of the call; times of the monotonic clock become those of the wall.
    fn part(&self, name: &str, kind: Kind, began: Instant, took: Duration) -> Span {
        let start = self.facts.at.unix_nanoseconds()
            + nanoseconds(began.saturating_duration_since(self.started));
        Span {
            trace: self.facts.trace.id,
            id: SpanId::new(),
            parent: Some(self.facts.trace.span),
            is_parent_remote: false,
            name: name.to_owned(),
            kind,
            start,
            end: start + nanoseconds(took),
            attributes: Vec::new(),
            error: None,
            link: None,
        }
    }

    fn call(&self) -> Span {
        let facts = &self.facts;
        let mut span = Span {
            id: facts.trace.span,
            parent: facts.trace.parent,
            is_parent_remote: facts.trace.parent.is_some(),
            ..self.part("call", Kind::Server, self.started, facts.took)
        };
        let method = if facts.method == Verb::Other { "_OTHER" } else { facts.method.label() };
        span.note("http.request.method", method);
        span.note("http.response.status_code", facts.status.as_u16());
        span.note("network.protocol.version", facts.http.label());
        span.note("dialgate.call", facts.call.to_string());
        span.note_if_any("dialgate.client", facts.client.as_ref().map(ClientName::as_str));
        let verdict = facts.verdict;
        span.note("dialgate.decision", verdict.decision());
        span.note("dialgate.reason", verdict.reason());
        span.note("dialgate.source", verdict.source().label());
        span.note_if_any("dialgate.caller_id", verdict.caller_id().map(CallerId::label));
        span.note_if_any("dialgate.rule", self.rule.map(|rule| rule.to_string()));
        // What a rule refuses has not failed.
        if let Verdict::Refuse { reason: Reason::SapUnavailable | Reason::Overloaded, .. }
        | Verdict::Unanswered
        | Verdict::Panic = verdict
        {
            span.fail(verdict.reason());
        }
        span
    }

    fn lookup(&self, looked_up: LookedUp) -> Span {
        let left = || self.facts.took.saturating_sub(looked_up.began - self.started);
        let took = looked_up.took.unwrap_or_else(left);
        let mut span = self.part("lookup", Kind::Internal, looked_up.began, took);
        span.note("dialgate.source", self.facts.verdict.source().label());
        if let (Some(requests), None) = (&self.requests, self.own_requests()) {
            span.note("dialgate.shared", true);
            let others = requests.trace().filter(|trace| trace.sampled);
            span.link = others.map(|trace| (trace.id, trace.span));
        }
        if let Some(outcome) = self.facts.sap {
            span.fail(outcome.label());
        }
        span
    }

    fn request(&self, sent: &Sent) -> Span {
        let name = if sent.is_token { "token" } else { "sap" };
        let took = sent.took.unwrap_or_else(|| sent.began.elapsed());
        let mut span = self.part(name, Kind::Client, sent.began, took);
        span.id = sent.span;
        if !sent.is_token {
            span.note("dialgate.step", &*sent.step);
            span.note("http.request.method", "GET");
        }
        span.note_if_any("http.response.status_code", sent.status.map(|status| status.as_u16()));
        let (host, port) = sent.host.rsplit_once(':').unwrap_or((&sent.host, ""));
        span.note("server.address", host);
        span.note_if_any("server.port", port.parse::<u16>().ok());
        span.note_if_any("dialgate.outcome", sent.outcome.map(SapOutcome::label));
        match sent.outcome {
            Some(outcome) if !outcome.is_answer() => span.fail(outcome.label()),
            // SAP works on it although nobody waits any more; or another address was asked.
            None => span.note("dialgate.unfinished", true),
            Some(_) => {}
        }
        span
    }
}

impl Traced for CallSpans {
    fn count(&self) -> u64 {
        let Some(_) = self.looked_up else { return 1 };
        let own = self.own_requests();
        let queue = u64::from(own.is_some() && self.facts.waited_for_place().is_some());
        2 + queue + own.map_or(0, |requests| requests.count() as u64)
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans = vec![self.call()];
        let Some(looked_up) = self.looked_up else { return spans };
        let lookup = self.lookup(looked_up);
        let parent = Some(lookup.id);
        spans.push(lookup);
        if let Some(requests) = self.own_requests() {
            let queue = self.facts.waited_for_place();
            let queue = queue.map(|took| self.part("queue", Kind::Internal, looked_up.began, took));
            let sent = requests.all();
            let parts = queue.into_iter().chain(sent.iter().map(|sent| self.request(sent)));
            spans.extend(parts.map(|part| Span { parent, ..part }));
        }
        spans
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
