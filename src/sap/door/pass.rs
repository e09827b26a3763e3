//! A place at SAP for one lookup, and what everybody learns from it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    Door,
    breaker::Turn,
    places::{Place, Urgency},
};
use crate::{
    domain::{Lookup, PartnerId},
    sap::{common::Lease, error::LookupError, outcome::SapOutcome},
};

/// A place at SAP for one lookup.
pub struct Pass {
    pub(super) door: Arc<Door>,
    pub(super) urgency: Urgency,
    /// How long it was waited for.
    pub queued: Duration,
    pub(super) entered: Instant,
    /// It took long, and the breaker knows.
    pub(super) is_slow: AtomicBool,
    /// Among those of all replicas; given back before ours.
    pub(super) _lease: Option<Lease>,
    pub(super) _place: Place,
}

/// What came of waiting for a lookup.
pub(in crate::sap) enum Ran<T> {
    /// It ended.
    Told(T),
    /// Its time is over.
    NoAnswer,
    /// SAP answers others again, and will never answer this one.
    LeftBehind,
}

impl<T, E> Ran<Result<T, E>> {
    /// `no_answer` where there is none.
    pub(in crate::sap) fn or(self, no_answer: impl FnOnce() -> E) -> Result<T, E> {
        match self {
            Self::Told(result) => result,
            Self::NoAnswer | Self::LeftBehind => Err(no_answer()),
        }
    }
}

impl Pass {
    /// Whether SAP may be asked for one thing more under this pass: it may have asked to be left
    /// alone in between.
    pub(in crate::sap) fn check(&self) -> Result<(), LookupError> {
        match self.door.hold.remaining() {
            Some(again_in) => {
                self.door.metrics.not_asked(SapOutcome::Throttled);
                let host = Arc::clone(&self.door.host);
                Err(LookupError::Throttled { host, again_in, code: None })
            }
            None => Ok(()),
        }
    }

    /// One more request of the day, before it is sent.
    pub(in crate::sap) async fn request(&self) -> Result<(), LookupError> {
        self.door.request(self.urgency).await
    }

    /// Waits for `lookup` by its own clock, `limit` from now: SAP may be slow for the caller and is
    /// answering all the same. When it takes long that is told at once, not only at the end; and
    /// when SAP turns out to answer others again, it will never answer this one.
    pub(in crate::sap) async fn run<T>(
        &self,
        limit: Duration,
        mut lookup: impl Future<Output = T> + Unpin,
    ) -> Ran<T> {
        let slow_after = self.door.slow_after.min(limit);
        if let Ok(told) = timeout(slow_after, &mut lookup).await {
            return Ran::Told(told);
        }
        if slow_after < limit {
            self.is_slow.store(true, Ordering::Relaxed);
            self.note(Turn::Slow);
            let host = Arc::clone(&self.door.host);
            let so_far = LookupError::Deadline { host, waited: slow_after };
            self.door.health.is_waited_for(self.entered, &so_far);
        }
        tokio::select! {
            told = timeout(limit.saturating_sub(slow_after), lookup) => {
                told.map_or(Ran::NoAnswer, Ran::Told)
            }
            () = self.door.recovered.notified() => Ran::LeftBehind,
        }
    }

    /// SAP goes on working on a lookup that was given up: its place stays taken until SAP has
    /// answered, for at most `limit`.
    pub(in crate::sap) async fn linger<T>(
        &self,
        limit: Duration,
        lookup: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            told = timeout(limit, lookup) => told.ok(),
            () = self.door.recovered.notified() => None,
        }
    }

    /// Tells everybody what came of the lookup, and those who wait for a place in vain that they do.
    pub(in crate::sap) fn settle(
        &self,
        partner: Option<PartnerId>,
        result: Result<&Lookup, &LookupError>,
    ) {
        self.take_in(partner, result);
        if self.door.is_shut() {
            self.door.places.send_away();
        }
        self.door.changed.notify_one();
    }

    fn take_in(&self, partner: Option<PartnerId>, result: Result<&Lookup, &LookupError>) {
        let door = &*self.door;
        let failure = result.err();
        if failure.is_none_or(|error| matches!(error, LookupError::Deadline { .. })) {
            door.estimate.took(self.entered.elapsed());
        }
        let sap_failed = match failure {
            None => {
                door.health.answered();
                false
            }
            Some(error) => {
                if let Some(wait) = error.retry_after() {
                    door.hold.leave_alone(wait);
                }
                let rests = error.is_about_credentials() && door.login.rests_or_tries();
                let to_blame = door.health.failed(error, partner, rests);
                let counts = match error {
                    // Nothing is locked by asking: a failure as any other.
                    LookupError::Credentials { .. } => !rests,
                    error => !error.is_no_failure_of_sap(),
                };
                if !counts && self.urgency != Urgency::Probe {
                    return;
                }
                to_blame
            }
        };
        if !sap_failed {
            door.retries.earn();
        }
        match (self.urgency, sap_failed) {
            (Urgency::Probe, false) => {
                if door.breaker.answered() {
                    door.closed();
                }
            }
            (Urgency::Probe, true) => door.breaker.failed(),
            // That it takes long was told when it did.
            (Urgency::Live | Urgency::Refresh, _) if self.is_slow.load(Ordering::Relaxed) => {}
            (Urgency::Live | Urgency::Refresh, false) => self.note(Turn::Answered),
            (Urgency::Live | Urgency::Refresh, true) => self.note(Turn::Failed),
        }
    }

    fn note(&self, turn: Turn) {
        if self.urgency != Urgency::Probe && self.door.breaker.note(turn) {
            self.door.opened();
        }
    }
}
