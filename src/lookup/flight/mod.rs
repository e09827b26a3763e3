//! One question to SAP about a partner at a time, whoever asks.
//!
//! Who asks first starts a flight, the others join it and wait as long as each likes. What it ended
//! with is shared; a failure also with those who come a moment later, the longer the more often it
//! failed: SAP is not asked again for the same thing by every call. A flight that nobody waits for
//! any more, and that was not sent yet, is dropped.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, SetOnce, watch},
    time::Instant,
};

use super::{
    memory::{Key, Remembered},
    silence::Silence,
};
use crate::{
    domain::Source,
    sap::{LookupError, Requests},
};

/// A failure is shared with later callers for this long, doubled with each that follows.
const SHARED_FOR: Duration = Duration::from_millis(250);

/// And for this long at most: a caller must not be told of a SAP of long ago.
const SHARED_AT_MOST: Duration = Duration::from_secs(8);

/// A failure that was over for so long does not count as the one before the next.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// Failures that are over are cleared away when there are so many.
const MOST_FAILURES: usize = 1024;

/// The questions under way, and those that failed a moment ago.
#[derive(Default)]
pub(super) struct Flights(Mutex<Slots>);

#[derive(Default)]
struct Slots {
    by_key: HashMap<Key, Slot>,
    failures: usize,
}

enum Slot {
    Flying(Arc<Flight>),
    Failed(Failure),
}

struct Failure {
    silence: Silence,
    at: Instant,
    shared_for: Duration,
}

/// A question under way.
pub(super) struct Flight {
    told: watch::Sender<Option<Landed>>,
    /// Who waits for it, or has left it to go on.
    wanted: AtomicUsize,
    abandoned: Notify,
    /// Other replicas were asked: what they know that is only good for a SAP that is slow or silent.
    beyond: SetOnce<Option<Remembered>>,
    /// SAP works on it.
    sent: AtomicBool,
    pub(super) started: Instant,
    /// What was sent for it.
    pub(super) requests: Arc<Requests>,
    /// How long the failure before it was shared.
    before: Duration,
}

/// How a flight ended.
#[derive(Clone)]
pub(super) struct Landed {
    pub(super) result: Result<Remembered, Silence>,
    /// Waited for a place.
    pub(super) queued: Duration,
    /// Waited for SAP, once it was asked.
    pub(super) took: Duration,
    /// Where the result is from.
    pub(super) source: Source,
}

/// Somebody who waits for a flight; gone when it is dropped.
pub(super) struct Seat {
    pub(super) flight: Arc<Flight>,
    /// Joined when this much of the flight's time had passed.
    pub(super) joined_after: Duration,
}

/// What there is for somebody who asks.
pub(super) enum Joined {
    /// Nobody was asking: the caller is to.
    Lead(Seat),
    /// Somebody is.
    Follow(Seat),
    /// Somebody did a moment ago, in vain.
    Failed(Silence),
}

impl Flights {
    /// Joins the flight for `key`, or starts one. `again`: although one has just failed.
    pub(super) fn join(&self, key: Key, again: bool) -> Joined {
        let now = Instant::now();
        let mut slots = self.lock();
        let Slots { by_key, failures } = &mut *slots;
        let before = match by_key.entry(key) {
            Entry::Vacant(_) => Duration::ZERO,
            Entry::Occupied(entry) => match entry.get() {
                Slot::Flying(flight) => {
                    flight.wanted.fetch_add(1, Ordering::AcqRel);
                    let joined_after = now - flight.started;
                    return Joined::Follow(Seat { flight: Arc::clone(flight), joined_after });
                }
                Slot::Failed(failure) if !again && failure.is_shared(now) => {
                    return Joined::Failed(failure.silence.clone());
                }
                Slot::Failed(failure) => {
                    *failures -= 1;
                    if failure.is_forgotten(now) { Duration::ZERO } else { failure.shared_for }
                }
            },
        };
        let flight = Arc::new(Flight::new(now, before));
        by_key.insert(key, Slot::Flying(Arc::clone(&flight)));
        Joined::Lead(Seat { flight, joined_after: Duration::ZERO })
    }

    /// Waits until nobody wants the flight any more; then it is gone, and who comes now starts
    /// another.
    pub(super) async fn abandoned(&self, key: Option<Key>, flight: &Arc<Flight>) {
        loop {
            flight.abandoned.notified().await;
            let mut slots = self.lock();
            // Under the lock: nobody joins meanwhile.
            if flight.wanted.load(Ordering::Acquire) == 0 {
                if let Some(key) = key {
                    slots.remove(&key, flight);
                }
                return;
            }
        }
    }

    /// Tells everybody how the flight ended. `shared`: a failure is, with those who come later.
    pub(super) fn land(&self, key: Option<Key>, flight: &Arc<Flight>, told: Landed, shared: bool) {
        if let Some(key) = key {
            let mut slots = self.lock();
            if slots.remove(&key, flight)
                && let Err(silence) = &told.result
                && shared
            {
                let shared_for = flight.shared_for();
                let failure = Failure { silence: silence.clone(), at: Instant::now(), shared_for };
                slots.fail(key, failure);
            }
        }
        flight.told.send_replace(Some(told));
    }

    /// SAP has answered after all.
    pub(super) fn forget_failure(&self, key: &Key) {
        let mut slots = self.lock();
        if matches!(slots.by_key.get(key), Some(Slot::Failed(_))) {
            slots.by_key.remove(key);
            slots.failures -= 1;
        }
    }

    /// How many questions are under way.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let slots = self.lock();
        slots.by_key.len() - slots.failures
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// True: the flight was still there.
    fn remove(&mut self, key: &Key, flight: &Arc<Flight>) -> bool {
        let is_there =
            matches!(self.by_key.get(key), Some(Slot::Flying(there)) if Arc::ptr_eq(there, flight));
        if is_there {
            self.by_key.remove(key);
        }
        is_there
    }

    fn fail(&mut self, key: Key, failure: Failure) {
        if self.failures >= MOST_FAILURES {
            let now = Instant::now();
            self.by_key.retain(|_, slot| match slot {
                Slot::Flying(_) => true,
                Slot::Failed(failure) => failure.is_shared(now),
            });
            let failed = self.by_key.values().filter(|slot| matches!(slot, Slot::Failed(_)));
            self.failures = failed.count();
        }
        // More than that at once: they are told, and not remembered.
        if self.failures < MOST_FAILURES {
            self.by_key.insert(key, Slot::Failed(failure));
            self.failures += 1;
        }
    }
}

impl Failure {
    fn is_shared(&self, now: Instant) -> bool {
        now - self.at < self.shared_for
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now - self.at > self.shared_for + FORGOTTEN_AFTER
    }
}

impl Flight {
    fn new(started: Instant, before: Duration) -> Self {
        Self {
            told: watch::Sender::new(None),
            wanted: AtomicUsize::new(1),
            abandoned: Notify::new(),
            beyond: SetOnce::new(),
            sent: AtomicBool::new(false),
            started,
            requests: Arc::default(),
            before,
        }
    }
}

impl Flight {
    /// It has a place at SAP.
    pub(super) fn is_sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    /// Whether it has one yet.
    pub(super) fn was_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// Other replicas were asked, and SAP is next. `older`: what they know besides.
    pub(super) fn is_beyond(&self, older: Option<Remembered>) {
        // Told once is enough.
        drop(self.beyond.set(older));
    }

    /// For how long its failure is shared.
    pub(super) fn shared_for(&self) -> Duration {
        (self.before * 2).clamp(SHARED_FOR, SHARED_AT_MOST)
    }

    /// Why there is no answer of it yet, for a caller who waits no longer.
    pub(super) fn silence_so_far(&self) -> Silence {
        if self.was_sent() {
            return Silence::Deadline;
        }
        Silence::Sap(Arc::new(LookupError::Busy { waited: self.started.elapsed() }))
    }
}

impl Seat {
    /// On a flight that nobody else can join.
    pub(super) fn alone() -> Self {
        let flight = Arc::new(Flight::new(Instant::now(), Duration::ZERO));
        Self { flight, joined_after: Duration::ZERO }
    }

    /// Waits for the end of the flight.
    pub(super) async fn told(&self) -> Landed {
        let mut told = self.flight.told.subscribe();
        let told = told.wait_for(Option::is_some).await;
        // The flight is held by this seat, so its sender is there.
        told.ok().and_then(|told| told.clone()).unwrap_or_else(|| Landed {
            result: Err(Silence::Lost),
            queued: Duration::ZERO,
            took: Duration::ZERO,
            source: Source::None,
        })
    }

    /// Waits until other replicas were asked, or the flight has ended; what they know besides.
    pub(super) async fn beyond(&self) -> Option<Remembered> {
        tokio::select! {
            biased;
            older = self.flight.beyond.wait() => older.clone(),
            _landed = self.told() => None,
        }
    }

    /// Leaves, and lets the flight go on: what SAP says is for the next caller.
    pub(super) fn leave_it_flying(self) {
        self.flight.wanted.fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.flight.wanted.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.flight.abandoned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
