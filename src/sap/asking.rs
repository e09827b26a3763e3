//! One request of a lookup on its way, and what comes of two that belong together.

use std::{sync::Arc, time::Duration};

use http::{StatusCode, response, uri::PathAndQuery};
use tokio::time::Instant;

use crate::sap::{
    dialect::Step,
    error::LookupError,
    hold::retry_after,
    metrics::SapOutcome,
    reply::said::Said,
    reply::{Head, Marks, Read, Sought},
};
use crate::{
    domain::{BusinessPartner, Lookup},
    telemetry::trace::Trace,
};

/// How long SAP is left alone where it wants that and does not say for how long.
const BREATH: Duration = Duration::from_secs(1);

/// One request on its way.
pub(super) struct Asking<'s> {
    pub(super) step: &'s Step,
    pub(super) sought: Sought<'s>,
    pub(super) target: PathAndQuery,
    pub(super) status: Option<StatusCode>,
    pub(super) said: Option<Said>,
    pub(super) started: Instant,
    /// Whose call it is, for SAP's own logs.
    pub(super) trace: Option<&'s Trace>,
}

impl<'s> Asking<'s> {
    /// A request that is about to be sent.
    pub(super) fn new(step: &'s Step, sought: Sought<'s>, trace: Option<&'s Trace>) -> Self {
        let target = step.template.render(sought.id.as_str(), sought.phone);
        Self { step, sought, target, status: None, said: None, started: Instant::now(), trace }
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
    let Marks { blocked, contact_refused, flags } = marks;
    Lookup::Found(BusinessPartner::new(None, None, blocked, contact_refused).with_flags(flags))
}

/// What is known of the other partner, with the marks of both: the call is to the first and counts
/// for the second.
pub(super) fn with_marks(known: Lookup, marks: Marks) -> Lookup {
    match known {
        Lookup::Found(mut partner) => {
            partner.blocked |= marks.blocked;
            partner.contact_refused |= marks.contact_refused;
            partner.flags |= marks.flags;
            Lookup::Found(partner)
        }
        Lookup::Unknown => without_another(marks),
        Lookup::Ambiguous => Lookup::Ambiguous,
    }
}

pub(super) fn outcome_of(result: &Result<Read, LookupError>) -> SapOutcome {
    match result {
        Ok(Read::Known(Lookup::Found(_)) | Read::LeadsOn { .. }) => SapOutcome::Found,
        Ok(Read::Known(Lookup::Unknown)) => SapOutcome::Unknown,
        Ok(Read::Known(Lookup::Ambiguous)) => SapOutcome::Ambiguous,
        Err(error) => error.outcome(),
    }
}
