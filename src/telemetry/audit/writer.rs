//! The thread that writes the trail: nobody waits for it, and it gives nothing up while the process
//! lives.
//!
//! What it has sealed is written or tried again: the next line follows from it. When a checkpoint is due
//! it is signed, everything is on the disk (`fdatasync`), and only then the key of the MACs is replaced and
//! the checkpoint handed on.

use std::{
    mem,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{
    Entry, Event, TrailError,
    chain::Chain,
    files::Files,
    keys::Keys,
    pseudonyms::Pseudonyms,
    queue::{Item, QUEUE, Shared, Stage},
    recover::{self, End},
};
use crate::{
    config::{Audit, Privacy},
    telemetry::clock::{self, Day},
};

/// While records come, the writer looks for them this often, so that a call need not wake it.
const BATCH_EVERY: Duration = Duration::from_millis(20);

/// Without a record for this many looks the writer sleeps until one comes.
const LOOKS_UNTIL_SLEEP: u32 = 50;

/// Text written at once, in bytes.
const BATCH_BYTES: usize = 48 * 1024;

/// The pause after a write that failed.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// How often keys and old files are looked at.
const LOOK_AROUND: Duration = Duration::from_secs(10);

pub(super) struct Writer<R> {
    pub(super) shared: Arc<Shared<R>>,
    pub(super) audit: Audit,
    pub(super) files: Files,
    pub(super) chain: Chain,
    pub(super) keys: Keys,
    pub(super) pseudonyms: Pseudonyms,
    pub(super) instance: String,
    /// Lines that are sealed and not yet written; how many, and how many of `in_hand` they are.
    pub(super) batch: Vec<u8>,
    pub(super) in_batch: u64,
    pub(super) taken: Vec<Item<R>>,
    /// Something was written since the last checkpoint.
    pub(super) is_unsigned: bool,
    pub(super) signed: Instant,
    pub(super) looked: Instant,
    /// The day of the file.
    pub(super) day: Day,
    pub(super) empty_looks: u32,
    pub(super) checkpoints: watch::Sender<Option<Arc<str>>>,
}

/// Nobody waits for the rest any more.
pub(super) struct GivenUp;

impl<R: Entry> Writer<R> {
    /// Finds the end of the trail, and writes what has to be said of it.
    pub(super) fn open(
        shared: Arc<Shared<R>>,
        audit: &Audit,
        privacy: &Privacy,
        instance: &str,
        checkpoints: watch::Sender<Option<Arc<str>>>,
    ) -> Result<Self, TrailError> {
        let keys = Keys::open(&audit.keys)?;
        let (pseudonyms, changes) = Pseudonyms::open(keys.folder(), privacy)?;
        let End { files, chain, is_new_file, torn } = recover::recover(&audit.folder, &keys)?;
        let (now, day) = (Instant::now(), files.day().unwrap_or_else(clock::today));
        let mut writer = Self {
            shared,
            audit: audit.clone(),
            files,
            chain,
            keys,
            pseudonyms,
            instance: instance.to_owned(),
            batch: Vec::with_capacity(BATCH_BYTES + 1024),
            in_batch: 0,
            taken: Vec::with_capacity(QUEUE),
            is_unsigned: false,
            signed: now,
            looked: now,
            day,
            empty_looks: LOOKS_UNTIL_SLEEP,
            checkpoints,
        };
        if is_new_file {
            writer.add_file();
        }
        if let Some((bytes, file)) = torn {
            tracing::warn!(
                bytes,
                file,
                "the audit trail ended in the middle of a line, which was cut off"
            );
            writer.add_event(&Event::new("recovered").with("file", file).with("bytes", bytes));
        }
        writer.add_changes(changes);
        let begun = Event::new("begun")
            .with("public_key", writer.keys.public().text())
            .with("epochs", writer.pseudonyms.numbers());
        writer.add_event(&begun);
        let cannot = |error| TrailError::Io(audit.folder.clone(), error);
        writer.append().and_then(|()| writer.files.sync()).map_err(cannot)?;
        Ok(writer)
    }

    pub(super) fn write_until_closed(mut self) {
        while self.take() {
            if self.work().is_err() {
                return;
            }
        }
        self.tell_missed();
        if self.is_unsigned || self.in_batch > 0 {
            // Whoever closed may have given up.
            let _given_up = self.checkpoint();
        }
    }

    fn work(&mut self) -> Result<(), GivenUp> {
        let mut taken = mem::take(&mut self.taken);
        for item in taken.drain(..) {
            match item {
                Item::Record(record) => self.add_record(&record),
                Item::Event(event) => self.add_event(&event),
            }
            if self.batch.len() >= BATCH_BYTES {
                self.flush()?;
            }
        }
        self.taken = taken;
        self.tell_missed();
        self.flush()?;
        if self.looked.elapsed() >= LOOK_AROUND {
            self.looked = Instant::now();
            let changes = self.pseudonyms.look(clock::unix_seconds());
            self.add_changes(changes);
            self.flush()?;
            self.remove_old()?;
        }
        if self.is_due() {
            self.checkpoint()?;
        }
        if self.files.length() >= self.audit.rotate_bytes as u64 || self.day != clock::today() {
            self.rotate()?;
        }
        Ok(())
    }

    /// What had no place is told as soon as there is one.
    fn tell_missed(&mut self) {
        let missed = mem::take(&mut self.shared.lock().missed);
        if missed > 0 {
            self.add_event(&Event::new("gap").with("records", missed).with("why", "queue_full"));
        }
    }

    fn is_due(&self) -> bool {
        self.is_unsigned && self.signed.elapsed() >= self.audit.checkpoint_every
    }

    /// Waits for something to do. False: it is closed and nothing is left.
    fn take(&mut self) -> bool {
        let mut queue = self.shared.lock();
        if self.empty_looks >= LOOKS_UNTIL_SLEEP && queue.waiting.is_empty() {
            let until_signed = self.audit.checkpoint_every.saturating_sub(self.signed.elapsed());
            let sleep = if self.is_unsigned { until_signed.min(LOOK_AROUND) } else { LOOK_AROUND };
            queue.asleep = true;
            (queue, _) = self
                .shared
                .changed
                .wait_timeout_while(queue, sleep, |queue| {
                    queue.asleep && queue.stage == Stage::Open
                })
                .unwrap_or_else(PoisonError::into_inner);
            queue.asleep = false;
        }
        let is_idle = queue.waiting.is_empty() && self.empty_looks >= LOOKS_UNTIL_SLEEP;
        if !is_idle {
            // Lets a batch gather, unless there is one already.
            (queue, _) = self
                .shared
                .changed
                .wait_timeout_while(queue, BATCH_EVERY, |queue| {
                    queue.stage == Stage::Open && queue.waiting.len() < QUEUE / 2
                })
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.empty_looks =
            if queue.waiting.is_empty() { self.empty_looks.saturating_add(1) } else { 0 };
        mem::swap(&mut queue.waiting, &mut self.taken);
        queue.in_hand = self.taken.len();
        self.shared.nothing_waits();
        queue.stage == Stage::Open || !self.taken.is_empty()
    }

    fn append(&mut self) -> std::io::Result<()> {
        let first = self.chain.seq + 1 - self.in_batch;
        self.files.append(&self.batch, first)?;
        self.batch.clear();
        self.shared.metrics.wrote(mem::take(&mut self.in_batch));
        self.is_unsigned = true;
        Ok(())
    }

    /// Writes the batch, as often as it takes.
    pub(super) fn flush(&mut self) -> Result<(), GivenUp> {
        if self.in_batch == 0 {
            return Ok(());
        }
        let records = self.in_batch;
        self.until_it_works(Self::append)?;
        let mut queue = self.shared.lock();
        queue.in_hand = queue.in_hand.saturating_sub(usize::try_from(records).unwrap_or_default());
        Ok(())
    }

    pub(super) fn until_it_works<E: std::error::Error + 'static>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), GivenUp> {
        let shared = Arc::clone(&self.shared);
        while shared.tries(|| attempt(self)).is_err() {
            let queue = shared.lock();
            let before = queue.stage;
            // Whoever closes does not wait for long.
            let pause = if before == Stage::Open { TRY_AGAIN } else { BATCH_EVERY };
            let (queue, _timeout) = shared
                .changed
                .wait_timeout_while(queue, pause, |queue| queue.stage == before)
                .unwrap_or_else(PoisonError::into_inner);
            if matches!(queue.stage, Stage::GivenUp | Stage::Ended) {
                return Err(GivenUp);
            }
        }
        Ok(())
    }
}

/// Also when a record could not be rendered: whoever closes must not wait for a thread that is gone.
impl<R> Drop for Writer<R> {
    fn drop(&mut self) {
        self.files.release();
        let mut queue = self.shared.lock();
        if queue.stage != Stage::GivenUp {
            queue.stage = Stage::Ended;
        }
        drop(queue);
        self.shared.is_over();
        self.shared.ended.notify_all();
    }
}
