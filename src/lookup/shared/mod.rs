//! What other replicas know: the rung between this process's memory and SAP.
//!
//! Values are what SAP said ([`super::stored`]), sealed by `cache.keys` and bound to the name they stand
//! under; the name is a keyed digest, so that nobody reads there whom anything is about. A value begins with
//! its fence, the turn at SAP that it came of: a later turn's is never overwritten by an earlier one's,
//! however long that one's replica was away (`turn`).
//!
//! A lookup waits for all of it together no longer than `cache.shared.budget`, and whatever goes wrong is
//! the same as nothing there. Only while another replica asks SAP for the same partner is that waited
//! for, as SAP would be (`approach`). Partners that an operator has forgotten are told to all (`forgotten`).

mod approach;
mod forgotten;
mod metrics;
mod names;
mod turn;
mod value;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::{
    config::Cache,
    net::kv::{Link, Standing, Store},
};

use super::memory::{Key, Remembered};
use forgotten::Unsent;
use names::Names;

pub(super) use approach::Approach;
pub use metrics::SharedMetrics;
pub(super) use turn::Turns;

/// The longest that a write in the background is waited for.
const WRITE_WITHIN: Duration = Duration::from_millis(250);

/// The way to the shared memory, for lookups.
#[derive(Clone)]
pub struct Sharing {
    store: Arc<Store>,
    metrics: Arc<SharedMetrics>,
    tasks: TaskTracker,
    unsent: Arc<Unsent>,
}

impl Sharing {
    /// By this store, whatever it is connected to.
    pub fn new(store: Arc<Store>, metrics: Arc<SharedMetrics>) -> Self {
        Self { store, metrics, tasks: TaskTracker::new(), unsent: Arc::default() }
    }

    /// There is a shared memory, and it answers.
    pub(super) fn is_answering(&self) -> bool {
        self.store.answering().is_some()
    }

    /// How it stands with the one that is configured; `None`: there is none.
    pub fn standing(&self) -> Option<Standing> {
        self.store.configured().map(|link| link.standing())
    }

    fn answering(&self) -> Option<Arc<Link>> {
        self.store.answering()
    }

    /// Writes what SAP said, in the background, where nothing newer is there.
    pub(super) fn write(&self, key: Key, turns: &Turns, remembered: &Remembered, times: &Cache) {
        let Some(link) = turns.link().or_else(|| self.answering()) else { return };
        let longest =
            value::useful(remembered, times).saturating_sub(remembered.age(Instant::now()));
        if longest.is_zero() {
            turns.end(self);
            return;
        }
        let names = Names::of(&link, &key);
        let Some(sealed) = value::seal(&link, &names, &remembered.stored()) else { return };
        let (fence, token) = turns.of_write();
        let metrics = Arc::clone(&self.metrics);
        self.tasks.spawn(async move {
            let until = Instant::now() + WRITE_WITHIN;
            let call = turn::write(&names, fence, &token, &sealed, longest);
            metrics.wrote(turn::wrote(&link, &call, until).await);
        });
    }

    /// Ends what is under way in the background.
    pub(super) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
