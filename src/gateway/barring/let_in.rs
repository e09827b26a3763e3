//! Where somebody was let in lately: a small table without a lock.
//!
//! Only whoever was let in writes into it, so that strangers push nobody out. An address that others
//! push out is treated like one that nobody has come from.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::Place;

/// Addresses in one row; they share it by chance.
const ROW: usize = 4;

/// 4096 addresses, 32 KiB.
const ROWS: usize = 1024;

/// So long somebody counts as let in, in minutes.
const LATELY: u64 = 60;

/// Bits of a slot for the minute; the others are the address's mark.
const MINUTE_BITS: u32 = 24;

const MINUTES: u64 = (1 << MINUTE_BITS) - 1;

pub(super) struct LetIn {
    rows: Box<[[AtomicU64; ROW]]>,
    hasher: RandomState,
    began: Instant,
}

impl LetIn {
    pub(super) fn new(now: Instant) -> Self {
        let rows = (0..ROWS).map(|_| Default::default()).collect();
        // Nobody can tell which addresses share a row.
        Self { rows, hasher: RandomState::new(), began: now }
    }

    /// From there somebody was let in. Writes once a minute.
    pub(super) fn note(&self, place: Place, now: Instant) {
        let (row, mark) = self.find(place);
        let new = mark | self.minute(now);
        let mut oldest: Option<(u64, &AtomicU64)> = None;
        for slot in row {
            let there = slot.load(Ordering::Relaxed);
            if there == new {
                return;
            }
            if there & !MINUTES == mark {
                return slot.store(new, Ordering::Relaxed);
            }
            let minute = there & MINUTES;
            if oldest.is_none_or(|(least, _)| minute < least) {
                oldest = Some((minute, slot));
            }
        }
        if let Some((_, slot)) = oldest {
            slot.store(new, Ordering::Relaxed);
        }
    }

    /// Whether somebody was let in from there within the last hour.
    pub(super) fn lately(&self, place: Place, now: Instant) -> bool {
        let (row, mark) = self.find(place);
        let now = self.minute(now);
        row.iter().map(|slot| slot.load(Ordering::Relaxed)).any(|there| {
            let minute = there & MINUTES;
            minute != 0 && there & !MINUTES == mark && now.saturating_sub(minute) < LATELY
        })
    }

    fn find(&self, place: Place) -> (&[AtomicU64], u64) {
        let hash = self.hasher.hash_one(place);
        let nth = usize::try_from(hash).unwrap_or(usize::MAX) % ROWS;
        let row = self.rows.get(nth).map_or(&[][..], <[_; ROW]>::as_slice);
        (row, hash & !MINUTES)
    }

    /// Since the start; never 0, which is nobody's.
    fn minute(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began);
        (passed.as_secs() / Duration::from_mins(1).as_secs() + 1).min(MINUTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u32) -> Place {
        Place::of(std::net::Ipv4Addr::from(n).into())
    }

    #[test]
    fn an_address_counts_for_an_hour_and_no_other_one_with_it() {
        let now = Instant::now();
        let let_in = LetIn::new(now);
        let later = |minutes| now + Duration::from_mins(minutes);
        let_in.note(place(1), now);

        assert!(let_in.lately(place(1), now) && let_in.lately(place(1), later(59)));
        assert!(!let_in.lately(place(1), later(61)));
        assert!((2..10_000).all(|other| !let_in.lately(place(other), now)));
        let_in.note(place(1), later(50));
        assert!(let_in.lately(place(1), later(100)));
    }

    #[test]
    fn hundreds_of_addresses_have_room() {
        let now = Instant::now();
        let let_in = LetIn::new(now);
        (0..400).for_each(|n| let_in.note(place(n), now));

        let known = (0..400).filter(|n| let_in.lately(place(*n), now)).count();
        assert!(known >= 398, "{known}");
    }
}
