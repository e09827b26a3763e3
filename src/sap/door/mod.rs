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
mod pass;
pub(super) mod places;
mod quota;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tracing::debug;

use super::{
    common::{Common, Lease, ProbeTurn, Wanted},
    error::LookupError,
    login::Login,
    metrics::SapMetrics,
    outcome::{BreakerState, SapOutcome},
};
use crate::config;

use breaker::Breaker;
use budget::RetryBudget;
use estimate::Estimate;
use health::Health;
use hold::Hold;
use places::Places;
use quota::Quota;

pub use health::SapHealth;
pub use pass::Pass;
pub(in crate::sap) use pass::Ran;
pub use places::Urgency;

/// One for each SAP.
pub(super) struct Door {
    host: Arc<str>,
    places: Arc<Places>,
    estimate: Arc<Estimate>,
    hold: Arc<Hold>,
    breaker: Breaker,
    pub(super) login: Arc<Login>,
    pub(super) retries: RetryBudget,
    quota: Quota,
    /// What replicas have in common of it.
    pub(super) common: Arc<Common>,
    max_in_flight: usize,
    /// The longest that SAP is waited for.
    total_timeout: Duration,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Arc<SapMetrics>,
    /// A lookup that takes this long is slow.
    slow_after: Duration,
    /// SAP answers again: what it will never answer gives its place back.
    recovered: Notify,
    /// When to probe may have changed.
    changed: Notify,
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
        let login = match before {
            Some(door) => {
                door.login.change_to(login);
                Arc::clone(&door.login)
            }
            None => Arc::new(login),
        };
        if !login.rests_or_tries() {
            health.forget_refusal();
        }
        let quota = Quota::new(sap.daily_requests, sap.daily_reserve_percent);
        let common = Common::new(sap, &metrics, before.map(|door| &door.common));
        Arc::new(Self {
            places,
            common,
            max_in_flight: sap.max_in_flight,
            total_timeout: sap.total_timeout,
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
    /// nothing. `by`: until when the shared memory is waited for; `None`: for its whole budget.
    ///
    /// # Errors
    ///
    /// Why SAP is not asked; at once where that is known beforehand.
    pub(super) async fn enter(
        self: &Arc<Self>,
        urgency: Urgency,
        deadline: Instant,
        by: Option<Instant>,
    ) -> Result<Pass, LookupError> {
        self.admits(urgency)?;
        let queued = Instant::now();
        let Ok(place) = self.places.take(urgency, deadline).await else {
            // Sent away, perhaps.
            self.admits(urgency)?;
            self.metrics.not_asked(SapOutcome::Busy);
            return Err(LookupError::Busy { waited: queued.elapsed() });
        };
        if place.was_waited_for {
            // Much may have been learned meanwhile.
            self.admits(urgency)?;
        }
        // In a box of its own: without a shared memory nobody carries its room along.
        let lease = if self.common.is_shared() {
            Some(Box::pin(self.lease(urgency, deadline, by, queued)).await?)
        } else {
            None
        };
        let entered = Instant::now();
        let queued = entered - queued;
        self.metrics.door.queued(queued);
        let is_slow = AtomicBool::new(false);
        Ok(Pass {
            door: Arc::clone(self),
            urgency,
            queued,
            entered,
            is_slow,
            _lease: lease,
            _place: place,
        })
    }

    /// A place among those of all replicas, for whoever has one of ours.
    async fn lease(
        &self,
        urgency: Urgency,
        deadline: Instant,
        by: Option<Instant>,
        queued: Instant,
    ) -> Result<Lease, LookupError> {
        let wanted = Wanted {
            urgency,
            limit: self.max_in_flight,
            life: self.total_timeout,
            latest: deadline.checked_sub(self.estimate.expected()).unwrap_or(deadline),
            by,
        };
        let is_in_vain = || urgency != Urgency::Probe && self.is_shut();
        let lease = self.common.place(wanted, is_in_vain).await;
        // Much may have been learned meanwhile.
        self.admits(urgency)?;
        lease.map_err(|_none| {
            self.metrics.not_asked(SapOutcome::Busy);
            LookupError::Busy { waited: queued.elapsed() }
        })
    }

    /// One more request of the day.
    ///
    /// # Errors
    ///
    /// They are used up, and that is counted as such.
    pub(super) async fn request(&self, urgency: Urgency) -> Result<(), LookupError> {
        if let Some(limit) = self.quota.limit_of(urgency)
            && self.common.is_shared()
            && Box::pin(self.common.request(limit)).await.is_err()
        {
            self.metrics.not_asked(SapOutcome::Quota);
            return Err(LookupError::Quota { host: Arc::clone(&self.host) });
        }
        self.quota.sent();
        Ok(())
    }

    /// The day's requests are used up, here or by all replicas together.
    fn has_used_up(&self, urgency: Urgency) -> bool {
        let Some(limit) = self.quota.limit_of(urgency) else { return false };
        !self.quota.allows(urgency) || self.common.is_shared() && !self.common.day.allows(limit)
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
        } else if self.has_used_up(urgency) {
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

    /// Lets lookups through again, whatever SAP did before. True: they were kept back.
    pub(super) fn reset_breaker(&self) -> bool {
        let was_open = self.breaker.answered();
        if was_open {
            self.recovered.notify_waiters();
            self.changed.notify_one();
        }
        was_open
    }

    /// How much longer SAP wants to be left alone.
    pub(super) fn held_for(&self) -> Option<Duration> {
        self.hold.remaining()
    }

    /// The day's requests, and how many wait, told just before the metrics are read.
    pub(super) fn count(&self) {
        let of_all = self.common.day.total().filter(|_| self.common.is_shared());
        let forecast = self.quota.forecast(of_all);
        self.common.count();
        let door = &self.metrics.door;
        door.day(forecast.sent, forecast.at_midnight, self.quota.limit());
        let held = self.hold.remaining().unwrap_or_default();
        // Of this SAP, whatever one before it has noted last.
        self.health.tell_metrics();
        let waiting = self.places.waiting() + self.common.waiting();
        door.is(self.breaker.now(), waiting, held);
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

    /// Whose turn it is to probe. While nobody is kept from asking, each finds out for itself.
    pub(super) async fn probe_turn(&self) -> ProbeTurn {
        if self.breaker.is_closed() || !self.common.is_shared() {
            return ProbeTurn::Own;
        }
        self.common.probe_turn(self.total_timeout).await
    }

    /// A probe that had a turn was answered, or not.
    pub(super) async fn probed(&self, was_answered: bool) {
        if self.common.is_shared() {
            let next = self.breaker.probe_at();
            let pause = next.map_or(Duration::ZERO, |next| next - Instant::now());
            self.common.probed(was_answered, pause).await;
        }
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

    /// Live calls are not let in for a while.
    fn is_shut(&self) -> bool {
        self.hold.remaining().is_some() || self.login.is_resting() || !self.breaker.is_closed()
    }

    fn opened(&self) {
        self.places.send_away();
        self.metrics.door.breaker_opened();
        debug!(upstream = %self.host, "SAP at {} fails too often and is left alone for a while", self.host);
        self.changed.notify_one();
    }

    fn closed(&self) {
        debug!(upstream = %self.host, "SAP at {} answered the probe and is asked again", self.host);
        self.recovered.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
