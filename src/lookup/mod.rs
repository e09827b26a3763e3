//! What SAP knows of a partner, memory first: the ladder that a call goes down.
//!
//! Fresh in memory; fresh and being asked for again ahead of its end (`refresh`); known to another replica
//! (`shared`); from SAP; what SAP
//! said before, while it is slow; what it said before, while it fails. Callers who ask for the same
//! partner at the same moment share one request to SAP, and its error too (`flight`). The request
//! runs in a task of its own: a caller who hangs up cancels nobody, and what SAP still answers is
//! remembered (`memory`).

mod flight;
mod found;
mod memory;
mod metrics;
mod refresh;
mod said;
mod seen;
mod shared;
mod silence;
mod snapshot;
mod stored;
mod trip;
mod whole;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Cache,
    domain::{DialledNumber, PartnerId, Source},
    sap::{Requests, SapClient, Urgency},
    telemetry::trace::Trace,
};

use flight::{Flights, Joined, Landed, Seat};
use memory::{Key, Memory};
use refresh::Refreshes;
use snapshot::Snapshots;
use trip::Trip;

pub use found::Found;
pub use memory::Remembered;
pub use metrics::MemoryMetrics;
pub use said::{Rendered, Said};
pub use seen::{Contract, Contracts};
pub use shared::{SharedMetrics, Sharing};
pub use silence::Silence;
pub use snapshot::{
    AtStart, SnapshotMetrics, SnapshotStanding, WriteFailure, check_snapshot, partners_in_snapshot,
    partners_in_snapshot_piece,
};
pub use whole::Forgotten;

/// The partners looked up so far, of every SAP system that was asked: a system's answers must never
/// be mixed with another one's, so its name is part of every key.
pub struct Partners {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    /// Files in which it outlives the process.
    snapshots: Option<Arc<Snapshots>>,
}

/// What the tasks need that ask SAP.
struct Shared {
    memory: Memory,
    flights: Flights,
    refreshes: Refreshes,
    seen: Contracts,
    metrics: Arc<MemoryMetrics>,
    /// What other replicas know.
    sharing: Option<Sharing>,
    closing: CancellationToken,
}

/// A call's question, and by which SAP and which times it is answered.
pub struct Inquiry<'i> {
    /// Whom the call is about.
    pub partner: PartnerId,
    /// The number that is to be dialled.
    pub dialled: Option<&'i DialledNumber>,
    /// Who is asked.
    pub sap: &'i Arc<SapClient>,
    /// How long its answers count.
    pub times: &'i Cache,
    /// How long SAP is waited for while something older is known.
    pub answer_within: Duration,
    /// When the call began.
    pub started: Instant,
    /// When its answer has to be there.
    pub deadline: Instant,
}

impl Partners {
    /// An empty memory for `max_entries` partners.
    pub fn new(max_entries: u64, metrics: Arc<MemoryMetrics>) -> Self {
        Self::sharing(max_entries, metrics, None)
    }

    /// The same, for a process that may share what it knows.
    pub fn sharing(
        max_entries: u64,
        metrics: Arc<MemoryMetrics>,
        sharing: Option<Sharing>,
    ) -> Self {
        let shared = Arc::new(Shared {
            memory: Memory::new(max_entries),
            flights: Flights::default(),
            refreshes: Refreshes::default(),
            seen: Contracts::default(),
            metrics,
            sharing,
            closing: CancellationToken::new(),
        });
        Self { shared, tasks: TaskTracker::new(), snapshots: None }
    }

    /// The same, for a process that may write what it knows into a file.
    #[must_use]
    pub fn with_snapshots(self, metrics: Arc<SnapshotMetrics>) -> Self {
        Self { snapshots: Some(Arc::new(Snapshots::new(metrics))), ..self }
    }

    /// From now on partners in use are asked for ahead of their end at these systems, by these times.
    pub fn refresh_from(&self, systems: &[Arc<SapClient>], times: &Cache) {
        self.shared.refreshes.ask(systems, times);
    }

    /// What is known of a partner. `trace` is called where SAP is asked for this very call, with what
    /// will be sent.
    pub async fn find(
        &self,
        inquiry: &Inquiry<'_>,
        trace: impl Fn(&Arc<Requests>) -> Trace,
    ) -> Found {
        if inquiry.sap.asks_by_phone() {
            return self.ask_only(inquiry, trace).await;
        }
        let key = Key { system: inquiry.sap.system(), partner: inquiry.partner };
        let remembered = self.shared.memory.get(&key);
        let remembered = remembered.filter(|remembered| remembered.has(inquiry.sap.reads()));
        let (now, times) = (inquiry.started, inquiry.times);
        match remembered {
            Some(remembered) if remembered.is_fresh(now, times) => {
                self.shared.metrics.hit();
                if times.refresh_ahead
                    && !remembered.is_used
                    && self.shared.memory.is_first_use(&key, &remembered)
                {
                    self.shared.refreshes.schedule(key, &remembered, times);
                }
                let is_refreshing = remembered.is_refreshing;
                let source = if is_refreshing { Source::Refreshing } else { Source::Memory };
                Found::of(remembered, source, now)
            }
            older => {
                self.shared.metrics.miss();
                let older = older.filter(|older| older.bridges(now, times));
                Box::pin(self.ask(key, inquiry, older, trace)).await
            }
        }
    }

    /// SAP first, then what it said before.
    async fn ask(
        &self,
        key: Key,
        inquiry: &Inquiry<'_>,
        mut older: Option<Remembered>,
        trace: impl Fn(&Arc<Requests>) -> Trace,
    ) -> Found {
        let Inquiry { sap, deadline, .. } = inquiry;
        // Another replica may know what SAP would not tell this one now.
        let shares = self.shared.sharing.as_ref().is_some_and(Sharing::is_answering);
        if !shares && let Err(error) = sap.admits(Urgency::Live) {
            return self.without_sap(inquiry, older, Silence::Sap(Arc::new(error)), None);
        }
        let is_silent = sap.is_known_silent();
        let mut is_second_try = false;
        loop {
            let seat = match self.shared.flights.join(key, is_second_try) {
                Joined::Failed(silence) => {
                    return self.without_sap(inquiry, older, silence, None);
                }
                Joined::Follow(seat) => seat,
                Joined::Lead(seat) => {
                    self.take_off(Some(key), &seat, inquiry, &trace);
                    seat
                }
            };
            // A moment only: it ends with what other replicas know, or with the budget for that.
            if shares && let Ok(Some(known)) = timeout_at(*deadline, seat.beyond()).await {
                older = Some(known);
            }
            let until = match &older {
                None => *deadline,
                // It will most likely be in vain; what SAP says is for the next caller.
                Some(_) if is_silent => inquiry.started,
                // Whoever comes second has not to find out once more that SAP is slow.
                Some(_) => (*deadline).min(seat.flight.started + inquiry.answer_within),
            };
            match timeout_at(until, seat.told()).await {
                // Asked for before a rule looked at more than it does now.
                Ok(Landed { result: Ok(remembered), .. })
                    if !remembered.has(inquiry.sap.reads()) => {}
                Ok(Landed { result: Ok(remembered), queued, took, source }) => {
                    return Found::landed(remembered, source, queued, took).by(&seat);
                }
                Ok(told @ Landed { result: Err(_), .. }) => {
                    let Err(silence) = &told.result else { continue };
                    let left = deadline.saturating_duration_since(Instant::now());
                    if !is_second_try
                        && older.is_none()
                        && silence.came_of_haste()
                        && seat.joined_after > seat.flight.started.elapsed() / 2
                        && left > (*deadline - inquiry.started) / 2
                    {
                        is_second_try = true;
                        continue;
                    }
                    return self
                        .without_sap(inquiry, older, silence.clone(), Some(&told))
                        .by(&seat);
                }
                Err(_elapsed) => {
                    let found = self.left_behind(inquiry, older, &seat, is_silent);
                    // What SAP says is for the next caller.
                    if found.known.is_some() {
                        seat.leave_it_flying();
                    }
                    return found;
                }
            }
        }
    }

    /// For a caller who waits for a flight no longer.
    fn left_behind(
        &self,
        inquiry: &Inquiry<'_>,
        older: Option<Remembered>,
        seat: &Seat,
        is_silent: bool,
    ) -> Found {
        let silence = seat.flight.silence_so_far();
        let found = match older {
            Some(older) if !is_silent => {
                self.shared.metrics.stale_used();
                inquiry.sap.call_served_stale();
                Found {
                    silence: Some(silence),
                    sap_took: Some(inquiry.started.elapsed()),
                    ..Found::of(older, Source::Stale, Instant::now())
                }
            }
            older => self.without_sap(inquiry, older, silence, None),
        };
        found.by(seat)
    }

    /// The same without memory, for an SAP whose answers depend on the dialled number and not on the
    /// partner alone. Under the partner's ID the next call would get them for another number, and a
    /// key with the number in it would keep numbers for hours: personal data that nobody needs.
    async fn ask_only(
        &self,
        inquiry: &Inquiry<'_>,
        trace: impl Fn(&Arc<Requests>) -> Trace,
    ) -> Found {
        self.shared.metrics.miss();
        if let Err(error) = inquiry.sap.admits(Urgency::Live) {
            return self.without_sap(inquiry, None, Silence::Sap(Arc::new(error)), None);
        }
        let seat = Seat::alone();
        self.take_off(None, &seat, inquiry, &trace);
        let found = match timeout_at(inquiry.deadline, seat.told()).await {
            Ok(Landed { result: Ok(remembered), queued, took, source }) => {
                Found::landed(remembered, source, queued, took)
            }
            Ok(told) => {
                let silence = told.result.as_ref().err().cloned().unwrap_or(Silence::Lost);
                self.without_sap(inquiry, None, silence, Some(&told))
            }
            Err(_elapsed) => self.without_sap(inquiry, None, seat.flight.silence_so_far(), None),
        };
        found.by(&seat)
    }

    /// The last rungs: what SAP said before, or nothing.
    fn without_sap(
        &self,
        inquiry: &Inquiry<'_>,
        older: Option<Remembered>,
        silence: Silence,
        told: Option<&Landed>,
    ) -> Found {
        let waited = inquiry.started.elapsed();
        // Whoever got no place waited in our own queue, and not for SAP.
        let (queued, sap_took) = match told {
            _ if silence.is_our_own_queue() => (Some(waited), None),
            Some(told) => ((!told.queued.is_zero()).then_some(told.queued), Some(told.took)),
            None if matches!(silence, Silence::Deadline) => (None, Some(waited)),
            None => (None, None),
        };
        let found = if let Some(older) = older {
            self.shared.metrics.last_good_used();
            inquiry.sap.call_served_stale();
            Found::of(older, Source::LastGood, Instant::now())
        } else {
            inquiry.sap.call_refused();
            Found::NOTHING
        };
        Found { queued, sap_took, silence: Some(silence), ..found }
    }

    fn take_off(
        &self,
        key: Option<Key>,
        seat: &Seat,
        inquiry: &Inquiry<'_>,
        trace: &impl Fn(&Arc<Requests>) -> Trace,
    ) {
        let requests = &seat.flight.requests;
        requests.are_for(trace(requests));
        let trip = Trip {
            key,
            flight: Arc::clone(&seat.flight),
            sap: Arc::clone(inquiry.sap),
            times: inquiry.times.clone(),
            partner: inquiry.partner,
            dialled: inquiry.dialled.copied(),
            urgency: Urgency::Live,
            deadline: inquiry.deadline,
        };
        self.tasks.spawn(Arc::clone(&self.shared).fly(trip));
    }
}

#[cfg(test)]
mod tests;
