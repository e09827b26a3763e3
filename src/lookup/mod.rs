//! What SAP knows of a partner, memory first.
//!
//! Callers who ask for the same partner at the same moment share one request to SAP, and its error
//! too. The request runs in a task of its own: a caller who hangs up cancels nobody, and what SAP
//! still answers is remembered. Errors are not remembered.

mod metrics;
mod remembered;

use std::{future::Future, sync::Arc, time::Duration};

use moka::{Expiry, future::Cache as MokaCache};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use crate::{
    config::Cache,
    domain::{Lookup, PartnerId, Source},
};

pub use metrics::MemoryMetrics;
pub use remembered::{Remembered, Rendered};

/// The partners looked up so far. One for each SAP system: its answers must never be mixed with
/// another one's, so the system's name is part of every key.
pub struct Partners {
    system: u64,
    fresh: MokaCache<Key, Arc<Remembered>>,
    last_good: MokaCache<Key, Arc<Remembered>>,
    lookups: TaskTracker,
    metrics: Arc<MemoryMetrics>,
}

/// The system and the whole validated ID; nothing is folded, and the dialled number takes no part.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Key {
    system: u64,
    partner: PartnerId,
}

/// A partner and where the knowledge comes from.
pub struct Known {
    /// What SAP said.
    pub remembered: Arc<Remembered>,
    /// Memory or SAP.
    pub source: Source,
    /// How long this call waited for SAP; zero where it did not.
    pub waited: Duration,
}

/// Why nothing is known of a partner.
#[derive(Debug, thiserror::Error)]
pub enum Missed<E: std::error::Error + 'static> {
    /// SAP gave no usable answer; everybody who waited gets the same error.
    #[error("SAP gave no usable answer")]
    Sap(#[source] Arc<E>),
    /// This caller's time ran out; the request to SAP goes on for those who wait longer.
    #[error("SAP did not answer in time for this call")]
    Deadline,
    /// The lookup ended without a result, by a mistake in this program or by the shutdown.
    #[error("the lookup ended without a result")]
    Lost(#[source] tokio::task::JoinError),
}

impl Partners {
    /// An empty memory for the SAP system called `system` (a hash of what identifies it).
    pub fn new(system: u64, limits: &Cache, metrics: Arc<MemoryMetrics>) -> Self {
        let fresh = MokaCache::builder()
            .max_capacity(limits.max_entries)
            .expire_after(FreshTime(limits.clone()))
            .build();
        let last_good = MokaCache::builder()
            .max_capacity(if limits.last_good_ttl.is_zero() { 0 } else { limits.max_entries })
            .time_to_live(limits.last_good_ttl)
            .build();
        Self { system, fresh, last_good, lookups: TaskTracker::new(), metrics }
    }

    /// What is known of `partner`: from memory, or from `ask`, which is called on a miss unless
    /// somebody else is asking for the same partner already. Waits until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`Missed`].
    pub async fn find<E, F>(
        &self,
        partner: PartnerId,
        deadline: Instant,
        ask: impl FnOnce() -> F,
    ) -> Result<Known, Missed<E>>
    where
        E: std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<Lookup, E>> + Send + 'static,
    {
        let key = Key { system: self.system, partner };
        if let Some(remembered) = self.fresh.get(&key).await {
            self.metrics.hit();
            return Ok(Known { remembered, source: Source::Memory, waited: Duration::ZERO });
        }
        self.metrics.miss();
        let started = Instant::now();
        let (fresh, last_good, ask) = (self.fresh.clone(), self.last_good.clone(), ask());
        // moka drops the leader's request when the leader is dropped; a task of its own is never
        // dropped by a caller (moka issue 240).
        let lookup = self.lookups.spawn(async move {
            let asked = async {
                let remembered = Arc::new(Remembered::new(ask.await?));
                match &remembered.lookup {
                    Lookup::Found(_) => last_good.insert(key, Arc::clone(&remembered)).await,
                    // SAP has spoken: what it said before counts no longer.
                    Lookup::Unknown | Lookup::Ambiguous => last_good.invalidate(&key).await,
                }
                Ok(remembered)
            };
            fresh.try_get_with(key, asked).await
        });
        match timeout_at(deadline, lookup).await {
            Ok(Ok(Ok(remembered))) => {
                Ok(Known { remembered, source: Source::Sap, waited: started.elapsed() })
            }
            Ok(Ok(Err(error))) => Err(Missed::Sap(error)),
            Ok(Err(lost)) => Err(Missed::Lost(lost)),
            Err(_elapsed) => Err(Missed::Deadline),
        }
    }

    /// The same without memory, for an SAP whose answers depend on the dialled number and not on the
    /// partner alone. Under the partner's ID the next call would get them for another number, and a
    /// key with the number in it would keep numbers for hours: personal data that nobody needs.
    ///
    /// # Errors
    ///
    /// See [`Missed`].
    pub async fn ask_only<E, F>(&self, deadline: Instant, ask: F) -> Result<Known, Missed<E>>
    where
        E: std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<Lookup, E>> + Send + 'static,
    {
        self.metrics.miss();
        let started = Instant::now();
        match timeout_at(deadline, self.lookups.spawn(ask)).await {
            Ok(Ok(Ok(lookup))) => Ok(Known {
                remembered: Arc::new(Remembered::new(lookup)),
                source: Source::Sap,
                waited: started.elapsed(),
            }),
            Ok(Ok(Err(error))) => Err(Missed::Sap(Arc::new(error))),
            Ok(Err(lost)) => Err(Missed::Lost(lost)),
            Err(_elapsed) => Err(Missed::Deadline),
        }
    }

    /// What SAP said of `partner` last, within the time it may be used while SAP is silent.
    pub async fn last_good(&self, partner: PartnerId) -> Option<Arc<Remembered>> {
        let remembered = self.last_good.get(&Key { system: self.system, partner }).await?;
        self.metrics.last_good_used();
        Some(remembered)
    }

    /// Tells the metrics how much is remembered.
    pub fn count(&self) {
        self.metrics.holds(self.fresh.entry_count(), self.last_good.entry_count());
    }

    /// Waits for the lookups under way; each ends by its own deadline.
    pub async fn finish(&self) {
        self.lookups.close();
        self.lookups.wait().await;
    }
}

/// Times to live by what was found, less the jitter.
struct FreshTime(Cache);

impl Expiry<Key, Arc<Remembered>> for FreshTime {
    fn expire_after_create(
        &self,
        _key: &Key,
        remembered: &Arc<Remembered>,
        _created_at: std::time::Instant,
    ) -> Option<Duration> {
        let ttl = match remembered.lookup {
            Lookup::Found(_) => self.0.found_ttl,
            Lookup::Unknown | Lookup::Ambiguous => self.0.unknown_ttl,
        };
        let share = f64::from(self.0.jitter_percent.min(100)) / 100.0;
        Some(ttl.mul_f64(1.0 - share * fastrand::f64()))
    }
}

#[cfg(test)]
mod tests;
