//! What was not written, and why.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use crate::domain::words;

words! {
    /// Why a record was not written.
    pub enum Loss {
        /// More records came than the output took.
        QueueFull = "queue_full",
        /// The output refused: nobody is there to read, or no space is left.
        WriteFailed = "write_failed",
        /// The process ended before the output took it.
        Shutdown = "shutdown",
    }
}

/// Counts lost records. Its clones count together.
#[derive(Clone)]
pub struct Losses {
    metric: IntCounterVec,
    by_loss: [IntCounter; Loss::ALL.len()],
}

impl Losses {
    /// A metric of that name with a `reason`, in no registry yet.
    ///
    /// # Errors
    ///
    /// A name that prometheus does not accept.
    pub fn new(name: &str, help: &str) -> Result<Self, prometheus::Error> {
        let metric = IntCounterVec::new(Opts::new(name, help), &["reason"])?;
        let by_loss = Loss::ALL.map(|loss| metric.with_label_values(&[loss.label()]));
        Ok(Self { metric, by_loss })
    }

    /// Shows the metric among those of `registry`.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.metric.clone()))
    }

    pub(in crate::telemetry) fn add(&self, loss: Loss, count: u64) {
        if let Some(counter) = self.by_loss.get(loss as usize) {
            counter.inc_by(count);
        }
    }

    /// How many were lost for that reason.
    pub fn count(&self, loss: Loss) -> u64 {
        self.by_loss.get(loss as usize).map_or(0, IntCounter::get)
    }

    /// How many were lost in all.
    pub fn total(&self) -> u64 {
        self.by_loss.iter().map(IntCounter::get).sum()
    }
}
