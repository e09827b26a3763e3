//! The places among the requests that SAP works on at once, and who waits for one.
//!
//! Live calls go before refreshes ahead of time. While the queue is short the oldest goes first;
//! when it is longer than can be served in time the newest does: the oldest would be served just
//! when its caller gives up, and then everybody would be served too late (adaptive LIFO; Facebook,
//! "Fail at Scale", ACM Queue 2015). Who cannot be answered in time any more is never handed a place.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::estimate::Estimate;

/// Who asks SAP, the most urgent first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Urgency {
    /// A person waits for the answer.
    Live,
    /// Nobody waits: what is remembered is renewed ahead of its end.
    Refresh,
    /// Only to see whether SAP answers.
    Probe,
}

/// Most that wait at once. Live calls are bounded by `listen.max_calls` already; this bounds the
/// rest, too.
const MOST_WAITING: usize = 16 * 1024;

/// All places of one SAP.
pub(super) struct Places {
    estimate: Arc<Estimate>,
    state: Mutex<State>,
}

struct State {
    capacity: usize,
    taken: usize,
    arrivals: u64,
    live: Queue,
    refresh: Queue,
}

/// By arrival: the first is the oldest.
type Queue = BTreeMap<u64, Waiting>;

struct Waiting {
    /// The answer has to be there by then.
    deadline: Instant,
    hand_over: oneshot::Sender<Place>,
}

/// One place; given back when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    counts: bool,
    /// It was not free when it was asked for.
    pub(super) was_waited_for: bool,
}

/// There will be no place in time.
#[derive(Debug)]
pub(super) struct NoPlace;

impl Places {
    pub(super) fn new(capacity: usize, estimate: Arc<Estimate>) -> Arc<Self> {
        let state = State {
            capacity: capacity.max(1),
            taken: 0,
            arrivals: 0,
            live: Queue::new(),
            refresh: Queue::new(),
        };
        Arc::new(Self { estimate, state: Mutex::new(state) })
    }

    /// From now on there are so many. What is under way stays so.
    pub(super) fn allow(self: &Arc<Self>, capacity: usize) {
        let more = {
            let mut state = self.lock();
            let more = capacity.max(1).saturating_sub(state.capacity.max(state.taken));
            state.capacity = capacity.max(1);
            state.taken += more;
            more
        };
        for _ in 0..more {
            self.pass_on();
        }
    }

    /// Waits for a place from which an answer can still be had by `deadline`, as long as SAP lately
    /// takes. A place that is free is had at once, whatever is expected: what SAP says then is
    /// remembered even if it comes too late for this caller.
    ///
    /// A probe always gets a place, one more than there are: it is the only request then, and must
    /// not wait behind those that SAP will never answer.
    pub(super) async fn take(
        self: &Arc<Self>,
        urgency: Urgency,
        deadline: Instant,
    ) -> Result<Place, NoPlace> {
        let (arrival, handed_over) = {
            let mut state = self.lock();
            let free = state.capacity.saturating_sub(state.taken);
            let wanted = match urgency {
                Urgency::Probe => return Ok(self.place(false, false)),
                Urgency::Live => 1,
                // One place is left to live calls, where there is more than one.
                Urgency::Refresh => 2.min(state.capacity),
            };
            if free >= wanted && state.live.is_empty() {
                state.taken += 1;
                return Ok(self.place(true, false));
            }
            if state.live.len() + state.refresh.len() >= MOST_WAITING {
                return Err(NoPlace);
            }
            let arrival = state.arrivals;
            state.arrivals += 1;
            let (hand_over, handed_over) = oneshot::channel();
            state.queue(urgency).insert(arrival, Waiting { deadline, hand_over });
            (arrival, handed_over)
        };
        let _leaves = Leaves { places: self, urgency, arrival };
        let latest = deadline.checked_sub(self.estimate.expected()).unwrap_or(deadline);
        match timeout_at(latest, handed_over).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(NoPlace),
        }
    }

    /// Nobody will be asked for a while: those who wait need not wait for that.
    pub(super) fn send_away(&self) {
        let waiting = {
            let mut state = self.lock();
            (std::mem::take(&mut state.live), std::mem::take(&mut state.refresh))
        };
        // Outside the lock: each of them wakes somebody.
        drop(waiting);
    }

    /// How many requests have a place.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// How many wait for one.
    pub(super) fn waiting(&self) -> usize {
        let state = self.lock();
        state.live.len() + state.refresh.len()
    }

    fn place(self: &Arc<Self>, counts: bool, was_waited_for: bool) -> Place {
        Place { places: Arc::clone(self), counts, was_waited_for }
    }

    /// Hands a place that became free to whoever is next, or keeps it.
    fn pass_on(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                let expected = self.estimate.expected();
                // There may be fewer places than are taken.
                let is_one_too_many = state.taken > state.capacity;
                let next = if is_one_too_many {
                    None
                } else {
                    state.next(Instant::now() + expected, expected)
                };
                if next.is_none() {
                    state.taken = state.taken.saturating_sub(1);
                }
                next
            };
            let Some(next) = next else { return };
            let place = self.place(true, true);
            match next.hand_over.send(place) {
                Ok(()) => return,
                // Has just left. The place is ours again, and must not be given back twice.
                Err(mut place) => place.counts = false,
            }
        }
    }

    /// Nothing here is left half done by a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, urgency: Urgency) -> &mut Queue {
        match urgency {
            Urgency::Live => &mut self.live,
            Urgency::Refresh | Urgency::Probe => &mut self.refresh,
        }
    }

    /// Who gets a place that has just become free; what is asked now is answered at `answered`.
    fn next(&mut self, answered: Instant, takes: Duration) -> Option<Waiting> {
        // Too late for those; without a hand-over they know it, too.
        while let Some(oldest) = self.live.first_entry()
            && oldest.get().deadline < answered
        {
            oldest.remove();
        }
        let rounds = u32::try_from(self.live.len() / self.capacity).unwrap_or(u32::MAX);
        let live = match self.live.first_key_value() {
            Some((_, oldest)) => {
                let left = oldest.deadline - answered;
                let is_overloaded = takes.saturating_mul(rounds) > left / 2;
                if is_overloaded { self.live.pop_last() } else { self.live.pop_first() }
            }
            None => None,
        };
        if let Some((_, live)) = live {
            return Some(live);
        }
        // The place itself still counts as taken.
        let leaves_one = self.capacity == 1 || self.taken < self.capacity;
        if leaves_one { self.refresh.pop_first().map(|(_, refresh)| refresh) } else { None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.counts {
            self.places.pass_on();
        }
    }
}

/// Takes a waiting one out of the queue, however it stops waiting.
struct Leaves<'p> {
    places: &'p Arc<Places>,
    urgency: Urgency,
    arrival: u64,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        let gone = self.places.lock().queue(self.urgency).remove(&self.arrival);
        // Outside the lock: it may hold a place that was handed over too late.
        drop(gone);
    }
}

#[cfg(test)]
mod tests;
