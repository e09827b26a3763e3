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
                Urgency::Probe => return Ok(Place { places: Arc::clone(self), counts: false }),
                Urgency::Live => 1,
                // One place is left to live calls, where there is more than one.
                Urgency::Refresh => 2.min(state.capacity),
            };
            if free >= wanted && state.live.is_empty() {
                state.taken += 1;
                return Ok(Place { places: Arc::clone(self), counts: true });
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
            let place = Place { places: Arc::clone(self), counts: true };
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
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn places(capacity: usize, takes: Duration) -> Arc<Places> {
        let estimate = Arc::new(Estimate::default());
        if !takes.is_zero() {
            estimate.took(takes);
        }
        Places::new(capacity, estimate)
    }

    async fn take(places: &Arc<Places>, urgency: Urgency, within: Duration) -> Option<Place> {
        places.take(urgency, Instant::now() + within).await.ok()
    }

    /// Lets every task run until it waits.
    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_free_place_is_had_at_once_also_where_sap_is_too_slow_for_the_caller() {
        let places = places(1, 10 * SECOND);

        assert!(take(&places, Urgency::Live, SECOND).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_cannot_be_answered_in_time_leaves_early_and_is_never_handed_a_place() {
        let places = places(1, SECOND);
        let held = take(&places, Urgency::Live, SECOND).await;
        let began = Instant::now();

        assert!(take(&places, Urgency::Live, 3 * SECOND).await.is_none());

        assert!(began.elapsed() < 3 * SECOND, "{:?}", began.elapsed());
        drop(held);
        assert_eq!((places.taken(), places.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_hangs_up_while_waiting_takes_no_place_with_him() {
        let places = places(1, Duration::ZERO);
        let held = take(&places, Urgency::Live, SECOND).await;
        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { take(&places, Urgency::Live, SECOND).await.is_some() }
        });
        settle().await;
        assert_eq!(places.waiting(), 1);

        waiting.abort();
        settle().await;

        assert_eq!(places.waiting(), 0);
        drop(held);
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn live_calls_go_before_refreshes_and_a_refresh_leaves_them_a_place() {
        let places = places(2, Duration::ZERO);
        let first = take(&places, Urgency::Refresh, SECOND).await.unwrap();
        let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
        for (name, urgency) in [("refresh", Urgency::Refresh), ("live", Urgency::Live)] {
            let (places, order) = (Arc::clone(&places), order.clone());
            tokio::spawn(async move {
                let _place = take(&places, urgency, 10 * SECOND).await.unwrap();
                order.send(name).unwrap();
                sleep(SECOND).await;
            });
        }
        settle().await;

        // The second place was free, and only for the live call.
        assert_eq!(served.recv().await, Some("live"));
        assert_eq!(places.waiting(), 1);
        drop(first);
        assert_eq!(served.recv().await, Some("refresh"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_goes_first_until_there_are_more_than_can_be_served_in_time() {
        for (waiting, expected) in [(2, 0), (20, 19)] {
            let places = places(1, SECOND / 5);
            let held = take(&places, Urgency::Live, SECOND).await.unwrap();
            let (order, mut served) = tokio::sync::mpsc::unbounded_channel();
            for number in 0..waiting {
                let (places, order) = (Arc::clone(&places), order.clone());
                tokio::spawn(async move {
                    if let Some(place) = take(&places, Urgency::Live, 2 * SECOND).await {
                        order.send(number).unwrap();
                        drop(place);
                    }
                });
                settle().await;
            }

            drop(held);

            assert_eq!(served.recv().await, Some(expected), "{waiting} wait");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_does_not_wait_behind_what_is_never_answered() {
        let places = places(1, Duration::ZERO);
        let _held = take(&places, Urgency::Live, SECOND).await.unwrap();

        assert!(take(&places, Urgency::Probe, SECOND).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_the_order_of_coming_and_going_no_place_is_lost_or_made() {
        let places = places(3, SECOND / 10);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..500_u64 {
            let places = Arc::clone(&places);
            tasks.spawn(async move {
                sleep(Duration::from_millis(fastrand::u64(0..2000))).await;
                let within = Duration::from_millis(fastrand::u64(1..1500));
                let urgency = if number % 3 == 0 { Urgency::Refresh } else { Urgency::Live };
                let place = take(&places, urgency, within).await;
                assert!(places.taken() <= 3);
                sleep(Duration::from_millis(fastrand::u64(0..100))).await;
                drop(place);
            });
        }
        for _ in 0..50 {
            advance(Duration::from_millis(20)).await;
            settle().await;
            // Somebody hangs up now and then.
            tasks.spawn(async {});
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }

        assert_eq!((places.taken(), places.waiting()), (0, 0));
    }
}
