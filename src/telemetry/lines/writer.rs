//! The thread that writes: takes what has come, turns it into text, and writes it batch by batch.

use std::{
    io::Write,
    mem,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Loss, Record, Shared, Stage};

/// While records come, the writer looks for them this often, so that a call need not wake it.
const BATCH_EVERY: Duration = Duration::from_millis(20);

/// Text written at once, in bytes.
const BATCH_BYTES: usize = 48 * 1024;

/// Without a record for this many looks the writer sleeps until one comes.
const LOOKS_UNTIL_SLEEP: u32 = 50;

/// An output that is always a little too slow loses something with every batch; a person is told
/// this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Writer<R: Record, W> {
    shared: Arc<Shared<R>>,
    output: W,
    /// Taken from the queue, whose place it takes next time: neither is allocated anew.
    taken: Vec<R>,
    batch: Vec<u8>,
    empty_looks: u32,
    /// The last batch was written.
    works: bool,
    /// Losses that were told, and when.
    told: (u64, Option<Instant>),
}

impl<R: Record, W: Write> Writer<R, W> {
    pub(super) fn new(shared: Arc<Shared<R>>, output: W) -> Self {
        Self {
            told: (shared.losses.total(), None),
            shared,
            output,
            taken: Vec::with_capacity(R::QUEUE),
            batch: Vec::with_capacity(BATCH_BYTES + 1024),
            empty_looks: LOOKS_UNTIL_SLEEP,
            works: false,
        }
    }

    pub(super) fn write_until_closed(mut self) {
        while self.take() {
            let mut taken = mem::take(&mut self.taken);
            let mut in_batch = 0;
            for record in taken.drain(..) {
                record.render(&mut self.batch);
                in_batch += 1;
                if self.batch.len() >= BATCH_BYTES && !self.flush(mem::take(&mut in_batch)) {
                    return;
                }
            }
            if !self.flush(in_batch) {
                return;
            }
            self.taken = taken;
            if self.has_losses_to_tell() {
                self.tell_losses();
            }
        }
    }

    /// Waits for records and takes all there are. False: it is closed and nothing is left.
    fn take(&mut self) -> bool {
        let may_sleep = self.empty_looks >= LOOKS_UNTIL_SLEEP && !self.has_losses_to_tell();
        let mut queue = self.shared.lock();
        if may_sleep && !queue.is_closed() && queue.waiting.is_empty() {
            queue.asleep = true;
            queue = self
                .shared
                .changed
                .wait_while(queue, |queue| queue.asleep && !queue.is_closed())
                .unwrap_or_else(PoisonError::into_inner);
            queue.asleep = false;
        }
        // Lets a batch gather, unless there is one already.
        let (mut queue, _timeout) = self
            .shared
            .changed
            .wait_timeout_while(queue, BATCH_EVERY, |queue| {
                !queue.is_closed() && queue.waiting.len() < R::QUEUE / 2
            })
            .unwrap_or_else(PoisonError::into_inner);
        self.empty_looks =
            if queue.waiting.is_empty() { self.empty_looks.saturating_add(1) } else { 0 };
        mem::swap(&mut queue.waiting, &mut self.taken);
        queue.in_hand = self.taken.len();
        !queue.is_closed() || !self.taken.is_empty()
    }

    /// Writes the batch. False: nobody waits for the rest any more.
    fn flush(&mut self, records: usize) -> bool {
        if records == 0 {
            return true;
        }
        let written = self.output.write_all(&self.batch).and_then(|()| self.output.flush());
        self.batch.clear();
        let mut queue = self.shared.lock();
        if queue.stage == Stage::GivenUp {
            // Counted by whoever closed.
            return false;
        }
        queue.in_hand = queue.in_hand.saturating_sub(records);
        drop(queue);
        self.works = written.is_ok();
        if !self.works {
            self.shared.losses.add(Loss::WriteFailed, records as u64);
        }
        true
    }

    fn has_losses_to_tell(&self) -> bool {
        self.works && self.shared.losses.total() > self.told.0
    }

    /// Not while the queue is full of older records: this one would be lost as well.
    fn tell_losses(&mut self) {
        let has_room = self.shared.lock().waiting.len() < R::QUEUE / 2;
        let (told, at) = self.told;
        if has_room && at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            let lost = self.shared.losses.total();
            self.told = (lost, Some(Instant::now()));
            R::tell_lost(lost - told);
        }
    }
}

/// Also when a record could not be rendered: whoever closes must not wait for a thread that is gone.
impl<R: Record, W> Drop for Writer<R, W> {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        if queue.stage != Stage::GivenUp {
            queue.stage = Stage::Ended;
        }
        drop(queue);
        self.shared.ended.notify_all();
    }
}
