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

/// A call, and the how manieth of its ring it is.
type Noted = (u64, CallFacts);

/// Some of the calls, each under a lock of its own.
type Part = Box<[Mutex<Option<Noted>>]>;

/// How far somebody has read, by the order in which calls were noted: at their end. Their names are in
/// the order of their beginnings, and a slow one is noted behind many that began after it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cursor {
    from_memory: u64,
    others: u64,
}

/// What was noted since somebody read last.
#[derive(Debug, Default)]
pub struct News {
    /// The newest of those that are wanted, the oldest first.
    pub calls: Vec<CallFacts>,
    /// There were more that are wanted, or that are gone already.
    pub has_missed: bool,
}

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

    /// What there will be from now on.
    pub fn from_now_on(&self) -> Cursor {
        Cursor { from_memory: self.from_memory.count(), others: self.others.count() }
    }

    /// The newest `most` that are wanted of those that were noted since, each told once.
    pub fn news(
        &self,
        since: &mut Cursor,
        most: usize,
        is_wanted: impl Fn(&CallFacts) -> bool,
    ) -> News {
        let mut news = self.from_memory.news(&mut since.from_memory, most, &is_wanted);
        let others = self.others.news(&mut since.others, most, &is_wanted);
        news.calls.extend(others.calls);
        news.calls.sort_by_key(|facts| facts.call);
        let surplus = news.calls.len().saturating_sub(most);
        news.calls.drain(..surplus);
        news.has_missed |= others.has_missed || surplus > 0;
        news
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
            let mut there = slot.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever was overtaken by a whole round comes too late.
            let before = match &*there {
                Some((noted, _)) if *noted > at => Some((at, facts)),
                _ => there.replace((at, facts)),
            };
            drop(there);
            drop(before);
        }
    }

    fn count(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn slot(&self, at: u64, make: bool) -> Option<&Mutex<Option<Noted>>> {
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
    fn newest(&self) -> impl Iterator<Item = &Mutex<Option<Noted>>> {
        let written = self.count();
        let oldest = written.saturating_sub((PART * PARTS) as u64);
        (oldest..written).rev().filter_map(|at| self.slot(at, false))
    }

    fn last(&self, most: usize, is_wanted: impl Fn(&CallFacts) -> bool) -> Vec<CallFacts> {
        let read = |slot: &Mutex<Option<Noted>>| {
            let there = slot.lock().unwrap_or_else(PoisonError::into_inner);
            there.as_ref().map(|(_, facts)| facts).filter(|facts| is_wanted(facts)).cloned()
        };
        self.newest().filter_map(read).take(most).collect()
    }

    fn find(&self, is_it: impl Fn(&CallFacts) -> bool) -> Option<CallFacts> {
        self.newest().find_map(|slot| {
            let there = slot.lock().unwrap_or_else(PoisonError::into_inner);
            there.as_ref().map(|(_, facts)| facts).filter(|facts| is_it(facts)).cloned()
        })
    }

    fn news(&self, since: &mut u64, most: usize, is_wanted: impl Fn(&CallFacts) -> bool) -> News {
        let written = self.count();
        let oldest = written.saturating_sub((PART * PARTS) as u64);
        let first = oldest.max(*since);
        let mut news = News { has_missed: first > *since, ..News::default() };
        // Whoever has a number may not have written yet: his call comes with the next news.
        let has_written = |at: &u64| self.at(*at, |(noted, _)| *noted >= *at) == Some(true);
        let end = (first..written).take_while(has_written).last().map_or(first, |last| last + 1);
        *since = end;
        for at in (first..end).rev() {
            let found = self.at(at, |(noted, facts)| {
                let is_gone = *noted != at;
                let is_told = !is_gone && is_wanted(facts);
                is_told.then(|| facts.clone()).ok_or(is_gone)
            });
            match found {
                Some(Ok(_)) if news.calls.len() == most => {
                    news.has_missed = true;
                    break;
                }
                Some(Ok(facts)) => news.calls.push(facts),
                Some(Err(is_gone)) => news.has_missed |= is_gone,
                None => {}
            }
        }
        news.calls.reverse();
        news
    }

    /// Reads what is at a place.
    fn at<T>(&self, at: u64, read: impl FnOnce(&Noted) -> T) -> Option<T> {
        let there = self.slot(at, false)?.lock().unwrap_or_else(PoisonError::into_inner);
        there.as_ref().map(read)
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

    fn news(recent: &Recent, since: &mut Cursor, most: usize) -> (Vec<CallId>, bool) {
        let News { calls, has_missed } = recent.news(since, most, |_facts| true);
        (sorted(calls.iter().map(|facts| facts.call)), has_missed)
    }

    /// The names of one millisecond are in no order.
    fn sorted(calls: impl IntoIterator<Item = CallId>) -> Vec<CallId> {
        let mut calls: Vec<_> = calls.into_iter().collect();
        calls.sort();
        calls
    }

    #[test]
    fn a_slow_call_is_news_although_others_began_after_it_and_were_told_before() {
        let recent = Recent::default();
        noted(&recent, HIT);
        let mut since = recent.from_now_on();
        let slow = facts(CallId::new(Moment::now()), REFUSED);
        let hit = noted(&recent, HIT);
        assert_eq!(news(&recent, &mut since, 10), (vec![hit], false));

        recent.note(&slow);
        let other = noted(&recent, HIT);

        assert_eq!(news(&recent, &mut since, 10), (sorted([slow.call, other]), false));
        assert_eq!(news(&recent, &mut since, 10), (vec![], false), "each is told once");
    }

    #[test]
    fn of_more_news_than_wanted_the_newest_come_and_that_there_were_more_is_told() {
        let recent = Recent::default();
        let mut since = Cursor::default();
        let all: Vec<_> = (0..8).map(|_| noted(&recent, HIT)).collect();
        assert_eq!(news(&recent, &mut since, 5), (sorted(all.into_iter().skip(3)), true));
        for _ in 0..3 {
            noted(&recent, REFUSED);
        }

        for _ in 0..=PART * PARTS {
            noted(&recent, HIT);
        }
        let (told, has_missed) = news(&recent, &mut since, usize::MAX);
        assert_eq!((told.len(), has_missed), (PART * PARTS + 3, true), "the first hit is gone");
        let mut since = Cursor::default();
        let refused = recent.news(&mut since, 5, |facts| facts.verdict == REFUSED).calls;
        assert_eq!(refused.len(), 3);
    }

    #[test]
    fn a_call_that_has_its_number_and_is_not_written_yet_holds_back_those_behind_it() {
        let ring = Ring::default();
        let late = ring.written.fetch_add(1, Ordering::Relaxed);
        let other = facts(CallId::new(Moment::now()), HIT);
        ring.push(other.clone());
        let mut since = 0;
        assert!(ring.news(&mut since, 10, |_facts| true).calls.is_empty());

        let slot = ring.slot(late, true).unwrap();
        *slot.lock().unwrap() = Some((late, facts(CallId::new(Moment::now()), HIT)));

        assert_eq!(ring.news(&mut since, 10, |_facts| true).calls.len(), 2);
        assert_eq!(since, 2);
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
