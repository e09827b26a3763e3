//! Partners in use are asked for again ahead of their end, so that nobody waits for it.
//!
//! Only those that somebody asked for since they were fetched, and each once: who is asked for no
//! more is not asked about any more either. At SAP's door refreshes wait behind live calls.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{
    sync::{Notify, Semaphore},
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Partners,
    flight::Joined,
    memory::{Key, Remembered},
    trip::Trip,
};
use crate::{
    config::Cache,
    sap::{SapClient, Urgency},
};

/// So many are asked for, or wait at SAP's door, at once; the others wait here and cost less.
const AT_ONCE: usize = 16;

/// The last fifth of an entry's life is for asking again, and this long where that is less: SAP's
/// usual two seconds must fit into it.
const LEAST_AHEAD: Duration = Duration::from_secs(2);

/// A refresh that failed is tried once more only where this much of the entry's life is left.
const WORTH_ANOTHER_TRY: Duration = Duration::from_secs(1);

/// What is to be asked for again, the next first.
#[derive(Default)]
pub(super) struct Refreshes {
    due: Mutex<BinaryHeap<Reverse<Due>>>,
    /// Who is asked, and how long its answers count.
    asked: ArcSwapOption<(Vec<Arc<SapClient>>, Cache)>,
    earlier: Notify,
}

/// How often memory is looked through for what is of no use any more. moka could do it itself, and
/// would need 48 bytes more for each partner.
const FORGET_EVERY: Duration = Duration::from_mins(5);

struct Due {
    at: Instant,
    key: Key,
}

impl Refreshes {
    /// From now on these systems are asked; another one's partners are left alone.
    pub(super) fn ask(&self, systems: &[Arc<SapClient>], times: &Cache) {
        self.asked.store(Some(Arc::new((systems.to_vec(), times.clone()))));
    }

    /// Somebody uses `remembered` for the first time.
    pub(super) fn schedule(&self, key: Key, remembered: &Remembered, times: &Cache) {
        let (now, ends) = (Instant::now(), remembered.ends(times));
        let lives = ends.saturating_duration_since(now) + remembered.age(now);
        // Spread over the first half of that time: what was fetched together is not renewed together.
        let ahead = (lives / 5).max(LEAST_AHEAD).min(lives / 2);
        let ahead = ahead.mul_f64(1.0 - 0.5 * fastrand::f64());
        self.push(Due { at: ends.checked_sub(ahead).unwrap_or(ends), key });
    }

    fn push(&self, due: Due) {
        let at = due.at;
        let mut heap = self.lock();
        let is_next = heap.peek().is_none_or(|Reverse(next)| at < next.at);
        heap.push(Reverse(due));
        drop(heap);
        if is_next {
            self.earlier.notify_one();
        }
    }

    /// Waits for the next one.
    async fn next(&self) -> Due {
        loop {
            let at = self.lock().peek().map(|Reverse(next)| next.at);
            if at.is_some_and(|at| at <= Instant::now())
                && let Some(Reverse(due)) = self.lock().pop()
            {
                return due;
            }
            tokio::select! {
                () = self.earlier.notified() => {}
                () = async {
                    match at {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Due>>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partners {
    /// Lets go of what is of no use any more, for as long as it is awaited.
    pub async fn forget_what_is_over(&self) {
        loop {
            sleep(FORGET_EVERY).await;
            let Some(asked) = self.shared.refreshes.asked.load_full() else { continue };
            let shared = Arc::clone(&self.shared);
            // A million partners take most of a second: not on a worker that answers calls.
            let forgetting = spawn_blocking(move || shared.memory.forget_what_is_over(&asked.1));
            drop(forgetting.await);
        }
    }

    /// Asks for partners in use ahead of their end, for as long as it is awaited.
    pub async fn refresh_ahead(&self) {
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let due = self.shared.refreshes.next().await;
            // Never closed.
            let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else { return };
            let Some((old, sap, times)) = self.still_wanted(&due) else { continue };
            let Joined::Lead(seat) = self.shared.flights.join(due.key, false) else { continue };
            let deadline = old.ends(&times).max(Instant::now() + LEAST_AHEAD);
            let (shared, flight) = (Arc::clone(&self.shared), Arc::clone(&seat.flight));
            seat.leave_it_flying();
            self.shared.memory.is_refreshing(&due.key, &old, true);
            let asking = shared.fly(Trip {
                key: Some(due.key),
                flight,
                sap,
                times: times.clone(),
                partner: due.key.partner,
                dialled: None,
                urgency: Urgency::Refresh,
                deadline,
            });
            let shared = Arc::clone(&self.shared);
            self.tasks.spawn(async move {
                asking.await;
                drop(permit);
                shared.after_refresh(&due, &old, &times);
            });
        }
    }

    /// The entry, who is to be asked and by which times, if it is the one that was used, and its SAP
    /// is still the one in force and may be asked.
    fn still_wanted(&self, due: &Due) -> Option<(Remembered, Arc<SapClient>, Cache)> {
        let asked = self.shared.refreshes.asked.load_full()?;
        let (systems, times) = &*asked;
        let sap = systems.iter().find(|sap| sap.system() == due.key.system)?;
        let old = self.shared.memory.get(&due.key)?;
        // One that was renewed meanwhile is in its first half.
        (times.refresh_ahead
            && old.is_in_its_second_half(Instant::now(), times)
            && sap.admits(Urgency::Refresh).is_ok())
        .then(|| (old, Arc::clone(sap), times.clone()))
    }
}

impl super::Shared {
    /// Where the old entry is still there, the refresh failed; SAP may get over it.
    fn after_refresh(&self, due: &Due, old: &Remembered, times: &Cache) {
        if !self.memory.is_refreshing(&due.key, old, false) {
            return;
        }
        let left = old.ends(times).saturating_duration_since(Instant::now());
        if left >= WORTH_ANOTHER_TRY {
            self.refreshes.push(Due { at: Instant::now() + left / 2, key: due.key });
        }
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}
