//! The switch of a running gateway.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::service::Service;
use crate::{
    admin::{Readiness, Reloaded, Reloads},
    net::Drain,
};

/// The switch that ends a running gateway and has its configuration read again; its clones are the
/// same switch.
#[derive(Clone)]
pub struct Control {
    pub(super) drain: Drain,
    pub(super) readiness: Arc<Readiness>,
    pub(super) reloads: Reloads,
    pub(super) drain_delay: Duration,
    pub(super) service: Service,
}

impl Control {
    /// Not ready at once, and each answer is its connection's last; no new connections after
    /// `shutdown.drain_delay`, which gives a load balancer the time to notice; then calls in flight have
    /// `shutdown.drain_timeout`.
    pub async fn leave(&self) {
        self.readiness.leave();
        self.drain.announce();
        let limit = self.drain.limit();
        if !self.drain_delay.is_zero() {
            let status = "still answers calls, and tells whoever comes to go elsewhere";
            self.service.leaves(self.drain_delay + limit, status);
            sleep(self.drain_delay).await;
        }
        self.service.leaves(limit, "accepts nothing more and finishes the calls in progress");
        self.drain.start();
    }

    /// Has the configuration read again. What comes of it stands in the log and at `/readyz?verbose`.
    pub fn reload_soon(&self) {
        self.reloads.reload_soon();
    }

    /// The same, and waits for what comes of it; `None`: the process ends.
    pub async fn reload(&self) -> Option<Reloaded> {
        self.reloads.reload().await
    }

    /// What the end of the server means: an error unless somebody asked for it.
    ///
    /// # Errors
    ///
    /// The server failed, or ended by itself.
    pub fn ended(&self, served: anyhow::Result<()>) -> anyhow::Result<()> {
        served?;
        anyhow::ensure!(self.drain.started(), "the server ended without having been told to");
        Ok(())
    }

    /// Ends everything at once, answered or not.
    pub fn force(&self) {
        self.readiness.leave();
        self.drain.force();
    }
}
