//! What a SAP's client has of what replicas have in common.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    net::kv::Store,
    sap::{LookupError, Pass, SapClient, Urgency},
};

impl SapClient {
    /// [`Self::enter`] for whoever may have waited for the shared memory before, and waits for it until then
    /// only.
    ///
    /// # Errors
    ///
    /// Why SAP is not asked.
    pub async fn enter_by(
        &self,
        urgency: Urgency,
        deadline: Instant,
        by: Option<Instant>,
    ) -> Result<Pass, LookupError> {
        self.door.enter(urgency, deadline, by).await
    }

    /// Its places, the requests of the day, probes and its token are one for all replicas that have this
    /// memory in common, whatever it is connected to.
    pub fn share(&self, store: &Arc<Store>) {
        self.door.common.share(store);
        self.door.login.share(store, &self.door.metrics);
    }

    /// Places that all replicas have taken together, and how many replicas there are; `None`: this one is on
    /// its own.
    pub fn in_common(&self) -> Option<(u64, u32)> {
        self.door.common.in_common()
    }

    /// Gives back what this replica has of what all have in common.
    pub async fn finish(&self) {
        self.door.common.finish().await;
    }
}
