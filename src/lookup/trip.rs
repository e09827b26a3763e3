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
    silence::Silence,
};
use crate::{
    config::Cache,
    domain::{DialledNumber, PartnerId},
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
    /// Asks SAP, remembers what it says and tells those who wait.
    pub(super) async fn fly(self: Arc<Self>, trip: Trip) {
        let Trip { key, flight, sap, times, partner, dialled, urgency, deadline } = trip;
        let landing =
            Landing { shared: &self, key, flight: &flight, has_told: AtomicBool::new(false) };
        let pass = tokio::select! {
            pass = sap.enter(urgency, deadline) => pass,
            () = self.flights.abandoned(key, &flight) => return sap.was_abandoned(),
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
            partner,
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
                let remembered = self.memory.note(told, sap.reads(), &times);
                if let Some(key) = key {
                    self.memory.remember(&key, remembered.clone());
                    self.flights.forget_failure(&key);
                }
                remembered
            });
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
        if !self.has_told.swap(true, Ordering::Relaxed) {
            let result = result.map_err(|error| Silence::Sap(Arc::new(error)));
            self.shared.flights.land(
                self.key,
                self.flight,
                Landed { result, queued, took },
                shared,
            );
        }
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        if !self.has_told.swap(true, Ordering::Relaxed) {
            let nothing = Duration::ZERO;
            let told = Landed { result: Err(Silence::Lost), queued: nothing, took: nothing };
            self.shared.flights.land(self.key, self.flight, told, false);
        }
    }
}
