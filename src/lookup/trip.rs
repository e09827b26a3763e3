//! One lookup's way to SAP and back into memory, in a task of its own: what was sent is finished and
//! remembered, whoever has hung up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Shared,
    flight::{Flight, Landed},
    memory::{Key, Remembered},
    shared::{Approach, Turns},
    silence::Silence,
};
use crate::{
    config::Cache,
    domain::{DialledNumber, PartnerId, Source},
    sap::{LookupError, Question, SapClient, Urgency},
};

/// Everything that a flight takes along.
pub(super) struct Trip {
    pub(super) key: Option<Key>,
    pub(super) flight: Arc<Flight>,
    pub(super) sap: Arc<SapClient>,
    pub(super) times: Cache,
    pub(super) partner: PartnerId,
    pub(super) dialled: Option<DialledNumber>,
    pub(super) urgency: Urgency,
    pub(super) deadline: Instant,
}

impl Shared {
    /// Asks other replicas, then SAP, remembers what it says and tells those who wait.
    pub(super) async fn fly(self: Arc<Self>, trip: Trip) {
        let flight = Arc::clone(&trip.flight);
        let landing = Landing {
            shared: &self,
            key: trip.key,
            flight: &flight,
            has_told: AtomicBool::new(false),
        };
        let nothing = Duration::ZERO;
        let (turns, by) = match &self.sharing {
            Some(sharing) if sharing.is_answering() => {
                let approach = tokio::select! {
                    approach = Box::pin(self.approach(sharing, &trip)) => approach,
                    () = self.flights.abandoned(trip.key, &flight) => {
                        return trip.sap.was_abandoned();
                    }
                    () = self.closing.cancelled() => return,
                };
                match approach {
                    Approach::Told(remembered) => {
                        return landing.known(remembered);
                    }
                    Approach::Failed(why) => {
                        let silence = Silence::Elsewhere(why);
                        return landing.end(Err(silence), nothing, nothing, Source::None, true);
                    }
                    Approach::Late => {
                        let silence = Silence::Deadline;
                        return landing.end(Err(silence), nothing, nothing, Source::None, false);
                    }
                    Approach::Ask(turns, by) => (turns, by),
                }
            }
            // Nobody to ask: the way to SAP costs no more than without a shared memory.
            _ => {
                flight.is_beyond(None);
                (Turns::new(None), None)
            }
        };
        self.ask(&trip, &landing, &turns, by).await;
        // What SAP said, or how it failed, has ended the turn before.
        if let Some(sharing) = &self.sharing {
            turns.end(sharing);
        }
    }

    async fn ask(&self, trip: &Trip, landing: &Landing<'_>, turns: &Turns, by: Option<Instant>) {
        let Trip { key, flight, sap, times, partner, dialled, urgency, deadline } = trip;
        let (key, urgency) = (*key, *urgency);
        let pass = tokio::select! {
            pass = sap.enter_by(urgency, *deadline, by) => pass,
            () = self.flights.abandoned(key, flight) => return sap.was_abandoned(),
            () = self.closing.cancelled() => return,
        };
        let pass = match pass {
            Ok(pass) => pass,
            // Tells of our door and not of the partner: not for those who come later.
            Err(error) => {
                return landing.tell(Err(error), Duration::ZERO, Duration::ZERO, false);
            }
        };
        if urgency == Urgency::Refresh {
            self.metrics.refreshed();
        }
        flight.is_sent();
        let (queued, began) = (pass.queued, Instant::now());
        let question = Question {
            partner: *partner,
            dialled: dialled.as_ref(),
            trace: flight.requests.trace(),
            requests: &flight.requests,
        };
        // A box of its own: thousands may wait for a place, a handful have one.
        let asking = Box::pin(sap.ask(pass, question, |result| {
            // What SAP thinks of our credentials is known at its door; a correction counts at once.
            let is_shared = !matches!(&result, Err(error) if error.is_about_credentials());
            let result = result.map(|told| {
                self.seen.note(&told.lookup);
                let remembered = self.memory.note(told, sap.reads(), times);
                if let Some(key) = key {
                    self.memory.remember(&key, remembered.clone());
                    self.flights.forget_failure(&key);
                }
                remembered
            });
            if let (Some(sharing), Some(key)) = (&self.sharing, key) {
                match &result {
                    Ok(remembered) => sharing.write(key, turns, remembered, times),
                    Err(error) if is_shared => {
                        turns.failed(sharing, error.outcome(), flight.shared_for());
                    }
                    Err(_) => turns.end(sharing),
                }
            }
            landing.tell(result, queued, began.elapsed(), is_shared);
        }));
        tokio::select! {
            () = asking => {}
            () = self.closing.cancelled() => {}
        }
    }
}

/// Lands a flight once, whatever happens to the task.
struct Landing<'f> {
    shared: &'f Shared,
    key: Option<Key>,
    flight: &'f Arc<Flight>,
    has_told: AtomicBool,
}

impl Landing<'_> {
    fn tell(
        &self,
        result: Result<Remembered, LookupError>,
        queued: Duration,
        took: Duration,
        shared: bool,
    ) {
        let result = result.map_err(|error| Silence::Sap(Arc::new(error)));
        self.end(result, queued, took, Source::Sap, shared);
    }

    /// Another replica knows it.
    fn known(&self, remembered: Remembered) {
        self.end(Ok(remembered), Duration::ZERO, Duration::ZERO, Source::Shared, false);
    }

    fn end(
        &self,
        result: Result<Remembered, Silence>,
        queued: Duration,
        took: Duration,
        source: Source,
        shared: bool,
    ) {
        if !self.has_told.swap(true, Ordering::Relaxed) {
            let told = Landed { result, queued, took, source };
            self.shared.flights.land(self.key, self.flight, told, shared);
        }
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.end(Err(Silence::Lost), Duration::ZERO, Duration::ZERO, Source::None, false);
    }
}
