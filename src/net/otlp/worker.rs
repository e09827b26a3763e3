//! The task that sends: what it gathers, how long it tries, and what it tells.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout_at},
};
use tracing::{debug, info, warn};

use super::{
    Traced,
    collector::{Answer, Collector, Connection},
    message::Sender,
    metrics::{Loss, SpanMetrics},
};

/// A batch has about so many spans.
const BATCH: u64 = 512;

/// And waits for so long for them.
const BATCH_EVERY: Duration = Duration::from_secs(5);

/// A batch that is not taken for so long is given up for the next one.
const GIVE_UP_AFTER: Duration = Duration::from_mins(1);

/// The pause after the first failure, doubled with each that follows.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause that a collector may want.
const LONGEST_WISH: Duration = Duration::from_mins(10);

pub(super) struct Worker<T> {
    queue: mpsc::Receiver<T>,
    collector: watch::Receiver<Option<Arc<Collector>>>,
    metrics: Arc<SpanMetrics>,
    ends: watch::Receiver<Option<Instant>>,
    kept: Option<Connection>,
    /// The collector is not asked before.
    not_before: Option<Instant>,
    /// In a row.
    failures: u32,
}

impl<T: Traced> Worker<T> {
    pub(super) fn new(
        queue: mpsc::Receiver<T>,
        collector: watch::Receiver<Option<Arc<Collector>>>,
        metrics: Arc<SpanMetrics>,
        ends: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self { queue, collector, metrics, ends, kept: None, not_before: None, failures: 0 }
    }

    /// Sends what comes until it is told to end, or nobody is left from whom something could come.
    pub(super) async fn run(mut self, instance: String) {
        let sender = Arc::new(Sender::new(&instance));
        while let Some(batch) = self.gather().await {
            let told: u64 = batch.iter().map(Traced::count).sum();
            let sender = Arc::clone(&sender);
            // A millisecond of work, that calls must not wait for.
            let encoding = spawn_blocking(move || {
                let spans: Vec<_> = batch.iter().flat_map(Traced::spans).collect();
                (spans.len() as u64, Bytes::from(sender.encode(spans)))
            });
            match encoding.await {
                Ok((count, body)) => self.deliver(count, &body).await,
                // The runtime ends.
                Err(_cancelled) => self.metrics.lost(Loss::Shutdown, told),
            }
        }
    }

    /// A batch, as soon as it is full or old enough; `None`: there will be no more.
    async fn gather(&mut self) -> Option<Vec<T>> {
        let first = self.next().await?;
        let mut spans = first.count();
        let mut batch = vec![first];
        let until = Instant::now() + BATCH_EVERY;
        while spans < BATCH {
            let Ok(Some(next)) = timeout_at(until, self.next()).await else { break };
            spans += next.count();
            batch.push(next);
        }
        Some(batch)
    }

    /// What was handed over next; once it has to end, what is left.
    async fn next(&mut self) -> Option<T> {
        if self.ends.borrow().is_none() {
            tokio::select! {
                biased;
                // An error: nobody is left who could tell; nobody hands anything over either.
                _told = self.ends.wait_for(Option::is_some) => {}
                next = self.queue.recv() => return next,
            }
        }
        self.queue.close();
        self.queue.recv().await
    }

    /// Sends one batch, as often as it takes and makes sense.
    async fn deliver(&mut self, count: u64, body: &Bytes) {
        let began = Instant::now();
        loop {
            let Some((collector, answer)) = self.attempt(body).await else {
                return self.metrics.lost(Loss::Shutdown, count);
            };
            match answer {
                Answer::Taken(rejected, said) => {
                    let rejected = rejected.min(count);
                    self.works(&collector);
                    self.metrics.exported(count - rejected);
                    self.metrics.lost(Loss::Refused, rejected);
                    if let Some(said) = said {
                        warn!(collector = %collector.name, rejected, of = count,
                            "the collector of traces.otlp did not take all spans: {said}");
                    }
                    return;
                }
                Answer::Refused(why) => {
                    self.fails(&collector, &why, "compare traces.otlp with what it wants");
                    return self.metrics.lost(Loss::Refused, count);
                }
                Answer::Later(why, wanted) => {
                    self.fails(&collector, &why, "see whether it runs and can be reached");
                    let pause =
                        wanted.map_or_else(|| pause(self.failures), |w| w.min(LONGEST_WISH));
                    self.not_before = Some(Instant::now() + pause);
                    if self.is_ending() {
                        return self.metrics.lost(Loss::Shutdown, count);
                    }
                    if began.elapsed() + pause > GIVE_UP_AFTER {
                        return self.metrics.lost(Loss::Unavailable, count);
                    }
                }
            }
        }
    }

    /// Asks the collector once, as soon as it may be asked; at the end at once, so that what is left
    /// has a chance. `None`: the time is over.
    async fn attempt(&mut self, body: &Bytes) -> Option<(Arc<Collector>, Answer)> {
        let end = end_of(self.ends.clone());
        let asked = async {
            if let Some(at) = self.not_before.take() {
                tokio::select! {
                    () = sleep_until(at) => {}
                    _told = self.ends.wait_for(Option::is_some) => {}
                    // It may be quite well.
                    _another = self.collector.changed() => {}
                }
            }
            // Whoever records has named one.
            let collector = self.collector.borrow_and_update().clone()?;
            let answer = collector.post(&mut self.kept, body).await;
            Some((collector, answer))
        };
        tokio::select! {
            biased;
            () = end => None,
            asked = asked => asked,
        }
    }

    /// It has been told to end, or nobody is left who could.
    fn is_ending(&self) -> bool {
        self.ends.borrow().is_some() || self.ends.has_changed().is_err()
    }

    fn works(&mut self, collector: &Collector) {
        if std::mem::take(&mut self.failures) > 0 {
            info!(collector = %collector.name, "the collector of traces.otlp takes spans again");
        }
    }

    /// A person is told once, until it works again.
    fn fails(&mut self, collector: &Collector, why: &str, advice: &str) {
        if self.failures == 0 {
            warn!(collector = %collector.name,
                "the collector of traces.otlp takes no spans: {why}; {advice}. Calls do not wait for \
                 it; dialgate_spans_lost_total counts what is lost");
        } else {
            debug!(collector = %collector.name, "the collector of traces.otlp still takes no spans: {why}");
        }
        self.failures = self.failures.saturating_add(1);
    }
}

/// The moment at which everything has to be over; never, while nobody wants an end.
async fn end_of(mut ends: watch::Receiver<Option<Instant>>) {
    let at = ends.wait_for(Option::is_some).await.ok().and_then(|at| *at);
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Up to twice as long with each failure, and never for all at the same moment.
fn pause(failures: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(5)).min(LONGEST_PAUSE);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}
