//! What is asked of the memory as a whole, and by those who look after it.

use super::{Contracts, Partners, Sharing, memory::Key};
use crate::{
    domain::{PartnerId, ServiceNumbers},
    net::kv::Standing,
    sap::SapClient,
};

/// What came of forgetting a partner.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Forgotten {
    /// Something was remembered here.
    pub here: bool,
    /// Other replicas were told; `false`: they are when the shared memory answers again; `None`: there is none.
    pub elsewhere: Option<bool>,
}

impl Forgotten {
    /// What came of it in two systems.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let elsewhere = match (self.elsewhere, other.elsewhere) {
            (Some(one), Some(other)) => Some(one && other),
            (one, other) => one.or(other),
        };
        Self { here: self.here || other.here, elsewhere }
    }
}

impl Partners {
    /// The contract numbers that SAP's answers have led to.
    pub fn seen(&self) -> &Contracts {
        &self.shared.seen
    }

    /// Forgets what this SAP said of a partner, here and in all replicas: the next call asks.
    pub async fn forget(&self, sap: &SapClient, partner: PartnerId) -> Forgotten {
        let key = Key { system: sap.system(), partner };
        self.shared.flights.forget_failure(&key);
        let here = self.shared.memory.forget(&key);
        let elsewhere = match &self.shared.sharing {
            Some(sharing) if sharing.standing().is_some() => Some(sharing.forget(key).await),
            _ => None,
        };
        Forgotten { here, elsewhere }
    }

    /// How it stands with the shared memory; `None`: there is none.
    pub fn shared_memory(&self) -> Option<Standing> {
        self.shared.sharing.as_ref().and_then(Sharing::standing)
    }

    /// Hears what other replicas have forgotten, for as long as it is awaited.
    pub async fn listen(&self) {
        match &self.shared.sharing {
            Some(sharing) => sharing.listen(&self.shared).await,
            None => std::future::pending().await,
        }
    }

    /// Something is remembered.
    pub fn has_any(&self) -> bool {
        self.shared.memory.len() > 0
    }

    /// Tells the metrics how much is remembered.
    pub fn count(&self, numbers: &ServiceNumbers) {
        let metrics = &self.shared.metrics;
        metrics.holds(self.shared.memory.len());
        metrics.may_hold(self.shared.memory.most());
        let (contracts, missing) = self.shared.seen.count(numbers);
        metrics.has_seen(contracts, missing);
    }

    /// Ends what is under way: nobody waits for it any more, and the memory ends with the process.
    pub async fn finish(&self) {
        self.tasks.close();
        self.shared.closing.cancel();
        self.tasks.wait().await;
        if let Some(sharing) = &self.shared.sharing {
            sharing.finish().await;
        }
    }
}
