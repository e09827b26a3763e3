//! The switch of a running gateway.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{net::UnixStream, time::sleep};

use super::service::Service;
use crate::{
    admin::{Readiness, Reloaded, Reloads},
    net::{Drain, Successor, hand_over::Taken},
};

/// The switch that ends a running gateway and has its configuration read again; its clones are the
/// same switch.
#[derive(Clone)]
pub struct Control {
    pub(super) drain: Drain,
    /// The admin listener's: it goes last.
    pub(super) admin_drain: Drain,
    /// The process that has taken over, if it waits.
    pub(super) taken: Arc<Mutex<Option<UnixStream>>>,
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
        self.admin_drain.announce();
        let limit = self.drain.limit();
        if !self.drain_delay.is_zero() {
            let status = "still answers calls, and tells whoever comes to go elsewhere";
            self.service.leaves(self.drain_delay + limit, status);
            sleep(self.drain_delay).await;
        }
        self.service.leaves(limit, "accepts nothing more and finishes the calls in progress");
        self.drain.start();
    }

    /// Another process has the listening sockets: nobody has to go elsewhere, and there is nothing to wait
    /// for but calls in flight. Calls can still be sent here: they reach the other one.
    pub(super) fn hand_over(&self, taken: Taken) {
        let status = "has handed its sockets over and finishes the calls in progress";
        self.service.leaves(self.drain.limit(), status);
        let Taken { successor, connection } = taken;
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        self.drain.hand_over(successor);
        if successor == Successor::Accepts {
            self.admin_drain.hand_over(successor);
        }
    }

    /// Nothing is held any more that only one process can hold.
    pub(super) fn let_go(&self) {
        drop(self.taken.lock().unwrap_or_else(PoisonError::into_inner).take());
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
