//! One request of a lookup on its way, and what comes of two that belong together.

use std::{sync::Arc, time::Duration};

use http::{StatusCode, response, uri::PathAndQuery};
use tokio::time::Instant;

use super::{
    dialect::Step,
    error::LookupError,
    link::transport::Over,
    metrics::SapRequest,
    outcome::SapOutcome,
    reply::{Head, Marks, Read, Reader, Sought, looked::Looked, said::Said},
    requests::Requests,
};
use crate::{
    domain::{BusinessPartner, Lookup},
    net::retry_after::retry_after,
    telemetry::trace::Trace,
};

/// How long SAP is left alone where it wants that and does not say for how long.
const BREATH: Duration = Duration::from_secs(1);

/// When a request counts as not answered, and what then.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// It ends.
    Ends(Instant),
    /// It is waited for all the same: SAP works on it, and a late answer is worth something.
    WaitsOn(Instant),
}

impl Until {
    pub(super) fn deadline(self) -> Instant {
        match self {
            Self::Ends(deadline) | Self::WaitsOn(deadline) => deadline,
        }
    }
}

/// What SAP said of a partner.
#[derive(Clone, Debug)]
pub struct Told {
    /// What is known of him now.
    pub lookup: Lookup,
    /// Where that leads to a refusal, what there is in his record: nothing personal, and not much. Nobody
    /// asks for it of the others, who are many.
    pub looked: Option<Box<Looked>>,
}

impl From<Lookup> for Told {
    fn from(lookup: Lookup) -> Self {
        Self { lookup, looked: None }
    }
}

/// One request on its way.
pub(super) struct Asking<'s> {
    /// The dialect's name for it.
    pub(super) name: &'s Arc<str>,
    pub(super) reader: &'s Reader,
    /// Which connection it may use. Where nothing in the answer proves whose it is, nobody else's may
    /// be on the connection.
    pub(super) over: Over,
    /// It went over a connection that somebody else had used before.
    pub(super) over_kept: bool,
    pub(super) sought: Sought<'s>,
    pub(super) target: PathAndQuery,
    /// Counted as long as it is under way; `None`: SAP was not asked, only the door.
    pub(super) sent: Option<SapRequest>,
    pub(super) status: Option<StatusCode>,
    pub(super) said: Option<Said>,
    /// What was read, for those who want to know why.
    pub(super) body: Option<Vec<u8>>,
    pub(super) started: Instant,
    pub(super) until: Until,
    /// Whose call it is, for SAP's own logs.
    pub(super) trace: Option<&'s Trace>,
    /// Where it is written down what was sent.
    pub(super) requests: &'s Requests,
}

impl<'s> Asking<'s> {
    /// A request that is about to be sent.
    pub(super) fn new(
        step: &'s Step,
        sought: Sought<'s>,
        (trace, requests): (Option<&'s Trace>, &'s Requests),
        until: Until,
    ) -> Self {
        Self {
            name: &step.name,
            reader: &step.reader,
            over: if step.alone { Over::Alone } else { Over::Any },
            over_kept: false,
            target: step.template.render(sought.id.as_str(), sought.phone),
            sought,
            sent: None,
            status: None,
            said: None,
            body: None,
            started: Instant::now(),
            until,
            trace,
            requests,
        }
    }

    /// The same once more, over a connection of its own; nothing of the first try counts.
    pub(super) fn again(&mut self) {
        if self.over == Over::Any {
            self.over = Over::Fresh;
        }
        self.over_kept = false;
        self.sent = None;
        self.status = None;
        self.said = None;
        self.body = None;
    }
}

/// A status that says no, with SAP's own code for it.
pub(super) fn refused(
    host: Arc<str>,
    kind: &Head,
    head: &response::Parts,
    said: Option<&Said>,
) -> LookupError {
    let code = said.and_then(|said| said.code.clone());
    let (status, retry_after) = (head.status, retry_after(&head.headers));
    match kind {
        Head::Forbidden => LookupError::Forbidden { host, code },
        Head::Throttled => {
            let again_in = retry_after.unwrap_or(BREATH);
            LookupError::Throttled { host, again_in, code }
        }
        _ => LookupError::Status { host, status, retry_after, code },
    }
}

/// A partner that leads on to nobody: known, but without anything to show a number by.
pub(super) fn without_another(marks: Marks) -> Lookup {
    let Marks { blocked, contact_refused, facts } = marks;
    Lookup::Found(BusinessPartner::new(None, None, blocked, contact_refused).with_facts(facts))
}

/// What is known of the other partner, with the marks of both: the call is to the first and counts
/// for the second.
pub(super) fn with_marks(known: Lookup, marks: Marks) -> Lookup {
    match known {
        Lookup::Found(mut partner) => {
            partner.blocked |= marks.blocked;
            partner.contact_refused |= marks.contact_refused;
            partner.facts.extend(marks.facts);
            Lookup::Found(partner)
        }
        Lookup::Unknown => without_another(marks),
        Lookup::Ambiguous(what) => Lookup::Ambiguous(what),
    }
}

pub(super) fn outcome_of(result: &Result<Read, LookupError>) -> SapOutcome {
    match result {
        Ok(Read::Known(Lookup::Found(_)) | Read::LeadsOn { .. }) => SapOutcome::Found,
        Ok(Read::Known(Lookup::Unknown)) => SapOutcome::Unknown,
        Ok(Read::Known(Lookup::Ambiguous(_))) => SapOutcome::Ambiguous,
        Err(error) => error.outcome(),
    }
}

/// What there is in a record from which nobody can tell channel and country.
pub(super) fn why_refused(
    asked: &Asking<'_>,
    result: &Result<Read, LookupError>,
) -> Option<Box<Looked>> {
    let is_refused = match result {
        Ok(Read::Known(Lookup::Ambiguous(_))) => true,
        Ok(Read::Known(Lookup::Found(partner))) => partner.contract_number().is_none(),
        Ok(Read::Known(Lookup::Unknown) | Read::LeadsOn { .. }) | Err(_) => false,
    };
    let body = asked.body.as_deref().filter(|_| is_refused)?;
    asked.reader.looked(body).map(Looked::bounded).map(Box::new)
}
