//! SAP's limits as one for all replicas, over the memory that they share: its places (`places`), the requests
//! of the day (`day`), and whose turn it is to probe (`probe`).
//!
//! Nothing here is needed for an answer. Whoever asks the shared memory waits for it until a moment that
//! he says; after three failures in a row nobody does, until a beat is answered in time. Meanwhile each
//! replica has its share: the limit by the number of replicas that were seen last.
//!
//! Each replica says twice a second that it lives, and which places it has: that is how places come
//! back that were given back in vain, how those are known that were taken while the memory was away,
//! and how a memory that has lost everything knows it again.

mod client;
mod day;
pub(super) mod metrics;
mod places;
mod probe;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use redis::FromRedisValue;
use tokio::{
    sync::Notify,
    time::{Instant, interval},
};
use tokio_util::task::TaskTracker;

use crate::{
    config,
    net::kv::{Call, Link, Question, Store, Trouble},
};

use super::metrics::SapMetrics;
use day::Day;
use places::Leases;

pub use metrics::CommonMetrics;
pub(super) use metrics::{ProbeTurn, TokenFrom};
pub(super) use places::{Lease, Wanted};

/// How often a replica says that it lives.
const BEAT: Duration = Duration::from_millis(500);

/// A replica that has not said so for this long is none: ten beats.
const SEEN_FOR: Duration = Duration::from_secs(5);

/// So many answered beats in a row have to see fewer replicas before there are fewer: after an outage of the memory
/// each sees itself first, and must not take all of the limit for its own if the memory is gone again at once.
const FEWER_AFTER: u32 = 10;

/// So many failures in a row, and nobody asks before a beat was answered.
const FAILURES_IN_A_ROW: u32 = 3;

/// The longest that a write in the background is waited for.
const WRITE_WITHIN: Duration = Duration::from_millis(250);

/// A lease outlives the request that it is for by so much: clocks, and the way to the shared memory.
const LONGER: Duration = Duration::from_secs(1);

/// What the replicas have in common of one SAP.
pub(super) struct Common {
    /// Keys with this in their name belong together: a digest of which SAP it is.
    group: String,
    /// Names this replica, for as long as it lives.
    replica: String,
    store: OnceLock<Arc<Store>>,
    leases: Mutex<Leases>,
    /// A place of this replica is free.
    freed: Notify,
    /// Replicas that were seen last, this one included.
    replicas: AtomicU32,
    /// Answered beats in a row that have seen fewer.
    seen_fewer: AtomicU32,
    /// Places that were taken when they were counted last.
    taken: AtomicU64,
    failures: AtomicU32,
    is_alone: AtomicBool,
    pub(super) day: Day,
    tasks: TaskTracker,
    metrics: Arc<SapMetrics>,
}

impl Common {
    /// Of the system of a section; goes on with `before` where it is the same.
    pub(super) fn new(
        sap: &config::Sap,
        metrics: &Arc<SapMetrics>,
        before: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let group = group(sap);
        if let Some(before) = before.filter(|before| before.group == group) {
            return Arc::clone(before);
        }
        let store = before.and_then(|before| before.store.get().cloned());
        let replica = format!("{:016x}", fastrand::u64(..));
        Arc::new(Self {
            group,
            replica,
            store: store.map_or_else(OnceLock::new, OnceLock::from),
            leases: Mutex::default(),
            freed: Notify::new(),
            replicas: AtomicU32::new(1),
            seen_fewer: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            is_alone: AtomicBool::new(false),
            day: Day::default(),
            tasks: TaskTracker::new(),
            metrics: Arc::clone(metrics),
        })
    }

    /// Over this memory from now on, whatever it is connected to; the first one stays.
    pub(super) fn share(&self, store: &Arc<Store>) {
        let _first = self.store.get_or_init(|| Arc::clone(store));
    }

    /// There is a shared memory, whether or not it answers.
    pub(super) fn is_shared(&self) -> bool {
        self.store.get().is_some_and(|store| store.is_configured())
    }

    /// The shared memory, where it is worth a question.
    fn link(&self) -> Option<Arc<Link>> {
        if self.is_alone.load(Ordering::Relaxed) {
            return None;
        }
        self.store.get()?.answering()
    }

    /// Places in use at all replicas, and how many replicas there are; `None`: each is on its own.
    pub(super) fn in_common(&self) -> Option<(u64, u32)> {
        let _answering = self.link()?;
        Some((self.taken.load(Ordering::Relaxed), self.replicas()))
    }

    /// Replicas that were seen last, this one included.
    pub(super) fn replicas(&self) -> u32 {
        self.replicas.load(Ordering::Relaxed).max(1)
    }

    /// What this replica has of a limit while it is on its own.
    fn share_of(&self, limit: u64) -> u64 {
        (limit / u64::from(self.replicas())).max(1)
    }

    /// Asks, and counts what comes of it.
    async fn ask<T: FromRedisValue>(
        &self,
        link: &Link,
        call: &Call,
        until: Instant,
    ) -> Result<T, Trouble> {
        // Whoever has no time left says nothing about the memory.
        if until <= Instant::now() {
            return Err(Trouble::Timeout);
        }
        let answer = link.ask(Question::Script(call), until).await;
        match &answer {
            Ok(_) => self.failures.store(0, Ordering::Relaxed),
            Err(trouble) => {
                if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_IN_A_ROW
                    && !self.is_alone.swap(true, Ordering::Relaxed)
                {
                    tracing::warn!(
                        share = self.replicas(),
                        "SAP's places and the day's requests are not counted together with other replicas': the \
                         shared memory {}; each has its share of them; `dialgate check --connect` tries it",
                        trouble.told()
                    );
                }
            }
        }
        answer
    }

    /// Says that this replica lives, for as long as it is awaited. `life`: the longest that a request
    /// to SAP is waited for.
    pub(super) async fn attend(&self, life: Duration) {
        if self.store.get().is_none() {
            return std::future::pending().await;
        }
        let mut beats = interval(BEAT);
        loop {
            beats.tick().await;
            self.beat(life + LONGER).await;
        }
    }

    async fn beat(&self, life: Duration) {
        // It is asked although it has failed: that is how one finds out.
        let Some(link) = self.store.get().and_then(|store| store.answering()) else { return };
        let call = self.standing(&link, life);
        if let Ok((replicas, taken)) = self.ask::<(u32, u64)>(&link, &call, link.until()).await {
            self.sees(replicas);
            self.taken.store(taken, Ordering::Relaxed);
            if self.is_alone.swap(false, Ordering::Relaxed) {
                tracing::info!(
                    "SAP's places and the day's requests are one with the other replicas' again"
                );
            }
            self.retell(&link).await;
        }
    }

    /// More replicas are there at once, fewer only after a while.
    fn sees(&self, replicas: u32) {
        let is_fewer = replicas < self.replicas();
        let fewer = if is_fewer { self.seen_fewer.load(Ordering::Relaxed) + 1 } else { 0 };
        if is_fewer && fewer < FEWER_AFTER {
            self.seen_fewer.store(fewer, Ordering::Relaxed);
            return;
        }
        self.seen_fewer.store(0, Ordering::Relaxed);
        self.replicas.store(replicas, Ordering::Relaxed);
    }

    /// Lookups that wait for a place of all replicas, or ask for one.
    pub(super) fn waiting(&self) -> usize {
        self.leases().asked()
    }

    /// Tells the metrics what changes without anybody asking.
    pub(super) fn count(&self) {
        let day = self.day.total().filter(|_| self.is_shared());
        self.metrics.common.is(self.in_common(), day);
    }

    /// Gives back what this replica has, and ends what is under way in the background.
    pub(super) async fn finish(&self) {
        if let Some(link) = self.link() {
            self.leave(&link).await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn leave(&self, link: &Link) {
        let until = Instant::now() + WRITE_WITHIN;
        let calls = [Some(self.gone(link)), self.day.unused(link, &self.group)];
        for call in calls.into_iter().flatten() {
            // What is not taken back ends by itself.
            let _told = self.ask::<i64>(link, &call, until).await;
        }
    }

    fn leases(&self) -> std::sync::MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same for all who ask the same SAP under the same name, however they read its answers; it has no
/// secret, and changes with no key.
fn group(sap: &config::Sap) -> String {
    let authority = sap.url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let client = sap.client.as_deref().unwrap_or_default();
    digest_of(&["sap", sap.name.as_str(), authority, client])
}

/// Half a digest of texts, in hexadecimal digits.
pub(super) fn digest_of(texts: &[&str]) -> String {
    let mut all = Vec::new();
    for text in texts {
        all.extend_from_slice(&(text.len() as u64).to_be_bytes());
        all.extend_from_slice(text.as_bytes());
    }
    let digest = digest(&SHA256, &all);
    digest.as_ref().iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
