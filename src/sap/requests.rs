//! What was sent to SAP for one lookup: for traces, for the access record's readers, and for whoever
//! asks later why a call was decided as it was. Nothing of the question or of the answer is in it.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio::time::Instant;

use super::{leg::Leg, outcome::SapOutcome};
use crate::telemetry::trace::{SpanId, Trace};

/// What a wait for a token is called among the requests.
const TOKEN: &str = "token";

/// A token that is at hand is there sooner.
const WAITED_FOR_A_TOKEN: Duration = Duration::from_millis(1);

/// The requests of one lookup, in the order in which they were sent. Written while the lookup is under
/// way, and readable at any time.
#[derive(Debug, Default)]
pub struct Requests {
    of: OnceLock<Trace>,
    sent: Mutex<Vec<Sent>>,
}

/// One request that was sent, or could not be.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The dialect's step, or `token`: the wait for one.
    pub step: Arc<str>,
    /// It is no request to SAP but the wait for a token.
    pub is_token: bool,
    /// Host and port that were asked.
    pub host: Arc<str>,
    /// Its span; SAP gets it in `traceparent`.
    pub span: SpanId,
    /// When it was sent.
    pub began: Instant,
    /// Until all of the answer was there; `None`: it is under way.
    pub took: Option<Duration>,
    /// `None`: no head of an answer came.
    pub status: Option<StatusCode>,
    /// Over which connection; `None`: no head of an answer came.
    pub over: Option<Arc<Leg>>,
    /// What came of it; `None`: it is under way, or was given up.
    pub outcome: Option<SapOutcome>,
}

impl Requests {
    /// They are sent for this call, which is told to SAP. Those who wait with it change nothing.
    pub fn are_for(&self, trace: Trace) {
        // Whoever sends them says it once.
        let _first = self.of.set(trace);
    }

    /// The call that they are sent for; `None`: for none, but ahead of those that will come.
    pub fn trace(&self) -> Option<&Trace> {
        self.of.get()
    }

    /// How many were sent so far.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// How long a token was waited for; `None`: it was at hand, or none is needed.
    pub fn token_took(&self) -> Option<Duration> {
        let all = self.lock();
        let mut waits = all.iter().filter(|sent| sent.is_token).filter_map(|sent| sent.took);
        let first = waits.next()?;
        Some(waits.fold(first, Duration::saturating_add))
    }

    /// Host and port that were asked last, and over which connection; tokens apart.
    pub fn leg(&self) -> Option<(Arc<str>, Option<Arc<Leg>>)> {
        let all = self.lock();
        let last = all.iter().rev().find(|sent| !sent.is_token)?;
        Some((Arc::clone(&last.host), last.over.clone()))
    }

    /// What was sent so far.
    pub fn all(&self) -> Vec<Sent> {
        self.lock().clone()
    }

    /// A request is about to be sent. The one before it, if nothing was heard of that, was given up.
    pub(super) fn begin(&self, step: &Arc<str>, host: &Arc<str>) -> SpanId {
        let (step, host) = (Arc::clone(step), Arc::clone(host));
        let (span, began) = (SpanId::new(), Instant::now());
        let mut all = self.lock();
        if let Some(before) = all.last_mut() {
            before.took.get_or_insert(began - before.began);
        }
        let (took, status, over, outcome) = (None, None, None, None);
        all.push(Sent { step, is_token: false, host, span, began, took, status, over, outcome });
        span
    }

    /// The head of the answer to the last one is there.
    pub(super) fn answered(&self, status: StatusCode, over: &Arc<Leg>) {
        if let Some(last) = self.lock().last_mut() {
            last.status = Some(status);
            last.over = Some(Arc::clone(over));
        }
    }

    /// This came of the last one.
    pub(super) fn ended(&self, outcome: SapOutcome) {
        if let Some(last) = self.lock().last_mut() {
            last.took.get_or_insert(last.began.elapsed());
            last.outcome.get_or_insert(outcome);
        }
    }

    /// A token was waited for since `began`; `failed`: in vain.
    pub(super) fn waited_for_token(
        &self,
        host: &Arc<str>,
        began: Instant,
        failed: Option<SapOutcome>,
    ) {
        let took = began.elapsed();
        if took < WAITED_FOR_A_TOKEN && failed.is_none() {
            return;
        }
        let (step, host, span) = (TOKEN.into(), Arc::clone(host), SpanId::new());
        let outcome = failed.or(Some(SapOutcome::Found));
        let (took, status, over) = (Some(took), None, None);
        let mut all = self.lock();
        all.push(Sent { step, is_token: true, host, span, began, took, status, over, outcome });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
