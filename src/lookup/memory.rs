//! What SAP said of each partner, with its age: one entry for a partner, whether it is fresh or only
//! good for a SAP that is slow or silent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant as StdInstant},
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use moka::{Expiry, sync::Cache as MokaCache};
use tokio::time::Instant;

use crate::{
    config::Cache,
    domain::{Lookup, PartnerId, ServiceNumber},
    sap::SystemId,
};

/// The system and the whole validated ID; nothing is folded, and the dialled number takes no part.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    pub(super) system: SystemId,
    pub(super) partner: PartnerId,
}

/// Partners by key. Bounded in number; moka drops what is used least.
pub(super) struct Memory(MokaCache<Key, Arc<Remembered>>);

/// What SAP said of one partner, and the beginning of the answer to jtel where it was rendered.
#[derive(Debug)]
pub struct Remembered {
    /// What SAP said.
    pub lookup: Lookup,
    /// The paths whose values were noted, in order.
    reads: Arc<[Arc<str>]>,
    fetched: Instant,
    /// Of its time to live, the part that jitter leaves.
    share: f32,
    /// How long it is of any use.
    keep: Duration,
    /// Somebody asked for it since it was fetched.
    used: AtomicBool,
    /// It is being asked for again ahead of its end.
    refreshing: AtomicBool,
    rendered: ArcSwapOption<Rendered>,
}

/// The part of an answer that is the same for every call about one partner under one rule set.
#[derive(Debug)]
pub struct Rendered {
    /// The rule set it was rendered under.
    pub rules: u64,
    /// The number it shows.
    pub service_number: Option<ServiceNumber>,
    /// Everything before the parts that change with each call.
    pub head: Bytes,
}

impl Memory {
    pub(super) fn new(max_entries: u64) -> Self {
        Self(MokaCache::builder().max_capacity(max_entries).expire_after(Keep).build())
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Remembered>> {
        self.0.get(key)
    }

    /// Takes the place of what SAP said before.
    pub(super) fn remember(&self, key: Key, remembered: Arc<Remembered>) {
        self.0.insert(key, remembered);
    }

    /// True: there was something to forget.
    pub(super) fn forget(&self, key: &Key) -> bool {
        self.0.remove(key).is_some()
    }

    /// How many partners there may be.
    pub(super) fn most(&self) -> u64 {
        self.0.policy().max_capacity().unwrap_or_default()
    }

    /// How many partners there are, about.
    pub(super) fn len(&self) -> u64 {
        self.0.entry_count()
    }
}

impl Remembered {
    /// SAP has just said it; nothing is rendered yet.
    pub(super) fn new(lookup: Lookup, reads: &Arc<[Arc<str>]>, times: &Cache) -> Self {
        let jitter = f32::from(times.jitter_percent.min(100)) / 100.0;
        let keep = match lookup {
            Lookup::Found(_) => times.found_ttl.max(times.last_good_ttl),
            // SAP may have been told about the partner a moment later: never used past its time.
            Lookup::Unknown | Lookup::Ambiguous(_) => times.unknown_ttl,
        };
        Self {
            lookup,
            reads: Arc::clone(reads),
            fetched: Instant::now(),
            share: 1.0 - jitter * fastrand::f32(),
            keep,
            used: AtomicBool::new(false),
            refreshing: AtomicBool::new(false),
            rendered: ArcSwapOption::empty(),
        }
    }

    /// Whether it has the values under all of these paths. One that a new rule looks at has to be
    /// asked for.
    pub(super) fn has(&self, paths: &Arc<[Arc<str>]>) -> bool {
        Arc::ptr_eq(&self.reads, paths)
            || !matches!(self.lookup, Lookup::Found(_))
            || paths.iter().all(|path| self.reads.binary_search(path).is_ok())
    }

    /// How long ago SAP said it.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.fetched)
    }

    /// For how long it is fresh, by the times that are in force now.
    fn lives(&self, times: &Cache) -> Duration {
        let ttl = match self.lookup {
            Lookup::Found(_) => times.found_ttl,
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

    /// Somebody asked for it. True: for the first time since it was fetched.
    pub(super) fn is_first_use(&self) -> bool {
        !self.used.load(Ordering::Relaxed) && !self.used.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_being_refreshed(&self) -> bool {
        self.refreshing.load(Ordering::Relaxed)
    }

    pub(super) fn set_refreshing(&self, refreshing: bool) {
        self.refreshing.store(refreshing, Ordering::Relaxed);
    }

    /// The rendered head for this rule set and number, made by `render` if there is none yet.
    pub fn head(
        &self,
        rules: u64,
        service_number: Option<ServiceNumber>,
        render: impl FnOnce() -> Bytes,
    ) -> Bytes {
        if let Some(rendered) = &*self.rendered.load()
            && rendered.rules == rules
            && rendered.service_number == service_number
        {
            return rendered.head.clone();
        }
        let head = render();
        let rendered = Rendered { rules, service_number, head: head.clone() };
        self.rendered.store(Some(Arc::new(rendered)));
        head
    }
}

/// moka drops an entry when it is of no use any more; whether it is fresh is decided when it is asked
/// for, by the times that are in force then.
struct Keep;

impl Expiry<Key, Arc<Remembered>> for Keep {
    fn expire_after_create(
        &self,
        _key: &Key,
        remembered: &Arc<Remembered>,
        _created_at: StdInstant,
    ) -> Option<Duration> {
        Some(remembered.keep)
    }

    fn expire_after_update(
        &self,
        _key: &Key,
        remembered: &Arc<Remembered>,
        _updated_at: StdInstant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(remembered.keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Ambiguity, BusinessPartner},
        sap::testing::sap,
    };

    const HOUR: Duration = Duration::from_hours(1);

    fn times() -> Cache {
        Cache {
            max_entries: 100,
            found_ttl: HOUR,
            unknown_ttl: HOUR / 60,
            last_good_ttl: 12 * HOUR,
            refresh_ahead: true,
            jitter_percent: 10,
        }
    }

    fn found() -> Lookup {
        Lookup::Found(BusinessPartner::new(None, None, false, false))
    }

    #[tokio::test(start_paused = true)]
    async fn no_time_to_live_is_longer_than_configured_or_shorter_than_the_jitter_allows() {
        for (lookup, ttl) in [(found(), HOUR), (Lookup::Unknown, HOUR / 60)] {
            for _ in 0..1000 {
                let lives = Remembered::new(lookup.clone(), &[].into(), &times()).lives(&times());
                assert!(lives <= ttl && lives >= ttl.mul_f64(0.899), "{lives:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_found_partner_is_used_past_its_time_and_not_for_ever() {
        let now = Instant::now();
        for (lookup, age, fresh, bridges) in [
            (found(), HOUR / 2, true, true),
            (found(), HOUR, false, true),
            (found(), 12 * HOUR, false, false),
            (Lookup::Unknown, HOUR / 60, false, false),
            (Lookup::Ambiguous(Ambiguity::Records), HOUR / 60, false, false),
        ] {
            let remembered = Remembered::new(lookup, &[].into(), &times());
            let then = now + age;

            assert_eq!(remembered.is_fresh(then, &times()), fresh, "{age:?}");
            assert_eq!(remembered.bridges(then, &times()), bridges, "{age:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_time_to_live_counts_for_what_is_remembered_already() {
        let remembered = Remembered::new(found(), &[].into(), &times());
        let shorter = Cache { found_ttl: HOUR / 4, ..times() };

        assert!(!remembered.is_fresh(Instant::now() + HOUR / 2, &shorter));
    }

    #[test]
    fn moka_keeps_an_entry_that_was_renewed_for_its_whole_time_again() {
        let remembered = Arc::new(Remembered::new(found(), &[].into(), &times()));
        let key = Key {
            system: SystemId::of(&sap("http://sap")),
            partner: PartnerId::parse("1001910").unwrap(),
        };
        let now = Instant::now().into_std();

        let left = Keep.expire_after_update(&key, &remembered, now, Some(Duration::ZERO));

        assert_eq!(left, Some(12 * HOUR));
    }

    #[test]
    fn what_lacks_the_values_that_a_rule_looks_at_is_not_used() {
        let paths =
            |list: &[&str]| list.iter().map(|path| (*path).into()).collect::<Arc<[Arc<str>]>>();
        for (lookup, read, wanted, has) in [
            (found(), paths(&["A", "B"]), paths(&["B"]), true),
            (found(), paths(&["A", "B"]), paths(&[]), true),
            (found(), paths(&["A", "B"]), paths(&["A", "B"]), true),
            (found(), paths(&["A"]), paths(&["A", "B"]), false),
            (found(), paths(&[]), paths(&["B"]), false),
            (Lookup::Unknown, paths(&[]), paths(&["B"]), true),
        ] {
            let remembered = Remembered::new(lookup, &read, &times());
            assert_eq!(remembered.has(&wanted), has, "{read:?} {wanted:?}");
        }
    }
}
