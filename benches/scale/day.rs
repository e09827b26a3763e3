//! What a day is worked with, and what came of it.

/// How many may be with SAP at once.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Places {
    /// `max_in_flight` in each replica, as if it were alone.
    Each,
    /// `max_in_flight` divided by the replicas, one at least.
    Divided,
    /// `max_in_flight` of all replicas together.
    Common,
}

/// What replicas have in common.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Sharing {
    Nothing,
    /// Lookups, and one question about a partner at a time.
    Memory,
}

/// The parts of a day.
pub(crate) const PARTS: [&str; 4] =
    ["first hour, nothing remembered", "until the outage", "half an hour of outage", "after it"];

/// What came of a part of the day.
#[derive(Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) calls: u64,
    /// Answered from memory, the own one or the shared one.
    pub(crate) memory: u64,
    /// Waited for SAP's answer.
    pub(crate) sap: u64,
    /// Answered by what SAP had said before.
    pub(crate) older: u64,
    pub(crate) refused: u64,
    /// Requests to SAP, those ahead of time and probes included.
    pub(crate) requests: u64,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Day {
    pub(crate) parts: [Part; PARTS.len()],
    pub(crate) requests: u64,
    pub(crate) most_at_once: usize,
    /// Hours until the quota was used up.
    pub(crate) quota_lasted: Option<f64>,
}

impl Day {
    /// All parts together.
    pub(crate) fn whole(&self) -> Part {
        self.parts.iter().fold(Part::default(), |sum, part| Part {
            calls: sum.calls + part.calls,
            memory: sum.memory + part.memory,
            sap: sum.sap + part.sap,
            older: sum.older + part.older,
            refused: sum.refused + part.refused,
            requests: sum.requests + part.requests,
        })
    }
}
