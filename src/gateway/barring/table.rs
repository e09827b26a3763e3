//! The addresses that have failed lately: so many and no more, whoever tries.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::Place;

/// About 2 MiB. Somebody with more addresses than these is not stopped by looking at addresses.
const MOST: usize = 10_000;

/// As many failures as are free are forgotten within it.
const WINDOW: Duration = Duration::from_mins(1);

/// Failures are counted in thousandths, so that they can be forgotten one by one.
const ONE: u64 = 1000;

#[derive(Default)]
pub(super) struct Table {
    entries: HashMap<Place, Entry>,
    /// By the order of their last failures.
    order: BTreeMap<u64, Place>,
    next: u64,
    barred: usize,
}

/// One address that has failed.
#[derive(Debug)]
pub(super) struct Entry {
    /// Thousandths of failures that are not forgotten.
    thousandths: u64,
    last: Instant,
    turn: u64,
    barred_until: Option<Instant>,
    /// Since it is known.
    pub(super) failures: u64,
    /// While it was barred.
    pub(super) refused: u64,
}

impl Entry {
    /// Failures that count.
    pub(super) fn level(&self) -> u32 {
        u32::try_from(self.thousandths.div_ceil(ONE)).unwrap_or(u32::MAX)
    }

    pub(super) fn is_to_be_barred(&self, level: u32, after: u32, now: Instant) -> bool {
        level >= after && self.barred_until.is_none_or(|until| until <= now)
    }

    pub(super) fn bar(&mut self, until: Instant) {
        self.barred_until = Some(until);
        self.refused = 0;
    }

    pub(super) fn is_barred(&self) -> bool {
        self.barred_until.is_some()
    }

    fn forget(&mut self, now: Instant, free: u32) {
        let passed = now.saturating_duration_since(self.last).as_millis();
        let forgotten =
            passed.saturating_mul(u128::from(free) * u128::from(ONE)) / WINDOW.as_millis();
        let forgotten = u64::try_from(forgotten).unwrap_or(u64::MAX);
        self.thousandths = self.thousandths.saturating_sub(forgotten);
        self.last = now;
    }
}

impl Table {
    pub(super) fn barred(&self) -> usize {
        self.barred
    }

    /// One more failure.
    pub(super) fn failed(&mut self, place: Place, now: Instant, free: u32) -> Listed<'_> {
        let turn = self.next;
        self.next += 1;
        let entry = self.entries.entry(place).or_insert_with(|| Entry {
            thousandths: 0,
            last: now,
            turn,
            barred_until: None,
            failures: 0,
            refused: 0,
        });
        self.order.remove(&entry.turn);
        self.order.insert(turn, place);
        entry.turn = turn;
        entry.forget(now, free);
        entry.thousandths = entry.thousandths.saturating_add(ONE);
        entry.failures += 1;
        Listed { entry, barred: &mut self.barred }
    }

    /// The one that has failed least lately goes, where there are too many.
    pub(super) fn make_room(&mut self) -> Option<(Place, Entry)> {
        if self.entries.len() <= MOST {
            return None;
        }
        let (_, place) = self.order.pop_first()?;
        let entry = self.entries.remove(&place)?;
        self.barred -= usize::from(entry.is_barred());
        Some((place, entry))
    }

    /// How long it is still barred; one more request of it is refused then.
    pub(super) fn refuse(&mut self, place: Place, now: Instant) -> Option<Duration> {
        let entry = self.entries.get_mut(&place)?;
        let left =
            entry.barred_until?.checked_duration_since(now).filter(|left| !left.is_zero())?;
        entry.refused += 1;
        Some(left)
    }

    /// Its bar is over: it begins anew.
    pub(super) fn end_if_over(&mut self, place: Place, now: Instant) -> Option<(Place, Entry)> {
        let is_over = |entry: &Entry| entry.barred_until.is_some_and(|until| until <= now);
        self.entries.get(&place).filter(|entry| is_over(entry))?;
        let entry = self.entries.remove(&place)?;
        self.order.remove(&entry.turn);
        self.barred -= 1;
        Some((place, entry))
    }

    /// Those whose bar is over are forgotten.
    pub(super) fn let_go(&mut self, now: Instant) -> Vec<(Place, Entry)> {
        let is_over = |entry: &Entry| entry.barred_until.is_some_and(|until| until <= now);
        let over: Vec<_> = self.entries.extract_if(|_, entry| is_over(entry)).collect();
        for (_, entry) in &over {
            self.order.remove(&entry.turn);
        }
        self.barred -= over.len();
        over
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.order.len());
        assert_eq!(self.barred, self.entries.values().filter(|entry| entry.is_barred()).count());
        self.entries.len()
    }
}

/// An entry of the table, which knows how many are barred.
pub(super) struct Listed<'t> {
    entry: &'t mut Entry,
    barred: &'t mut usize,
}

impl Listed<'_> {
    pub(super) fn bar(&mut self, until: Instant) {
        *self.barred += usize::from(!self.entry.is_barred());
        self.entry.bar(until);
    }
}

impl std::ops::Deref for Listed<'_> {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        self.entry
    }
}
