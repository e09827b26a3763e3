//! The calls that were decided lately, for the status page and for `dialgate explain CALL-ID`.
//!
//! Answers out of memory come in crowds, so that they have a place of their own: what SAP was asked
//! for and what was refused is still there after thousands of them.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::facts::{CallFacts, Verdict};
use crate::{domain::Source, telemetry::clock::CallId};

/// Calls in one part of a ring, which takes its memory with its first call.
const PART: usize = 256;

/// Parts of a ring: 5120 calls of each kind, about 2 MiB where both are full. At five calls a second,
/// as many as a large contact centre makes, that is a quarter of an hour of each.
const PARTS: usize = 20;

/// The calls that were decided lately.
#[derive(Default)]
pub struct Recent {
    from_memory: Ring,
    others: Ring,
}

/// Some of the calls, each under a lock of its own.
type Part = Box<[Mutex<Option<CallFacts>>]>;

/// Writing takes a number and a lock that nobody else wants, unless somebody reads at that place.
struct Ring {
    written: AtomicU64,
    parts: [OnceLock<Part>; PARTS],
}

impl Recent {
    /// A call was decided.
    pub(super) fn note(&self, facts: &CallFacts) {
        let is_from_memory = matches!(
            facts.verdict,
            Verdict::Dial { source: Source::Memory | Source::Refreshing, .. }
        );
        let ring = if is_from_memory { &self.from_memory } else { &self.others };
        ring.push(facts.clone());
    }

    /// How many were decided since the start.
    pub fn count(&self) -> u64 {
        self.from_memory.count() + self.others.count()
    }

    /// The last `most` of those that are wanted, the newest first.
    pub fn last(&self, most: usize, is_wanted: impl Fn(&CallFacts) -> bool) -> Vec<CallFacts> {
        let mut all = self.from_memory.last(most, &is_wanted);
        all.extend(self.others.last(most, &is_wanted));
        all.sort_by_key(|facts| std::cmp::Reverse(facts.call));
        all.truncate(most);
        all
    }

    /// The call of this name, if it is still known.
    pub fn find(&self, call: CallId) -> Option<CallFacts> {
        let is_it = |facts: &CallFacts| facts.call == call;
        self.others.find(is_it).or_else(|| self.from_memory.find(is_it))
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self { written: AtomicU64::new(0), parts: [const { OnceLock::new() }; PARTS] }
    }
}

impl Ring {
    fn push(&self, facts: CallFacts) {
        let at = self.written.fetch_add(1, Ordering::Relaxed);
        if let Some(slot) = self.slot(at, true) {
            let before = slot.lock().unwrap_or_else(PoisonError::into_inner).replace(facts);
            drop(before);
        }
    }

    fn count(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn slot(&self, at: u64, make: bool) -> Option<&Mutex<Option<CallFacts>>> {
        let place = usize::try_from(at % (PART * PARTS) as u64).ok()?;
        let part = self.parts.get(place / PART)?;
        let part = if make {
            part.get_or_init(|| (0..PART).map(|_| Mutex::default()).collect())
        } else {
            part.get()?
        };
        part.get(place % PART)
    }

    /// What is at the places that were written last, the newest first.
    fn newest(&self) -> impl Iterator<Item = &Mutex<Option<CallFacts>>> {
        let written = self.count();
        let oldest = written.saturating_sub((PART * PARTS) as u64);
        (oldest..written).rev().filter_map(|at| self.slot(at, false))
    }

    fn last(&self, most: usize, is_wanted: impl Fn(&CallFacts) -> bool) -> Vec<CallFacts> {
        let read = |slot: &Mutex<Option<CallFacts>>| {
            let there = slot.lock().unwrap_or_else(PoisonError::into_inner);
            there.as_ref().filter(|facts| is_wanted(facts)).cloned()
        };
        self.newest().filter_map(read).take(most).collect()
    }

    fn find(&self, is_it: impl Fn(&CallFacts) -> bool) -> Option<CallFacts> {
        self.newest().find_map(|slot| {
            let there = slot.lock().unwrap_or_else(PoisonError::into_inner);
            there.as_ref().filter(|facts| is_it(facts)).cloned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{CallerId, Reason},
        gateway::facts::testing::facts,
        telemetry::clock::Moment,
    };

    fn noted(recent: &Recent, verdict: Verdict) -> CallId {
        let facts = facts(CallId::new(Moment::now()), verdict);
        recent.note(&facts);
        facts.call
    }

    const REFUSED: Verdict =
        Verdict::Refuse { reason: Reason::PartnerUnknown, source: Source::Sap };
    const HIT: Verdict = Verdict::Dial { source: Source::Memory, caller_id: CallerId::Fits };

    #[test]
    fn a_refusal_is_still_known_after_a_crowd_of_answers_from_memory() {
        let recent = Recent::default();
        let refused = noted(&recent, REFUSED);
        let first = noted(&recent, HIT);
        for _ in 0..PART * PARTS {
            noted(&recent, HIT);
        }

        assert_eq!(recent.find(refused).map(|facts| facts.call), Some(refused));
        assert!(recent.find(first).is_none(), "the first of a crowd makes room");
        assert_eq!(recent.count(), (PART * PARTS) as u64 + 2);
    }

    #[test]
    fn the_last_ones_come_newest_first_and_no_more_than_wanted() {
        let recent = Recent::default();
        for place in 0..20 {
            noted(&recent, if place % 3 == 0 { REFUSED } else { HIT });
        }

        let last = recent.last(7, |_facts| true);

        assert_eq!(last.len(), 7);
        assert!(last.is_sorted_by_key(|facts| std::cmp::Reverse(facts.call)));
        assert_eq!(recent.last(usize::MAX, |_facts| true).len(), 20);
        let refused = recent.last(usize::MAX, |facts| facts.verdict == REFUSED);
        assert_eq!(refused.len(), 7);
    }
}
