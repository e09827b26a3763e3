//! The only way to SAP: everything that is asked passes here, and only here is decided whether and
//! when it may be.
//!
//! [`Door::enter`] waits for a place, or says at once why SAP is not asked: it wanted to be left
//! alone (`hold`), it fails (`breaker`), the day's requests are used up (`quota`), it refused our
//! credentials (`login::Verdict`). The [`Pass`] is the place, kept for as long as SAP works on the
//! lookup; [`Pass::settle`] tells all of them what came of it.

mod breaker;
mod budget;
mod estimate;
mod health;
mod hold;
mod metrics;
mod places;
mod quota;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tracing::debug;

use super::{
    error::LookupError,
    login::Login,
    metrics::{SapMetrics, SapOutcome},
};
use crate::{
    config,
    domain::{Lookup, PartnerId},
};

use breaker::{Breaker, Turn};
use budget::RetryBudget;
use estimate::Estimate;
use health::Health;
use hold::Hold;
use places::{Place, Places};
use quota::Quota;

pub use breaker::BreakerState;
pub use health::SapHealth;
pub use metrics::DoorMetrics;
pub use places::Urgency;

/// One for each SAP.
pub(super) struct Door {
    host: Arc<str>,
    places: Arc<Places>,
    estimate: Arc<Estimate>,
    hold: Arc<Hold>,
    breaker: Breaker,
    pub(super) login: Login,
    pub(super) retries: RetryBudget,
    pub(super) quota: Quota,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Arc<SapMetrics>,
    /// A lookup that takes this long is slow.
    slow_after: Duration,
    /// SAP answers again: what it will never answer gives its place back.
    recovered: Notify,
    /// When to probe may have changed.
    changed: Notify,
}

/// A place at SAP for one lookup.
pub struct Pass {
    door: Arc<Door>,
    urgency: Urgency,
    /// How long it was waited for.
    pub queued: Duration,
    entered: Instant,
    _place: Place,
}

impl Door {
    /// Goes on with what `before` knows of the same SAP, whatever changed about how it is asked: who is
    /// under way there, the pause it wants, the requests of the day, and our credentials.
    pub(super) fn new(
        host: Arc<str>,
        sap: &config::Sap,
        login: Login,
        metrics: Arc<SapMetrics>,
        before: Option<&Self>,
    ) -> Arc<Self> {
        let estimate = before.map_or_else(Arc::default, |door| Arc::clone(&door.estimate));
        let places = match before {
            Some(door) => {
                door.places.allow(sap.max_in_flight);
                Arc::clone(&door.places)
            }
            None => Places::new(sap.max_in_flight, Arc::clone(&estimate)),
        };
        let health = match before {
            Some(door) => Arc::clone(&door.health),
            None => Arc::new(Health::new(Arc::clone(&host), Arc::clone(&metrics))),
        };
        if let Some(door) = before {
            login.go_on_from(&door.login);
        }
        if !login.rests_or_tries() {
            health.forget_refusal();
        }
        let quota = Quota::new(sap.daily_requests, sap.daily_reserve_percent);
        Arc::new(Self {
            places,
            estimate,
            hold: before.map_or_else(Arc::default, |door| Arc::clone(&door.hold)),
            login,
            breaker: Breaker::new(sap.breaker.clone(), sap.probe_interval),
            retries: RetryBudget::new(),
            quota: before.map_or_else(|| quota.clone(), |door| quota.going_on_from(&door.quota)),
            health,
            slow_after: sap.breaker.slow_after,
            recovered: Notify::new(),
            changed: Notify::new(),
            host,
            metrics,
        })
    }

    /// Waits for a place from which SAP can still answer by `deadline`. Giving up waiting costs SAP
    /// nothing.
    ///
    /// # Errors
    ///
    /// Why SAP is not asked; at once where that is known beforehand.
    pub(super) async fn enter(
        self: &Arc<Self>,
        urgency: Urgency,
        deadline: Instant,
    ) -> Result<Pass, LookupError> {
        self.admits(urgency)?;
        let queued = Instant::now();
        let Ok(place) = self.places.take(urgency, deadline).await else {
            self.metrics.not_asked(SapOutcome::Busy);
            return Err(LookupError::Busy { waited: queued.elapsed() });
        };
        // Much may have been learned while this one waited.
        self.admits(urgency)?;
        let entered = Instant::now();
        let queued = entered - queued;
        self.metrics.door.queued(queued);
        Ok(Pass { door: Arc::clone(self), urgency, queued, entered, _place: place })
    }

    /// Why nobody is asked now.
    ///
    /// # Errors
    ///
    /// The reason, counted as such.
    pub(super) fn admits(&self, urgency: Urgency) -> Result<(), LookupError> {
        let host = || Arc::clone(&self.host);
        let (error, reason) = if let Some(again_in) = self.hold.remaining() {
            (LookupError::Throttled { host: host(), again_in, code: None }, SapOutcome::Throttled)
        } else if self.login.is_resting() {
            (self.login.refusal(&self.host), SapOutcome::Credentials)
        } else if urgency != Urgency::Probe && !self.breaker.is_closed() {
            (LookupError::Breaker { host: host() }, SapOutcome::Breaker)
        } else if !self.quota.allows(urgency) {
            (LookupError::Quota { host: host() }, SapOutcome::Quota)
        } else {
            return Ok(());
        };
        self.metrics.not_asked(reason);
        Err(error)
    }

    /// Waiting for SAP would most likely be in vain.
    pub(super) fn is_known_silent(&self) -> bool {
        !self.breaker.is_closed()
            || self.hold.remaining().is_some()
            || matches!(self.health.now(), SapHealth::Silent(_) | SapHealth::CredentialsRefused)
    }

    /// What the breaker does.
    pub(super) fn breaker(&self) -> BreakerState {
        self.breaker.now()
    }

    /// How much longer SAP wants to be left alone.
    pub(super) fn held_for(&self) -> Option<Duration> {
        self.hold.remaining()
    }

    /// The day's requests, and how many wait, told just before the metrics are read.
    pub(super) fn count(&self) {
        let forecast = self.quota.forecast();
        let door = &self.metrics.door;
        door.day(forecast.sent, forecast.at_midnight, self.quota.limit());
        let held = self.hold.remaining().unwrap_or_default();
        door.is(self.breaker.now(), self.places.waiting(), held);
    }

    /// When SAP is to be probed next; `None`: there is no need to.
    /// `again`: when a SAP that is merely silent may be probed again.
    pub(super) fn next_probe(&self, now: Instant, again: Option<Instant>) -> Option<Instant> {
        let wanted = match self.health.now() {
            SapHealth::CredentialsRefused => self.login.next_try()?,
            _ if !self.breaker.is_closed() => self.breaker.probe_at()?,
            SapHealth::NotAsked | SapHealth::Silent(_) => again.unwrap_or(now),
            SapHealth::Answering => return None,
        };
        Some(wanted.max(now + self.hold.remaining().unwrap_or_default()))
    }

    /// Waits until [`Self::next_probe`] may have changed.
    pub(super) async fn wait_changed(&self) {
        self.changed.notified().await;
    }

    /// The credentials have changed, were taken after all, or may be tried again.
    pub(super) fn login_changed(&self) {
        self.health.forget_refusal();
        self.changed.notify_one();
    }

    fn opened(&self) {
        self.metrics.door.breaker_opened();
        debug!(upstream = %self.host, "SAP at {} fails too often and is left alone for a while", self.host);
        self.changed.notify_one();
    }

    fn closed(&self) {
        debug!(upstream = %self.host, "SAP at {} answered the probe and is asked again", self.host);
        self.recovered.notify_waiters();
    }
}

impl Pass {
    /// Whether SAP may be asked for one thing more under this pass: it may have asked to be left
    /// alone in between.
    pub(super) fn check(&self) -> Result<(), LookupError> {
        match self.door.hold.remaining() {
            Some(again_in) => {
                self.door.metrics.not_asked(SapOutcome::Throttled);
                let host = Arc::clone(&self.door.host);
                Err(LookupError::Throttled { host, again_in, code: None })
            }
            None => Ok(()),
        }
    }

    /// Waits for `lookup` by its own clock, `limit` from now: SAP may be slow for the caller and is
    /// answering all the same. When it takes long that is told at once, not only at the end; and
    /// when SAP turns out to answer others again, it will never answer this one.
    pub(super) async fn run<T>(
        &self,
        limit: Duration,
        mut lookup: impl Future<Output = T> + Unpin,
    ) -> Option<(T, bool)> {
        let slow_after = self.door.slow_after.min(limit);
        if let Ok(told) = timeout(slow_after, &mut lookup).await {
            return Some((told, false));
        }
        if slow_after < limit {
            self.note(Turn::Slow);
            let host = Arc::clone(&self.door.host);
            let so_far = LookupError::Deadline { host, waited: slow_after };
            self.door.health.is_waited_for(self.entered, &so_far);
        }
        tokio::select! {
            told = timeout(limit.saturating_sub(slow_after), lookup) => told.ok().map(|told| (told, true)),
            () = self.door.recovered.notified() => None,
        }
    }

    /// SAP goes on working on a lookup that was given up: its place stays taken until SAP has
    /// answered, for at most `limit`.
    pub(super) async fn linger<T>(
        &self,
        limit: Duration,
        lookup: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            told = timeout(limit, lookup) => told.ok(),
            () = self.door.recovered.notified() => None,
        }
    }

    /// Tells everybody what came of the lookup. `was_slow`: that was told before.
    pub(super) fn settle(
        &self,
        partner: Option<PartnerId>,
        result: Result<&Lookup, &LookupError>,
        was_slow: bool,
    ) {
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
                    door.changed.notify_one();
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
            (Urgency::Live | Urgency::Refresh, _) if was_slow => {}
            (Urgency::Live | Urgency::Refresh, false) => self.note(Turn::Answered),
            (Urgency::Live | Urgency::Refresh, true) => self.note(Turn::Failed),
        }
        door.changed.notify_one();
    }

    fn note(&self, turn: Turn) {
        if self.urgency != Urgency::Probe && self.door.breaker.note(turn) {
            self.door.opened();
        }
    }
}
