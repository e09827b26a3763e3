//! One request of a lookup on its way, and what comes of two that belong together.

use http::{StatusCode, uri::PathAndQuery};
use tokio::time::Instant;

use super::{
    dialect::Step,
    error::LookupError,
    reply::{Marks, Read, Sought},
    said::Said,
};
use crate::{
    domain::{BusinessPartner, Lookup},
    telemetry::metrics::SapOutcome,
};

/// One request on its way.
pub(super) struct Asking<'s> {
    pub(super) step: &'s Step,
    pub(super) sought: Sought<'s>,
    pub(super) target: PathAndQuery,
    pub(super) status: Option<StatusCode>,
    pub(super) said: Option<Said>,
    pub(super) started: Instant,
}

impl<'s> Asking<'s> {
    /// A request that is about to be sent.
    pub(super) fn new(step: &'s Step, sought: Sought<'s>) -> Self {
        let target = step.template.render(sought.id.as_str(), sought.phone);
        Self { step, sought, target, status: None, said: None, started: Instant::now() }
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
