//! What a replica remembers in the model: when a partner was fetched, and for how long it is fresh.

use std::collections::HashMap;

use dialgate::config::Cache;

use super::door::Moment;

#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) fetched: Moment,
    pub(crate) lives: u64,
    pub(crate) is_used: bool,
}

impl Entry {
    /// Said now; shortened by jitter as `cache.jitter` says.
    pub(crate) fn new(now: Moment, times: &Cache, random: &mut fastrand::Rng) -> Self {
        let jitter = f64::from(times.jitter_percent) / 100.0;
        let lives = times.found_ttl.as_millis() as f64 * (1.0 - jitter * random.f64());
        Self { fetched: now, lives: lives as u64, is_used: false }
    }

    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        now - self.fetched < self.lives
    }

    pub(crate) fn ends(&self) -> Moment {
        self.fetched + self.lives
    }
}

#[derive(Default)]
pub(crate) struct Replica {
    pub(crate) memory: HashMap<u32, Entry>,
}
