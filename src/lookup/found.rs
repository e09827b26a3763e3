//! What a call gets to know of a partner.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{flight::Seat, memory::Remembered, silence::Silence};
use crate::{domain::Source, sap::Requests};

/// What is known of a partner: always said from where, how old it is, and what SAP did.
pub struct Found {
    /// What SAP said, now or before; `None`: nothing is known.
    pub known: Option<Remembered>,
    /// From where; [`Source::None`] where nothing is known.
    pub source: Source,
    /// How long ago SAP said it.
    pub age: Duration,
    /// Waited for a place among the requests to SAP.
    pub queued: Option<Duration>,
    /// Waited for SAP.
    pub sap_took: Option<Duration>,
    /// Why SAP has not said it now.
    pub silence: Option<Silence>,
    /// What was sent to SAP for this call, or for one that asked at the same moment.
    pub requests: Option<Arc<Requests>>,
}

impl Found {
    pub(super) const NOTHING: Self = Self {
        known: None,
        source: Source::None,
        age: Duration::ZERO,
        queued: None,
        sap_took: None,
        silence: None,
        requests: None,
    };

    pub(super) fn of(remembered: Remembered, source: Source, now: Instant) -> Self {
        Self { age: remembered.age(now), known: Some(remembered), source, ..Self::NOTHING }
    }

    /// At the end of a flight.
    pub(super) fn landed(
        remembered: Remembered,
        source: Source,
        queued: Duration,
        took: Duration,
    ) -> Self {
        Self {
            queued: (!queued.is_zero()).then_some(queued),
            sap_took: (source == Source::Sap).then_some(took),
            ..Self::of(remembered, source, Instant::now())
        }
    }

    /// By this flight.
    pub(super) fn by(self, seat: &Seat) -> Self {
        Self { requests: Some(Arc::clone(&seat.flight.requests)), ..self }
    }
}
