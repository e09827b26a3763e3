//! A lookup for those who wait for nothing but its end: `dialgate explain`, `check --connect` and
//! tests.

use std::{pin::pin, sync::Arc, time::Duration};

use http::StatusCode;
use tokio::time::Instant;

use super::{
    asking::{Asking, Until, outcome_of},
    client::{Question, SapClient},
    door::Urgency,
    error::LookupError,
    outcome::SapOutcome,
    reply::{Read, looked::Looked, said::Said},
    requests::Requests,
};
use crate::domain::{DialledNumber, Lookup, PartnerId};

/// One request of a lookup, for `dialgate explain`. Shows the partner's ID: for a person at the
/// keyboard, never for a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The dialect's step.
    pub step: Arc<str>,
    /// Path and query as they were sent.
    pub target: String,
    /// `None`: no answer came.
    pub status: Option<StatusCode>,
    /// From asking to knowing.
    pub took: Duration,
    /// How it ended.
    pub outcome: SapOutcome,
    /// What was read, unless it was an error, or led on to another partner.
    pub read: Option<Lookup>,
    /// The sales areas and addresses in the record, where there is one.
    pub looked: Option<Looked>,
    /// The error in SAP's words, where it sent one.
    pub said: Option<Said>,
}

impl SapClient {
    /// [`Self::enter`] and [`Self::ask`] in one, for those who wait for nothing but this.
    ///
    /// # Errors
    ///
    /// What SAP or the network did instead of answering. A partner that SAP does not know is no
    /// error; it is [`Lookup::Unknown`].
    pub async fn look_up(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
    ) -> Result<Lookup, LookupError> {
        let nothing = |_: &Asking<'_>, _: &Result<Read, LookupError>| ();
        self.look_up_noted(Urgency::Live, (partner, dialled), deadline, nothing).await
    }

    /// [`Self::look_up`], and every request it took.
    pub async fn look_up_traced(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
    ) -> (Result<Lookup, LookupError>, Vec<Asked>) {
        let mut all = Vec::new();
        let note = |asked: &Asking<'_>, result: &Result<Read, LookupError>| {
            all.push(Asked {
                step: Arc::clone(asked.name),
                target: asked.target.to_string(),
                status: asked.status,
                took: asked.started.elapsed(),
                outcome: outcome_of(result),
                read: match result {
                    Ok(Read::Known(lookup)) => Some(lookup.clone()),
                    Ok(Read::LeadsOn { .. }) | Err(_) => None,
                },
                looked: asked.body.as_deref().and_then(|body| asked.reader.looked(body)),
                said: asked.said.clone(),
            });
        };
        let result = self.look_up_noted(Urgency::Live, (partner, dialled), deadline, note).await;
        (result, all)
    }

    pub(super) async fn look_up_noted(
        &self,
        urgency: Urgency,
        (partner, dialled): (PartnerId, Option<&DialledNumber>),
        deadline: Instant,
        note: impl FnMut(&Asking<'_>, &Result<Read, LookupError>),
    ) -> Result<Lookup, LookupError> {
        let pass = self.enter(urgency, deadline).await?;
        let began = Instant::now();
        let deadline = deadline.min(began + self.total_timeout);
        let requests = Requests::default();
        let question = Question { partner, dialled, trace: None, requests: &requests };
        let lookup = pin!(self.ask_in_turn(&pass, question, Until::Ends(deadline), note));
        let result = pass.run(deadline - began, lookup).await.or(|| self.no_answer(began));
        pass.settle(Some(partner), result.as_ref());
        result
    }
}
