//! Lines that leave the process: handed over by those who must not wait, written by a thread.
//!
//! A pipe nobody reads blocks whoever writes to it, and a disk can hang. So no worker writes: it
//! hands its record over ([`Lines::record`] never waits), and one thread per output turns records
//! into text and writes them in batches. Where the output cannot keep up, records are dropped and
//! counted by why. `record`, `close` and the writer agree under one lock, so each record is written
//! or counted, also those that come while everything ends.

mod fragment;
mod loss;
mod object;
mod standard;
mod writer;

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

pub use fragment::Fragment;
pub use loss::{Loss, Losses};
pub use object::Object;
pub use standard::Standard;

/// Something that is written as a line.
pub trait Record: Send + 'static {
    /// Name of the thread that writes, 15 bytes at most.
    const THREAD: &'static str;

    /// How many records may wait for the writer.
    const QUEUE: usize;

    /// Appends the text, line end included.
    fn render(&self, batch: &mut Vec<u8>);

    /// The output takes records again after so many were lost. Called by the writer.
    fn tell_lost(count: u64);
}

/// The way to one output. Its clones are the same way; the last one to go closes it, without
/// waiting.
pub struct Lines<R>(Arc<Sender<R>>);

impl<R> Clone for Lines<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Sender<R>(Arc<Shared<R>>);

impl<R> Drop for Sender<R> {
    fn drop(&mut self) {
        self.0.lock().close();
        self.0.changed.notify_one();
    }
}

/// What the writer and those who hand over share.
struct Shared<R> {
    queue: Mutex<Queue<R>>,
    /// Tells the writer: there is a record while it sleeps, the queue is half full, or it is closed.
    changed: Condvar,
    /// Tells `close`: the writer has ended.
    ended: Condvar,
    losses: Losses,
}

struct Queue<R> {
    waiting: Vec<R>,
    /// Records the writer has taken and not yet written.
    in_hand: usize,
    /// The writer waits for a record and must be woken for one.
    asleep: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    Open,
    /// Nothing is taken any more; what is left is being written.
    Closing,
    /// Whoever closed waits no longer: what was left is counted as lost and is not to be written.
    GivenUp,
    /// The writer has ended.
    Ended,
}

impl<R> Queue<R> {
    fn is_closed(&self) -> bool {
        self.stage != Stage::Open
    }

    fn close(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Closing;
        }
    }
}

impl<R> Shared<R> {
    fn lock(&self) -> MutexGuard<'_, Queue<R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Record> Lines<R> {
    /// Starts the writer. `losses` counts what is not written.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(losses: Losses, output: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                waiting: Vec::with_capacity(R::QUEUE),
                in_hand: 0,
                asleep: false,
                stage: Stage::Open,
            }),
            changed: Condvar::new(),
            ended: Condvar::new(),
            losses,
        });
        let writer = writer::Writer::new(Arc::clone(&shared), output);
        thread::Builder::new()
            .name(R::THREAD.to_owned())
            .spawn(move || writer.write_until_closed())?;
        Ok(Self(Arc::new(Sender(shared))))
    }

    /// Hands a record over. Never waits for the output.
    pub fn record(&self, record: R) {
        let Shared { changed, losses, .. } = &*self.0.0;
        let mut queue = self.0.0.lock();
        let loss = if queue.is_closed() {
            Loss::Shutdown
        } else if queue.waiting.len() >= R::QUEUE {
            Loss::QueueFull
        } else {
            queue.waiting.push(record);
            let must_wake = queue.asleep || queue.waiting.len() == R::QUEUE / 2;
            queue.asleep = false;
            drop(queue);
            if must_wake {
                changed.notify_one();
            }
            return;
        };
        drop(queue);
        losses.add(loss, 1);
    }

    /// Takes no more records, has the writer write what is left and end, and waits `within` for that:
    /// a blocked pipe must not keep the process. How many records were lost to the end.
    pub fn close(&self, within: Duration) -> u64 {
        let Shared { changed, ended, losses, .. } = &*self.0.0;
        let mut queue = self.0.0.lock();
        queue.close();
        changed.notify_one();
        let (mut queue, _timeout) = ended
            .wait_timeout_while(queue, within, |queue| queue.stage == Stage::Closing)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.stage == Stage::Closing {
            queue.stage = Stage::GivenUp;
        }
        // A writer that has ended in order has left nothing.
        let left = (queue.waiting.len() + std::mem::take(&mut queue.in_hand)) as u64;
        queue.waiting.clear();
        drop(queue);
        losses.add(Loss::Shutdown, left);
        left
    }
}

#[cfg(test)]
mod tests;
