//! Addresses that show wrong passwords or keys: slowed first, then barred.
//!
//! Where somebody was let in within the last hour nobody is barred: a contact centre calls from there,
//! and one mistyped password of many must not stop it. That is kept without a lock ([`let_in`]), so
//! that a call that is let in costs next to nothing here; the lock is for those who fail.

mod let_in;
mod metrics;
mod table;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Terms, Turned};
use crate::config::{ClientName, WrongCredentials};

use let_in::LetIn;
use metrics::Counters;
use table::{Entry, Table};

pub use metrics::{BarringMetrics, Door};

/// The first wait of a wrong answer, which doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What is known of the addresses that fail at one listener.
pub struct Barring {
    let_in: LetIn,
    table: Mutex<Table>,
    /// Addresses that are barred; read before the lock is taken.
    barred: AtomicUsize,
    counters: Counters,
    door: Door,
}

/// One address; of IPv6 the half that belongs to one network.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Place(IpAddr);

impl Place {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                Self(IpAddr::V6(Ipv6Addr::from(network)))
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

impl Barring {
    /// Whoever tries too much waits for his answer; he holds no place among the calls meanwhile.
    pub(in crate::gateway) async fn turned_away(
        &self,
        turned: &Turned<'_>,
        from: IpAddr,
        terms: &Terms,
        now: Instant,
    ) {
        let Some(rules) = terms.config.wrong_credentials.filter(|_| turned.has_tried) else {
            return;
        };
        // Whoever stands behind a load balancer and is not told by it must not have it barred.
        let is_caller = !terms.config.listen.trusted_proxies.have(from);
        let named = turned.named.map(|client| &client.name);
        let wait = self.failed(from, named, is_caller, now, &rules);
        if wait > Duration::ZERO {
            Box::pin(sleep(wait)).await;
        }
    }

    /// Nobody has failed yet.
    pub fn new(door: Door, metrics: &BarringMetrics) -> Self {
        Self {
            let_in: LetIn::new(Instant::now()),
            table: Mutex::default(),
            barred: AtomicUsize::new(0),
            counters: metrics.at(door),
            door,
        }
    }

    /// Somebody from there has shown who he is.
    pub fn let_in(&self, address: IpAddr, now: Instant) {
        self.let_in.note(Place::of(address), now);
    }

    /// How long the address is still barred. Whoever is, is refused without being looked at.
    pub fn left(
        &self,
        address: IpAddr,
        now: Instant,
        rules: &WrongCredentials,
    ) -> Option<Duration> {
        if self.barred.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let place = Place::of(address);
        if rules.bar.is_none() || self.let_in.lately(place, now) {
            return None;
        }
        let left = self.table().refuse(place, now)?;
        self.counters.barred.inc();
        Some(left)
    }

    /// Somebody from there has shown something wrong: how long his answer has to wait. `named`: the name
    /// he used, where it is one of ours; `may_be_barred`: he is no load balancer of ours.
    pub fn failed(
        &self,
        address: IpAddr,
        named: Option<&ClientName>,
        may_be_barred: bool,
        now: Instant,
        rules: &WrongCredentials,
    ) -> Duration {
        let place = Place::of(address);
        let is_spared = !may_be_barred || self.let_in.lately(place, now);
        let bar = rules.bar.filter(|_| !is_spared);
        let mut table = self.table();
        let over = table.end_if_over(place, now);
        let mut entry = table.failed(place, now, rules.free);
        let count = entry.level();
        let is_barred_now = bar.is_some_and(|bar| entry.is_to_be_barred(count, bar.after, now));
        if let Some(bar) = bar.filter(|_| is_barred_now) {
            entry.bar(now + bar.lasts);
        }
        let failures = entry.failures;
        // With it the address goes that has failed least lately.
        let gone = table.make_room();
        self.barred.store(table.barred(), Ordering::Relaxed);
        self.counters.addresses.set(i64::try_from(table.barred()).unwrap_or(i64::MAX));
        drop(table);
        for (place, entry) in over.into_iter().chain(gone) {
            self.tell_end(place, &entry);
        }
        if let Some(bar) = bar.filter(|_| is_barred_now) {
            self.counters.bars.inc();
            self.tell_begin(place, failures, named, bar.lasts);
        }
        let over = count.saturating_sub(rules.free);
        if over == 0 {
            self.counters.at_once.inc();
            return Duration::ZERO;
        }
        self.counters.slowed.inc();
        FIRST_WAIT.saturating_mul(1 << over.saturating_sub(1).min(8)).min(LONGEST_WAIT)
    }

    /// Forgets whoever has been quiet, and tells of bars that are over. Once a second or so.
    pub fn sweep(&self, now: Instant) {
        if self.counters.addresses.get() == 0 {
            return;
        }
        let mut table = self.table();
        let over = table.let_go(now);
        self.barred.store(table.barred(), Ordering::Relaxed);
        self.counters.addresses.set(i64::try_from(table.barred()).unwrap_or(i64::MAX));
        drop(table);
        for (place, entry) in over {
            self.tell_end(place, &entry);
        }
    }

    fn tell_begin(
        &self,
        Place(from): Place,
        failures: u64,
        named: Option<&ClientName>,
        lasts: Duration,
    ) {
        let client = named.map_or("none of the configuration's", ClientName::as_str);
        let (listener, key) = (self.door.label(), self.door.key());
        tracing::warn!(
            %from,
            failures,
            client,
            listener,
            "{from} is barred for {lasts:?} after {failures} wrong credentials, the last name tried: \
             {client}; compare with {key}, or see who that is"
        );
    }

    fn tell_end(&self, Place(from): Place, entry: &Entry) {
        if !entry.is_barred() {
            return;
        }
        let (listener, refused) = (self.door.label(), entry.refused);
        tracing::info!(%from, refused, listener, "{from} is barred no more; {refused} requests were refused");
    }

    /// Nothing in it is left half done by a panic elsewhere.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
