//! The terms under which calls are answered: what a reload exchanges as a whole.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use crate::{
    config::Config,
    domain::{CallerId, ContractNumber, DefaultPair, Dial},
    sap::SapClient,
    telemetry::lines::Fragment,
};

use super::{answer::dial_head, auth::Clients, clients::ClientMetrics, recorded::Ground};

/// Who may ask, by which rules a call is decided, and which SAP systems are asked. A call has one of them from
/// its beginning to its end.
pub struct Terms {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// The SAP systems, in the order of the configuration.
    pub systems: Vec<Arc<SapClient>>,
    /// The same as they are asked by number for who calls; empty: nobody asks.
    pub(super) by_number: Vec<Arc<SapClient>>,
    pub(super) clients: Clients,
    /// Names these terms in what was rendered under them.
    pub(super) rules: u64,
    /// What every record under these terms has: which process, version and configuration.
    pub(super) stamp: Arc<Fragment>,
    /// Where records have what was decided on.
    pub(super) ground: Option<Arc<Ground>>,
    /// Rendered ahead: the default pair and the fallbacks.
    ready_heads: Vec<(ContractNumber, Bytes)>,
}

impl Terms {
    /// Prepares what every call needs.
    pub fn new(
        config: Arc<Config>,
        systems: Vec<Arc<SapClient>>,
        metrics: &ClientMetrics,
        stamp: Fragment,
    ) -> Arc<Self> {
        Self::by_number_too(config, systems, Vec::new(), metrics, stamp)
    }

    /// The same, with the systems as they are asked by number for who calls.
    pub fn by_number_too(
        config: Arc<Config>,
        systems: Vec<Arc<SapClient>>,
        by_number: Vec<Arc<SapClient>>,
        metrics: &ClientMetrics,
        stamp: Fragment,
    ) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let pairs = config.rules.default_pair.iter().chain(config.rules.fallbacks.values());
        let ready_heads =
            pairs.map(|pair| (pair.contract_number.clone(), pair_head(pair))).collect();
        Arc::new(Self {
            clients: Clients::new(&config, metrics),
            rules: NEXT.fetch_add(1, Ordering::Relaxed),
            ready_heads,
            stamp: Arc::new(stamp),
            ground: config.log.facts.then(|| Arc::new(Ground::of(&config))),
            config,
            systems,
            by_number,
        })
    }

    /// What every record under these terms has.
    pub fn stamp(&self) -> Arc<Fragment> {
        Arc::clone(&self.stamp)
    }

    /// Names them among all terms of this process.
    pub fn id(&self) -> u64 {
        self.rules
    }

    /// The beginning of the answer with a pair of the rules.
    pub(super) fn ready_head(&self, dial: &Dial<'_>) -> Bytes {
        let ready = self.ready_heads.iter().find(|(of, _)| of == dial.contract_number);
        ready.map_or_else(|| dial_head(dial), |(_, head)| head.clone())
    }
}

/// A pair of the rules as an answer shows it.
fn pair_head(pair: &DefaultPair) -> Bytes {
    dial_head(&Dial {
        channel: &pair.channel,
        country: pair.country,
        contract_number: &pair.contract_number,
        service_number: Some(pair.service_number),
        by_default: true,
        caller_id: CallerId::Unchecked,
    })
}
