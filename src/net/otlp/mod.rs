//! Spans that leave the process, by OTLP over HTTP: handed over by those who must not wait, sent by
//! a task.
//!
//! A call only hands over what it knows ([`Exporter::record`] never waits): the queue has an end, and
//! what is too much is counted and gone. One task (`worker`) turns what it takes into spans, sends them
//! in batches, waits as long as the collector wants it to, and gives a batch up after a while. It is
//! there also while nothing is recorded: a reload that names a collector only hands it over.

mod collector;
mod message;
mod metrics;
mod span;
mod worker;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

pub use collector::{Collector, CollectorProblem};
pub use metrics::{Loss, SpanMetrics};
pub use span::{Kind, Span, Value};

use worker::Worker;

/// How many may wait for the worker: about 2 MiB, and at 5000 recorded calls a second almost one second.
const QUEUE: usize = 4096;

/// Something that has spans.
pub trait Traced: Send + 'static {
    /// How many spans it has.
    fn count(&self) -> u64;

    /// Its spans.
    fn spans(&self) -> Vec<Span>;
}

/// The way to a collector. Its clones are the same way.
pub struct Exporter<T> {
    queue: mpsc::Sender<T>,
    shared: Arc<Shared>,
}

struct Shared {
    collector: watch::Sender<Option<Arc<Collector>>>,
    metrics: Arc<SpanMetrics>,
    /// When the worker has to have ended; `None`: it has not to end.
    ends: watch::Sender<Option<Instant>>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl<T> Clone for Exporter<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<T: Traced> Exporter<T> {
    /// Starts the worker, which ends when [`Self::close`] is called or the last clone is gone.
    /// `instance` names this process. Needs a tokio runtime.
    pub fn start(metrics: Arc<SpanMetrics>, instance: &str) -> Self {
        let (queue, taken) = mpsc::channel(QUEUE);
        let ends = watch::Sender::new(None);
        let collector = watch::Sender::new(None);
        let (to, until) = (collector.subscribe(), ends.subscribe());
        let worker = Worker::new(taken, to, Arc::clone(&metrics), until);
        let worker = tokio::spawn(worker.run(instance.to_owned()));
        let worker = Mutex::new(Some(worker));
        Self { queue, shared: Arc::new(Shared { collector, metrics, ends, worker }) }
    }

    /// From now on spans are sent there. Without one, what was handed over goes to the one before.
    pub fn send_to(&self, collector: Option<Arc<Collector>>) {
        if collector.is_some() {
            self.shared.collector.send_replace(collector);
        }
    }

    /// Hands something over. Never waits.
    pub fn record(&self, traced: T) {
        if let Err(error) = self.queue.try_send(traced) {
            let (loss, traced) = match error {
                mpsc::error::TrySendError::Full(traced) => (Loss::QueueFull, traced),
                mpsc::error::TrySendError::Closed(traced) => (Loss::Shutdown, traced),
            };
            self.shared.metrics.lost(loss, traced.count());
        }
    }

    /// Takes nothing more, and has what is left sent: for so long at most. How many spans were lost
    /// to the end.
    pub async fn close(&self, within: Duration) -> u64 {
        self.shared.ends.send_replace(Some(Instant::now() + within));
        let worker = self.shared.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            // It has panicked, or ended.
            drop(worker.await);
        }
        self.shared.metrics.count(Loss::Shutdown)
    }
}

#[cfg(test)]
mod tests;
