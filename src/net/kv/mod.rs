//! A memory of keys and values that several processes have in common: Redis or Valkey, one server, behind
//! Sentinels or a cluster.
//!
//! Nobody may need it: whoever asks says until when he waits ([`Link::ask`]), gets an answer or
//! [`Trouble`], and goes on without it. Connections are made, tried and made again by one task
//! ([`Store::attend`]); no question ever waits for that. A server that fails, or three times in a row does
//! not answer in time, is left alone: questions fail at once until it has answered a PING in time.
//!
//! What is kept there, and how it is sealed, is for those who ask (`lookup::shared`).

mod connect;
mod link;
mod metrics;
mod rights;
mod script;
mod tried;
mod trouble;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::config::{Cache, SealingKeys, SharedMemory};

pub use connect::check;
pub use link::{Link, Question, Standing};
pub use metrics::{KvMetrics, LinkState};
pub use script::{Call, Script};
pub use tried::{Tried, try_out};
pub use trouble::Trouble;

/// The shared memory in force, if there is one. It stays while the configuration changes.
pub struct Store {
    in_force: ArcSwapOption<Link>,
    changed: Notify,
    metrics: Arc<KvMetrics>,
}

impl Store {
    /// None yet.
    pub fn new(metrics: Arc<KvMetrics>) -> Arc<Self> {
        Arc::new(Self { in_force: ArcSwapOption::empty(), changed: Notify::new(), metrics })
    }

    /// From now on the one that is configured; a section that is as it was keeps its connection.
    pub fn follow(&self, cache: &Cache) {
        let before = self.in_force.load();
        let is_same = |link: &Link, section: &SharedMemory, keys: &SealingKeys| {
            *link.section == *section && link.keys == *keys
        };
        let link = match (&cache.shared, &*before) {
            (None, None) => return,
            (Some(section), Some(link)) if is_same(link, section, &cache.keys) => return,
            (None, Some(_)) => None,
            (Some(section), _) => {
                let metrics = Arc::clone(&self.metrics);
                Some(Arc::new(Link::new(Arc::clone(section), cache.keys.clone(), metrics)))
            }
        };
        let state = link.as_ref().map_or(LinkState::Off, |_| LinkState::Connecting);
        self.in_force.store(link);
        self.metrics.is(state);
        self.changed.notify_one();
    }

    /// The one that is configured, whether or not it answers.
    pub fn configured(&self) -> Option<Arc<Link>> {
        self.in_force.load_full()
    }

    /// One is configured, whether or not it answers.
    pub fn is_configured(&self) -> bool {
        self.in_force.load().is_some()
    }

    /// The one that is configured, while it answers: worth a question.
    pub fn answering(&self) -> Option<Arc<Link>> {
        let link = self.in_force.load();
        link.as_ref().filter(|link| link.is_answering()).cloned()
    }

    /// Connects, tries and connects again, for as long as it is awaited.
    pub async fn attend(&self) {
        loop {
            let link = self.in_force.load_full();
            let attending = async {
                match link {
                    Some(link) => link.attend().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = attending => {}
                () = self.changed.notified() => {}
            }
        }
    }
}
