//! The orderly end: stop accepting, finish what is in flight, then go.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// One switch for the orderly end of all listeners; its clones are the same switch.
#[derive(Clone, Debug)]
pub struct Drain {
    limit: Duration,
    started_at: Arc<OnceLock<Instant>>,
    started: CancellationToken,
    forced: CancellationToken,
}

impl Drain {
    /// A drain that, once started, gives requests in flight `limit` to finish.
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            started_at: Arc::default(),
            started: CancellationToken::new(),
            forced: CancellationToken::new(),
        }
    }

    /// Starts the end: listeners accept nothing more, idle connections are closed, busy ones are
    /// told (HTTP/1 `Connection: close`, HTTP/2 GOAWAY) and end with their last answer. Starting
    /// twice changes nothing.
    pub fn start(&self) {
        self.started_at.get_or_init(Instant::now);
        self.started.cancel();
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
        let started_at = self.started_at.get().copied().unwrap_or_else(Instant::now);
        tokio::select! {
            _ = work => true,
            () = self.forced.cancelled() => false,
            () = tokio::time::sleep_until(started_at + self.limit) => false,
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
