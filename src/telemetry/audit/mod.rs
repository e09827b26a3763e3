//! The audit trail: records that cannot be changed, left out or put in another order unnoticed.
//!
//! Whoever has something to record hands it over and does not wait ([`Trail::record`]); one thread
//! (`writer`) turns it into lines of a chain (`chain`), writes them, and signs checkpoints (`keys`).
//! `verify` checks what was written, also without this program: `docs/audit.md` has the format. What
//! the records are about is none of this room's business.

mod anchors;
mod chain;
mod files;
mod keys;
mod metrics;
mod pseudonyms;
mod queue;
mod records;
mod recover;
mod verify;
mod writer;

use std::{
    fmt::Display,
    sync::{Arc, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use super::{
    clock::Moment,
    lines::{Loss, Object},
};
use crate::config::{Audit, Privacy, WhenUnwritable};

use queue::{Item, Shared, Stage, Watch};
use writer::Writer;

pub use anchors::Anchors;
pub use files::files_of;
pub use keys::{KeyError, Keys, Made, PublicKey, first_mac_key};
pub use metrics::{AnchorKind, AuditMetrics};
pub use pseudonyms::{Epoch, PersonalKind, Pseudonyms, drop_epoch, epochs_of};
pub use recover::TrailError;
pub use verify::{Finding, Report, Verifier};

/// How often it is looked whether the trail can be written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Something that becomes a record.
pub trait Entry: Send + 'static {
    /// When it happened.
    fn at(&self) -> Moment;

    /// What it is, as one word.
    fn kind(&self) -> &'static str;

    /// Appends what there is to say, the process and the configuration included; persons only under their
    /// pseudonyms.
    fn render(&self, line: &mut Object<'_>, pseudonyms: &Pseudonyms);
}

/// Something that happened besides calls: a start, a reload, an operator's doing.
#[derive(Clone, Debug)]
pub struct Event {
    at: Moment,
    kind: &'static str,
    texts: Vec<(&'static str, String)>,
}

impl Event {
    /// It happens now.
    pub fn new(kind: &'static str) -> Self {
        Self { at: Moment::now(), kind, texts: Vec::new() }
    }

    /// With this to say of it. No personal data.
    #[must_use]
    pub fn with(mut self, name: &'static str, text: impl Display) -> Self {
        self.texts.push((name, text.to_string()));
        self
    }
}

/// The way to the trail. Its clones are the same way; the last one to go closes it, without waiting.
pub struct Trail<R>(Arc<Sender<R>>);

impl<R> Clone for Trail<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Sender<R>(Arc<Shared<R>>);

impl<R> Drop for Sender<R> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        if queue.stage == Stage::Open {
            queue.stage = Stage::Closing;
        }
        drop(queue);
        self.0.changed.notify_one();
    }
}

/// Checkpoints as they are signed: the latest one stands for all before it.
pub type Checkpoints = watch::Receiver<Option<Arc<str>>>;

impl<R: Entry> Trail<R> {
    /// Finds the end of the trail and goes on there. `config` names the configuration in force,
    /// `instance` this process.
    ///
    /// # Errors
    ///
    /// See [`TrailError`].
    pub fn open(
        audit: &Audit,
        privacy: &Privacy,
        metrics: Arc<AuditMetrics>,
        config: String,
        instance: &str,
    ) -> Result<(Self, Checkpoints), TrailError> {
        let refuses = audit.when_unwritable == WhenUnwritable::Refuse;
        let shared = Arc::new(Shared::new(metrics, refuses, config));
        let (checkpoints, taken) = watch::channel(None);
        let writer = Writer::open(Arc::clone(&shared), audit, privacy, instance, checkpoints)?;
        thread::Builder::new()
            .name("audit-trail".to_owned())
            .spawn(move || writer.write_until_closed())
            .map_err(|error| TrailError::Io(audit.folder.clone(), error))?;
        Ok((Self(Arc::new(Sender(shared))), taken))
    }
}

impl<R> Trail<R> {
    /// Hands a record over. Never waits. `was_let_in`: [`Self::lets_in`] was asked before.
    pub fn record(&self, record: R, was_let_in: bool) {
        let shared = &self.0.0;
        shared.hand_over(Item::Record(record), was_let_in && shared.refuses);
    }

    /// The same for what is rare and nobody can make happen often.
    pub fn event(&self, event: Event) {
        self.0.0.hand_over(Item::Event(event), true);
    }

    /// Whether something may be decided now, as far as the trail is concerned.
    pub fn lets_in(&self) -> bool {
        !self.0.0.refuses || self.0.0.can_be_written()
    }

    /// Why the trail cannot be written; `None` while it can.
    pub fn why_not(&self) -> Option<String> {
        self.0.0.why_not()
    }

    /// Calls are refused while the trail cannot be written.
    pub fn refuses(&self) -> bool {
        self.0.0.refuses
    }

    /// Another configuration is in force.
    pub fn config_is(&self, hash: String) {
        self.0.0.config.store(Arc::new(hash));
    }

    /// Tells a person when the trail cannot be written, for as long as it is awaited.
    pub async fn keep_watch(&self) {
        let mut watch = Watch::new();
        let mut every = interval(LOOK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            watch.look(&self.0.0);
        }
    }

    /// Takes nothing more, has what is left written and signed, and waits `within` for that: a disk that
    /// hangs must not keep the process. How many records were lost to the end.
    pub fn close(&self, within: Duration) -> u64 {
        let Shared { changed, ended, metrics, .. } = &*self.0.0;
        let mut queue = self.0.0.lock();
        if queue.stage == Stage::Open {
            queue.stage = Stage::Closing;
        }
        changed.notify_one();
        let (mut queue, _timeout) = ended
            .wait_timeout_while(queue, within, |queue| queue.stage == Stage::Closing)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.stage == Stage::Closing {
            queue.stage = Stage::GivenUp;
        }
        let left = (queue.waiting.len() + std::mem::take(&mut queue.in_hand)) as u64;
        queue.waiting.clear();
        drop(queue);
        metrics.lost(Loss::Shutdown, left);
        left
    }
}

#[cfg(test)]
mod tests;
