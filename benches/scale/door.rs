//! The way to SAP in the model: places, who waits for one, the breaker, one question about a partner at
//! a time. One for each replica, or one for all of them.

use std::collections::{HashMap, VecDeque};

/// As `sap::door::breaker` has it: so many failures in a row open it.
const IN_A_ROW: u32 = 5;

/// Somebody who waits for what SAP says of a partner.
pub(crate) struct Waiting {
    pub(crate) replica: usize,
    pub(crate) call: u64,
}

/// A question about a partner.
#[derive(Default)]
pub(crate) struct Flight {
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) was_sent: bool,
    pub(crate) is_refresh: bool,
    /// The replica whose question it is.
    pub(crate) replica: usize,
}

/// Milliseconds since the day began.
pub(crate) type Moment = u64;

#[derive(Default)]
pub(crate) struct Door {
    pub(crate) capacity: usize,
    pub(crate) busy: usize,
    pub(crate) live: VecDeque<u32>,
    pub(crate) refreshes: VecDeque<u32>,
    pub(crate) flights: HashMap<u32, Flight>,
    /// So many failures in a row open the breaker.
    in_a_row: u32,
    failures: u32,
    open: bool,
    opened: u32,
    /// SAP wants to be left alone until then.
    held_until: Moment,
}

impl Door {
    /// For so many replicas: each has a breaker of its own, and has to see the failures itself.
    pub(crate) fn new(capacity: usize, replicas: u32) -> Self {
        Self { capacity, in_a_row: IN_A_ROW * replicas, ..Self::default() }
    }

    /// SAP is not asked by calls now.
    pub(crate) fn is_shut(&self, now: Moment) -> bool {
        self.open || now < self.held_until
    }

    /// The next question to send, if there is a place: live ones first, and none that nobody waits for.
    pub(crate) fn next(&mut self, now: Moment) -> Option<u32> {
        while self.busy < self.capacity && !self.is_shut(now) {
            let partner = self.live.pop_front().or_else(|| self.refreshes.pop_front())?;
            let Some(flight) = self.flights.get_mut(&partner) else { continue };
            if flight.was_sent {
                continue;
            }
            if flight.waiting.is_empty() && !flight.is_refresh {
                self.flights.remove(&partner);
                continue;
            }
            flight.was_sent = true;
            self.busy += 1;
            return Some(partner);
        }
        None
    }

    /// SAP has answered.
    pub(crate) fn answered(&mut self) {
        self.failures = 0;
        self.opened = 0;
        self.open = false;
    }

    /// It has not. Returns how long until it is probed, where that opens the breaker.
    pub(crate) fn failed(&mut self, open_for: u64, longest: u64) -> Option<u64> {
        self.failures += 1;
        if self.open || self.failures < self.in_a_row {
            return None;
        }
        self.open = true;
        Some(self.later(open_for, longest))
    }

    /// How long until the next probe: doubled with each that fails.
    pub(crate) fn later(&mut self, open_for: u64, longest: u64) -> u64 {
        let wait = open_for << self.opened.min(16);
        self.opened += 1;
        wait.min(longest)
    }

    /// SAP has said when it may be asked again.
    pub(crate) fn hold(&mut self, until: Moment) {
        self.held_until = self.held_until.max(until);
    }

    /// Everybody whose question was not sent is sent away.
    pub(crate) fn send_away(&mut self) -> Vec<(u32, Flight)> {
        self.live.clear();
        self.refreshes.clear();
        let unsent = self.flights.iter().filter(|(_, flight)| !flight.was_sent);
        let unsent: Vec<_> = unsent.map(|(partner, _)| *partner).collect();
        unsent
            .into_iter()
            .filter_map(|partner| Some((partner, self.flights.remove(&partner)?)))
            .collect()
    }
}
