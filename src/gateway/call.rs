//! One call's facts for its record and its metrics, written exactly once: at its end, or when the
//! caller hangs up, or the process is told to end at once, and hyper drops the call.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Method, Request, StatusCode, Version};
use tokio::time::Instant;

use crate::{
    domain::{CallerId, Source},
    net::Peer,
    telemetry::{
        access::{AccessLog, AccessRecord},
        clock::{CallId, CallIdText, Moment},
        metrics::NetMetrics,
        trace::Trace,
    },
};

use super::{
    answer::Answer,
    metrics::{CallMetrics, InFlight},
};

/// nginx's word for "closed before the answer"; never sent.
const NO_ANSWER: u16 = 499;

/// A call under way.
pub(super) struct Call<'a> {
    started: Instant,
    record: Option<AccessRecord>,
    id: CallId,
    metrics: &'a CallMetrics,
    net: &'a NetMetrics,
    access: Option<&'a AccessLog>,
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
    ) -> Self {
        let at = Moment::now();
        let id = CallId::new(at);
        let record = AccessRecord {
            at,
            call: id,
            client: None,
            peer: peer.address.ip(),
            tls: peer.tls.map(|tls| (tls.version, tls.cipher)),
            http: version(request.version()),
            method: method(request.method()),
            status: NO_ANSWER,
            decision: "none",
            reason: "unanswered",
            source: Source::None.label(),
            caller_id: "none",
            sap: "none",
            took_us: 0,
            sap_us: None,
        };
        Self {
            started: Instant::now(),
            record: Some(record),
            id,
            metrics,
            net,
            access,
            _in_flight: metrics.call_started(),
        }
    }

    pub(super) fn id(&self) -> CallIdText {
        self.id.text()
    }

    /// What ties requests to SAP to this call; `headers` are the caller's.
    pub(super) fn trace(&self, headers: &HeaderMap) -> Trace {
        Trace::of(self.id, headers)
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    pub(super) fn asked_by(&mut self, client: &Arc<str>) {
        self.note(|record| record.client = Some(Arc::clone(client)));
    }

    /// Zero where memory answered.
    pub(super) fn waited_for_sap(&mut self, waited: Duration) {
        if !waited.is_zero() {
            self.note(|record| record.sap_us = Some(microseconds(waited)));
        }
    }

    /// SAP gave no usable answer; `label` says what it did.
    pub(super) fn sap_was_silent(&mut self, label: &'static str) {
        let waited = self.started.elapsed();
        self.note(|record| {
            record.sap = label;
            record.sap_us = Some(microseconds(waited));
        });
    }

    fn note(&mut self, fact: impl FnOnce(&mut AccessRecord)) {
        if let Some(record) = &mut self.record {
            fact(record);
        }
    }

    /// The answer is on its way.
    pub(super) fn end(mut self, answer: &Answer, status: StatusCode) {
        let seconds = self.started.elapsed().as_secs_f64();
        let source = answer.source();
        match answer {
            Answer::Dial(_, _, caller_id) => {
                self.metrics.dialled(source, seconds);
                self.metrics.showed(*caller_id);
            }
            Answer::NotFound => self.metrics.path_not_found(),
            Answer::MethodNotAllowed => self.metrics.method_not_allowed(),
            Answer::Malformed(fault) => self.net.malformed(fault.label()),
            Answer::BadQuery(_) | Answer::SapUnavailable { .. } | Answer::Refuse(..) => {
                if let Some(reason) = answer.reason() {
                    self.metrics.refused(reason, source, seconds);
                }
            }
        }
        self.note(|record| {
            record.status = status.as_u16();
            record.decision = answer.decision();
            record.reason = answer.reason_label();
            record.source = source.label();
            record.caller_id = answer.caller_id().map_or("none", CallerId::label);
        });
        self.write();
    }

    fn write(&mut self) {
        if let (Some(mut record), Some(access)) = (self.record.take(), self.access) {
            record.took_us = microseconds(self.started.elapsed());
            access.record(record);
        }
        self.record = None;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.record.is_some() {
            if std::thread::panicking() {
                self.note(|record| record.reason = "panic");
            }
            self.metrics.unanswered();
            self.write();
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        _ => "other",
    }
}

/// Methods are text from the network; records take their words from here.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
