//! The orderly end, in two steps: whoever asks is told to go elsewhere; then nobody is accepted any more,
//! what is in flight is finished, and the rest goes.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// Another process has the listening sockets of this one, and takes its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Successor {
    /// It accepts.
    Accepts,
    /// It accepts when this one has gone.
    Waits,
}

/// One switch for the orderly end of all listeners; its clones are the same switch.
#[derive(Clone, Debug)]
pub struct Drain {
    limit: Duration,
    grace: Duration,
    started_at: Arc<OnceLock<Instant>>,
    successor: Arc<OnceLock<Successor>>,
    announced: CancellationToken,
    started: CancellationToken,
    forced: CancellationToken,
}

impl Drain {
    /// A drain that, once started, gives requests in flight `limit` to finish.
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            grace: Duration::ZERO,
            started_at: Arc::default(),
            successor: Arc::default(),
            announced: CancellationToken::new(),
            started: CancellationToken::new(),
            forced: CancellationToken::new(),
        }
    }

    /// A connection that is kept and has no request is closed only `grace` after the start: what its
    /// client has just sent would be lost.
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// How long requests in flight may take once it has started.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Tells clients to go elsewhere, while everybody is still accepted and answered: each answer of
    /// HTTP/1 is its connection's last one (`Connection: close`), connections of HTTP/2 get GOAWAY and
    /// end with the streams that they have. One that has not asked anything yet may ask once.
    pub fn announce(&self) {
        self.announced.cancel();
    }

    /// Starts the end: listeners accept nothing more, and connections end with the answer to what is
    /// in flight, or when nothing has come for the grace. Starting twice changes nothing.
    pub fn start(&self) {
        self.announce();
        self.started_at.get_or_init(Instant::now);
        self.started.cancel();
    }

    /// The same, because another process takes over: whoever waits to be accepted is left to it.
    pub fn hand_over(&self, successor: Successor) {
        self.successor.get_or_init(|| successor);
        self.start();
    }

    /// Waits until nobody is accepted any more. `is_kept`: somebody keeps the listening socket open, for a
    /// process that comes later.
    pub(super) async fn wait_closed(&self, is_kept: bool) {
        self.wait_started().await;
        match self.successor.get() {
            // Nobody else accepts while this process leaves, so it goes on for as long as it can.
            Some(Successor::Waits) => self.wait_grace(self.started_at()).await,
            None if is_kept => self.wait_grace(self.started_at()).await,
            Some(Successor::Accepts) | None => {}
        }
    }

    /// Another process has the listening socket.
    pub fn has_successor(&self) -> bool {
        self.successor.get().is_some()
    }

    /// Waits until clients are told to go elsewhere.
    pub(super) fn wait_announced(&self) -> WaitForCancellationFuture<'_> {
        self.announced.cancelled()
    }

    /// When a connection is closed on which nothing has come since then; `None` while that is no reason.
    pub(super) fn closes_at(&self, since: Instant) -> Option<Instant> {
        Some(since.max(*self.started_at.get()?) + self.grace)
    }

    /// Waits until the grace after the start has passed, for what began then; not before the start.
    pub(super) async fn wait_grace(&self, began: Instant) {
        self.wait_started().await;
        sleep_until(self.started_at().max(began) + self.grace).await;
    }

    fn started_at(&self) -> Instant {
        self.started_at.get().copied().unwrap_or_else(Instant::now)
    }

    /// Whether the end has begun.
    pub fn started(&self) -> bool {
        self.started.is_cancelled()
    }

    /// Waits until the end has begun.
    pub fn wait_started(&self) -> WaitForCancellationFuture<'_> {
        self.started.cancelled()
    }

    /// Ends everything at once, answered or not: what a second signal means.
    pub fn force(&self) {
        self.start();
        self.forced.cancel();
    }

    /// Waits until everything is to end at once.
    pub fn forced(&self) -> WaitForCancellationFuture<'_> {
        self.forced.cancelled()
    }

    /// Waits for `work`, once the end has begun, until the limit has passed or the end is forced.
    /// Returns whether the work was done.
    pub(crate) async fn finish<W: Future>(&self, work: W) -> bool {
        let started_at = self.started_at();
        tokio::select! {
            _ = work => true,
            () = self.forced.cancelled() => false,
            () = sleep_until(started_at + self.limit) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_listeners_share_the_time_that_the_end_may_take() {
        let drain = Drain::new(Duration::from_secs(10));
        let began = Instant::now();
        drain.start();

        assert!(!drain.finish(std::future::pending::<()>()).await);
        assert!(!drain.clone().finish(std::future::pending::<()>()).await);

        assert_eq!(began.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_the_wait_at_once() {
        let drain = Drain::new(Duration::from_secs(10));
        let began = Instant::now();
        drain.start();
        assert!(drain.started());

        drain.force();

        assert!(!drain.finish(std::future::pending::<()>()).await);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn forcing_without_starting_starts_as_well() {
        let drain = Drain::new(Duration::from_secs(10));

        drain.force();

        drain.wait_started().await;
        assert!(drain.started());
    }
}
