//! The requests a SAP tenant grants a day, and what is left of them.
//!
//! Sales Cloud Version 2 answers 429 to everybody, other interfaces included, once a day's requests
//! are used up (KBA 3559130). Refreshes and probes stop first, so that what is left is for people.
//! Counted since the start of this process, by days of UTC; with a shared memory also for all replicas
//! together (`sap::common`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::places::Urgency;
use crate::telemetry::clock;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A forecast needs a while of experience, in seconds: the first minutes after a start ask for
/// everybody at once and say nothing about the day.
const EXPERIENCE_SECONDS: i64 = 15 * 60;

/// One for each SAP.
#[derive(Clone)]
pub(in crate::sap) struct Quota {
    /// `None`: as many as one likes.
    limit: Option<u64>,
    /// Of the limit, what only live calls may use.
    reserve: u64,
    /// Shared with the client that goes on after a reload.
    today: Arc<Mutex<Today>>,
}

struct Today {
    day: i64,
    /// When counting began: midnight, or the start of the process.
    since: i64,
    sent: u64,
}

/// The day so far, for metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sap) struct Forecast {
    pub(super) sent: u64,
    /// What it will be at midnight (UTC) if the day goes on like this.
    pub(super) at_midnight: u64,
}

impl Quota {
    /// `reserve_percent` of `limit` are for live calls.
    pub(in crate::sap) fn new(limit: Option<u64>, reserve_percent: u8) -> Self {
        let percent = u64::from(reserve_percent.min(100));
        let reserve = limit.map_or(0, |limit| limit.saturating_mul(percent) / 100);
        Self { limit, reserve, today: Arc::new(Mutex::new(Today::new(clock::unix_seconds()))) }
    }

    /// The same limits, with what was sent before.
    pub(in crate::sap) fn going_on_from(&self, before: &Self) -> Self {
        Self { today: Arc::clone(&before.today), ..*self }
    }

    /// Whether one more may be sent.
    pub(in crate::sap) fn allows(&self, urgency: Urgency) -> bool {
        self.allows_at(urgency, clock::unix_seconds())
    }

    fn allows_at(&self, urgency: Urgency, now: i64) -> bool {
        self.limit_of(urgency).is_none_or(|limit| self.today(now).sent < limit)
    }

    /// A request is sent.
    pub(in crate::sap) fn sent(&self) {
        self.today(clock::unix_seconds()).sent += 1;
    }

    /// What there is a day for whoever is so urgent; `None`: as many as one likes.
    pub(in crate::sap) fn limit_of(&self, urgency: Urgency) -> Option<u64> {
        let reserved = if urgency == Urgency::Live { 0 } else { self.reserve };
        self.limit.map(|limit| limit - reserved)
    }

    /// What the configuration allows a day.
    pub(in crate::sap) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// The day so far. `of_all`: what all replicas have sent together, where they count that.
    pub(in crate::sap) fn forecast(&self, of_all: Option<u64>) -> Forecast {
        self.forecast_at(of_all, clock::unix_seconds())
    }

    fn forecast_at(&self, of_all: Option<u64>, now: i64) -> Forecast {
        let today = self.today(now);
        let since = of_all.map_or(today.since, |_| today.day * DAY_SECONDS);
        let sent = of_all.unwrap_or(today.sent);
        let passed = (now - since).max(EXPERIENCE_SECONDS).unsigned_abs();
        let left = (DAY_SECONDS - now.rem_euclid(DAY_SECONDS)).unsigned_abs();
        let at_midnight = sent + sent.saturating_mul(left) / passed;
        Forecast { sent: today.sent, at_midnight }
    }

    fn today(&self, now: i64) -> MutexGuard<'_, Today> {
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now.div_euclid(DAY_SECONDS);
        // A clock that is set back within a day must not grant the day's requests twice.
        if day > today.day {
            *today = Today { day, since: day * DAY_SECONDS, sent: 0 };
        }
        today
    }
}

impl Today {
    fn new(now: i64) -> Self {
        Self { day: now.div_euclid(DAY_SECONDS), since: now, sent: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25 00:00:00 UTC.
    const MIDNIGHT: i64 = 1_795_564_800;

    fn quota(limit: Option<u64>, started: i64) -> Quota {
        Quota { today: Arc::new(Mutex::new(Today::new(started))), ..Quota::new(limit, 20) }
    }

    fn send(quota: &Quota, now: i64, times: u64) {
        quota.today(now).sent += times;
    }

    #[test]
    fn refreshes_stop_at_the_reserve_and_live_calls_at_the_limit() {
        let quota = quota(Some(1000), MIDNIGHT);
        send(&quota, MIDNIGHT, 799);
        assert!(quota.allows_at(Urgency::Refresh, MIDNIGHT));

        send(&quota, MIDNIGHT, 1);
        assert!(!quota.allows_at(Urgency::Refresh, MIDNIGHT));
        assert!(!quota.allows_at(Urgency::Probe, MIDNIGHT));
        assert!(quota.allows_at(Urgency::Live, MIDNIGHT));

        send(&quota, MIDNIGHT, 200);
        assert!(!quota.allows_at(Urgency::Live, MIDNIGHT));
    }

    #[test]
    fn a_new_day_of_utc_grants_the_requests_anew_and_a_clock_set_back_does_not() {
        let quota = quota(Some(10), MIDNIGHT);
        send(&quota, MIDNIGHT, 10);

        assert!(!quota.allows_at(Urgency::Live, MIDNIGHT + DAY_SECONDS - 1));
        assert!(!quota.allows_at(Urgency::Live, MIDNIGHT - 5));
        assert!(quota.allows_at(Urgency::Live, MIDNIGHT + DAY_SECONDS));
    }

    #[test]
    fn without_a_limit_nothing_is_refused() {
        let quota = quota(None, MIDNIGHT);
        send(&quota, MIDNIGHT, 1_000_000_000);

        assert!(quota.allows_at(Urgency::Refresh, MIDNIGHT));
    }

    #[test]
    fn the_forecast_goes_on_as_the_day_went_so_far() {
        let noon = MIDNIGHT + DAY_SECONDS / 2;
        let since_midnight = quota(Some(1000), MIDNIGHT);
        send(&since_midnight, noon, 400);
        assert_eq!(
            since_midnight.forecast_at(None, noon),
            Forecast { sent: 400, at_midnight: 800 }
        );

        // A minute after a start a burst is not taken for the pace of the day.
        let just_started = quota(Some(1000), noon);
        send(&just_started, noon + 60, 90);
        assert!(just_started.forecast_at(None, noon + 60).at_midnight < 4500);
    }
}
