//! What waits for the writer, and whether the trail can be written just now.
//!
//! A call asks [`Shared::can_be_written`] before it is decided and hands its record over after. While the
//! answer is no and the configuration refuses calls then, nothing is decided, so that what is handed over
//! is bounded by the calls in flight: those records are taken however many wait. Everything else has a
//! place or is counted, and the trail says how many are missing as soon as it can.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::{AuditMetrics, Event};
use crate::telemetry::{clock, lines::Loss};

/// How many records may wait. At 5,000 calls a second they bridge 1.6 s.
pub(super) const QUEUE: usize = 8192;

/// A write that takes longer is one that hangs.
const STALLS_AFTER: Duration = Duration::from_secs(2);

/// Something that waits for the writer.
pub(super) enum Item<R> {
    Record(R),
    Event(Event),
}

pub(super) struct Queue<R> {
    pub(super) waiting: Vec<Item<R>>,
    /// Taken by the writer and not yet written.
    pub(super) in_hand: usize,
    /// Had no place, and since when; told as soon as it can be.
    pub(super) missed: u64,
    pub(super) asleep: bool,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    Open,
    /// Nothing is taken any more; what is left is being written.
    Closing,
    /// Whoever closed waits no longer.
    GivenUp,
    /// The writer has ended.
    Ended,
}

pub(super) struct Shared<R> {
    pub(super) queue: Mutex<Queue<R>>,
    /// Tells the writer: something waits, or it is closed.
    pub(super) changed: Condvar,
    /// Tells whoever closes: the writer has ended.
    pub(super) ended: Condvar,
    pub(super) metrics: Arc<AuditMetrics>,
    /// Calls are refused while the trail cannot be written.
    pub(super) refuses: bool,
    pub(super) config: ArcSwap<String>,
    state: State,
}

struct State {
    began: Instant,
    /// The last write failed.
    failed: AtomicBool,
    /// Milliseconds from `began` on, and one: since then the writer waits for the disk; 0: it does not.
    busy_since: AtomicU64,
    waiting: AtomicUsize,
    why: Mutex<String>,
}

impl<R> Shared<R> {
    pub(super) fn new(metrics: Arc<AuditMetrics>, refuses: bool, config: String) -> Self {
        Self {
            queue: Mutex::new(Queue {
                waiting: Vec::with_capacity(QUEUE),
                in_hand: 0,
                missed: 0,
                asleep: false,
                stage: Stage::Open,
            }),
            changed: Condvar::new(),
            ended: Condvar::new(),
            metrics,
            refuses,
            config: ArcSwap::from_pointee(config),
            state: State {
                began: Instant::now(),
                failed: AtomicBool::new(false),
                busy_since: AtomicU64::new(0),
                waiting: AtomicUsize::new(0),
                why: Mutex::default(),
            },
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue<R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands something over; never waits. `has_a_place`: it is taken however many wait.
    pub(super) fn hand_over(&self, item: Item<R>, has_a_place: bool) {
        let mut queue = self.lock();
        if queue.stage != Stage::Open {
            drop(queue);
            self.metrics.lost(Loss::Shutdown, 1);
            return;
        }
        if queue.waiting.len() >= QUEUE && !has_a_place {
            queue.missed += 1;
            drop(queue);
            self.metrics.lost(Loss::QueueFull, 1);
            return;
        }
        queue.waiting.push(item);
        let waiting = queue.waiting.len();
        let must_wake = queue.asleep || waiting == QUEUE / 2;
        queue.asleep = false;
        drop(queue);
        self.state.waiting.store(waiting, Ordering::Relaxed);
        if must_wake {
            self.changed.notify_one();
        }
    }

    /// The writer has taken what waited.
    pub(super) fn nothing_waits(&self) {
        self.state.waiting.store(0, Ordering::Relaxed);
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::Relaxed)
    }

    /// What is handed over now will be written soon.
    pub(super) fn can_be_written(&self) -> bool {
        !self.state.failed.load(Ordering::Relaxed) && self.waiting() < QUEUE && !self.state.stalls()
    }

    /// Why not.
    pub(super) fn why_not(&self) -> Option<String> {
        if self.state.failed.load(Ordering::Relaxed) {
            let why = self.state.why.lock().unwrap_or_else(PoisonError::into_inner);
            return Some(why.clone());
        }
        if self.state.stalls() {
            return Some("a write hangs".to_owned());
        }
        (self.waiting() >= QUEUE).then(|| "more records come than it takes".to_owned())
    }

    /// Nothing is written any more.
    pub(super) fn is_over(&self) {
        "its writer has ended"
            .clone_into(&mut self.state.why.lock().unwrap_or_else(PoisonError::into_inner));
        self.state.failed.store(true, Ordering::Relaxed);
    }

    /// Waits for the disk, and notes for how long and what came of it.
    pub(super) fn tries<T, E: std::error::Error + 'static>(
        &self,
        write: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let state = &self.state;
        let now = u64::try_from(state.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        state.busy_since.store(now.saturating_add(1), Ordering::Relaxed);
        let written = write();
        state.busy_since.store(0, Ordering::Relaxed);
        if let Err(error) = &written {
            let told = crate::telemetry::logging::with_causes(error);
            *state.why.lock().unwrap_or_else(PoisonError::into_inner) = told;
        }
        state.failed.store(written.is_err(), Ordering::Relaxed);
        written
    }
}

impl State {
    fn stalls(&self) -> bool {
        match self.busy_since.load(Ordering::Relaxed) {
            0 => false,
            since => {
                let since = Duration::from_millis(since - 1);
                self.began.elapsed().saturating_sub(since) > STALLS_AFTER
            }
        }
    }
}

/// Tells a person when the trail cannot be written, and when it can again; once each.
pub(super) struct Watch {
    since: Option<i64>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { since: None }
    }

    pub(super) fn look<R>(&mut self, shared: &Shared<R>) {
        shared.metrics.waits(shared.waiting());
        match (shared.why_not(), self.since) {
            (Some(why), None) => {
                let now = clock::unix_seconds();
                self.since = Some(now);
                shared.metrics.unwritable_since(now);
                let calls = if shared.refuses { "calls are refused" } else { "calls go on" };
                tracing::error!(
                    "the audit trail cannot be written: {why}; {calls} (audit.when_unwritable). Make room in \
                     audit.folder or mend it: the writer tries again by itself"
                );
            }
            (None, Some(_)) => {
                self.since = None;
                shared.metrics.unwritable_since(0);
                tracing::info!("the audit trail is written again");
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}
