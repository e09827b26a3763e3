//! What SAP said of each partner, with its age: one entry for a partner, whether it is fresh or only
//! good for a SAP that is slow or silent.
//!
//! An entry is small, because there may be a million: the process grows by 315 bytes with each
//! (measured with a million partners asked; under glibc 374, of which moka alone needs 305). What SAP
//! says stands elsewhere, once for all partners of whom it says the same ([`Said`]).

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use moka::{
    ops::compute::{CompResult, Op},
    sync::Cache as MokaCache,
};
use tokio::{sync::Notify, time::Instant};

use super::{
    said::{Said, Sayings},
    stored::Stored,
};
use crate::{
    config::Cache,
    domain::{Lookup, PartnerId},
    sap::{SystemId, Told},
};

/// The system and the whole validated ID; nothing is folded, and the dialled number takes no part.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    pub(super) system: SystemId,
    pub(super) partner: PartnerId,
}

/// The same in 24 bytes for 36: moka keeps each key in an allocation of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Place {
    /// The place of its system in [`Memory::systems`].
    system: u32,
    partner: PartnerId,
}

/// Partners by key. Bounded in number; moka drops what is used least.
pub(super) struct Memory {
    partners: MokaCache<Place, Remembered>,
    /// Each system that was ever asked: one, or a few after reloads.
    systems: ArcSwap<Vec<SystemId>>,
    sayings: Sayings,
    forgotten: Notify,
    /// How often.
    forgets: AtomicU64,
}

/// What SAP said of one partner, and when.
#[derive(Clone, Debug)]
pub struct Remembered {
    said: Arc<Said>,
    fetched: Instant,
    /// Of its time to live, the part that jitter leaves.
    share: f32,
    /// Somebody asked for it since it was fetched.
    pub(super) is_used: bool,
    /// It is being asked for again ahead of its end.
    pub(super) is_refreshing: bool,
}

impl Deref for Remembered {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.said
    }
}

impl Memory {
    pub(super) fn new(max_entries: u64) -> Self {
        Self {
            partners: MokaCache::builder().max_capacity(max_entries).build(),
            systems: ArcSwap::default(),
            sayings: Sayings::default(),
            forgotten: Notify::new(),
            forgets: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Remembered> {
        self.partners.get(&self.place(key)?)
    }

    /// SAP has just said it of somebody.
    pub(super) fn note(&self, told: Told, reads: &Arc<[Arc<str>]>, times: &Cache) -> Remembered {
        Remembered::new(self.sayings.of(told, reads), times)
    }

    /// SAP has said it of somebody to another process. Nobody has asked here yet; `None`: it is so old that
    /// this machine cannot tell its age.
    pub(super) fn recall(&self, stored: Stored, times: &Cache) -> Option<Remembered> {
        let fetched = stored.said_at()?;
        Some(Remembered::said_at(self.say(stored), fetched, times))
    }

    /// What SAP has said to another process, whenever that was.
    pub(super) fn say(&self, stored: Stored) -> Arc<Said> {
        self.sayings.of(stored.lookup.into(), &stored.reads)
    }

    /// Takes the place of what SAP said before.
    pub(super) fn remember(&self, key: &Key, remembered: Remembered) {
        let place = loop {
            if let Some(place) = self.place(key) {
                break place;
            }
            self.systems.rcu(|systems| {
                let is_there = systems.contains(&key.system);
                let another = (!is_there).then_some(key.system);
                systems.iter().copied().chain(another).collect::<Vec<_>>()
            });
        };
        self.partners.insert(place, remembered);
    }

    /// True: there was something to forget.
    pub(super) fn forget(&self, key: &Key) -> bool {
        let forgotten = self.place(key).and_then(|place| self.partners.remove(&place));
        // What is here no more may still be in a snapshot.
        self.forgets.fetch_add(1, Ordering::Relaxed);
        self.forgotten.notify_one();
        forgotten.is_some()
    }

    /// How often somebody has had a partner forgotten.
    pub(super) fn forgets(&self) -> u64 {
        self.forgets.load(Ordering::Relaxed)
    }

    /// Waits until somebody has had a partner forgotten, be it remembered here or not.
    pub(super) async fn something_forgotten(&self) {
        self.forgotten.notified().await;
    }

    /// Everybody, while others are remembered and forgotten: whoever is there all the time is seen, and no lock is
    /// held.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, Remembered)> {
        let systems = self.systems.load_full();
        self.partners.iter().filter_map(move |(place, remembered)| {
            // Of a system that was asked for the first time just now.
            let system = *systems.get(usize::try_from(place.system).ok()?)?;
            Some((Key { system, partner: place.partner }, remembered))
        })
    }

    /// Has [`Self::len`] count what was remembered before.
    pub(super) fn settle(&self) {
        self.partners.run_pending_tasks();
    }

    /// Somebody asked for it. True: for the first time since it was fetched.
    pub(super) fn is_first_use(&self, key: &Key, remembered: &Remembered) -> bool {
        self.change(key, remembered, |there| (!there.is_used).then(|| there.is_used = true))
    }

    /// It is being asked for again, or is no more. True: it is still there.
    pub(super) fn is_refreshing(&self, key: &Key, old: &Remembered, is_refreshing: bool) -> bool {
        self.change(key, old, |there| {
            there.is_refreshing = is_refreshing;
            Some(())
        })
    }

    /// Changes an entry where it is still the one that was seen. True: it was, and is changed.
    fn change(
        &self,
        key: &Key,
        seen: &Remembered,
        change: impl FnOnce(&mut Remembered) -> Option<()>,
    ) -> bool {
        let Some(place) = self.place(key) else { return false };
        let changed = self.partners.entry(place).and_compute_with(|there| {
            let there = there.map(moka::Entry::into_value).filter(|there| there.is(seen));
            let changed = there.and_then(|mut there| change(&mut there).map(|()| there));
            changed.map_or(Op::Nop, Op::Put)
        });
        matches!(changed, CompResult::ReplacedWith(_))
    }

    /// Lets go of what is neither fresh nor good for a SAP that is slow or silent.
    pub(super) fn forget_what_is_over(&self, times: &Cache) {
        let now = Instant::now();
        for (place, remembered) in &self.partners {
            if !remembered.is_over(now, times) {
                continue;
            }
            // It may have been renewed just now.
            self.partners.entry_by_ref(&*place).and_compute_with(|there| match there {
                Some(there) if there.value().is_over(now, times) => Op::Remove,
                _ => Op::Nop,
            });
        }
    }

    /// How many partners there may be.
    pub(super) fn most(&self) -> u64 {
        self.partners.policy().max_capacity().unwrap_or_default()
    }

    /// How many partners there are, about.
    pub(super) fn len(&self) -> u64 {
        self.partners.entry_count()
    }

    fn place(&self, key: &Key) -> Option<Place> {
        let place = self.systems.load().iter().position(|system| *system == key.system)?;
        Some(Place { system: u32::try_from(place).ok()?, partner: key.partner })
    }
}

impl Remembered {
    pub(super) fn new(said: Arc<Said>, times: &Cache) -> Self {
        let jitter = f32::from(times.jitter_percent.min(100)) / 100.0;
        Self {
            said,
            fetched: Instant::now(),
            share: 1.0 - jitter * fastrand::f32(),
            is_used: false,
            is_refreshing: false,
        }
    }

    /// The same as SAP said it then to another process. Nobody has asked here yet.
    pub(super) fn said_at(said: Arc<Said>, fetched: Instant, times: &Cache) -> Self {
        Self { fetched, ..Self::new(said, times) }
    }

    /// What SAP said.
    pub(super) fn said(&self) -> &Arc<Said> {
        &self.said
    }

    /// Not only the same words, but said at the same time.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.said, &other.said) && self.fetched == other.fetched
    }

    /// As it leaves the process.
    pub(super) fn stored(&self) -> Stored {
        Stored::of(&self.said, self.fetched)
    }

    /// How long ago SAP said it.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.fetched)
    }

    /// For how long it is fresh, by the times that are in force now.
    fn lives(&self, times: &Cache) -> Duration {
        let ttl = match self.lookup {
            Lookup::Found(_) => times.found_ttl,
            // SAP may have been told about the partner a moment later.
            Lookup::Unknown | Lookup::Ambiguous(_) => times.unknown_ttl,
        };
        ttl.mul_f32(self.share)
    }

    pub(super) fn is_fresh(&self, now: Instant, times: &Cache) -> bool {
        self.age(now) < self.lives(times)
    }

    pub(super) fn is_in_its_second_half(&self, now: Instant, times: &Cache) -> bool {
        self.age(now) * 2 >= self.lives(times)
    }

    /// When it stops being fresh.
    pub(super) fn ends(&self, times: &Cache) -> Instant {
        self.fetched + self.lives(times)
    }

    /// Whether it may be used past its time, while SAP is slow or silent.
    pub(super) fn bridges(&self, now: Instant, times: &Cache) -> bool {
        matches!(self.lookup, Lookup::Found(_)) && self.age(now) < times.last_good_ttl
    }

    /// It is of no use any more.
    pub(super) fn is_over(&self, now: Instant, times: &Cache) -> bool {
        !self.is_fresh(now, times) && !self.bridges(now, times)
    }
}

#[cfg(test)]
mod tests;
