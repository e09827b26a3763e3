//! The metrics of several SAP systems, told apart by the names that the configuration gives them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus::Registry;

use super::SapMetrics;
use crate::{
    config::{SystemName, Systems},
    telemetry::metrics::Labelled,
};

/// Those of each system of the configuration.
pub struct SystemsMetrics {
    labelled: Labelled,
    known: Mutex<BTreeMap<SystemName, Arc<SapMetrics>>>,
}

impl SystemsMetrics {
    /// Declares those of the only system; [`Self::keep`] lets go of them where there are others.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let labelled = Labelled::new(registry, "system")?;
        let systems = Self { labelled, known: Mutex::default() };
        systems.of(&SystemName::default())?;
        Ok(systems)
    }

    /// Those of one system, the same ones each time.
    ///
    /// # Errors
    ///
    /// See [`Self::new`].
    pub fn of(&self, system: &SystemName) -> Result<Arc<SapMetrics>, prometheus::Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get(system) {
            return Ok(Arc::clone(metrics));
        }
        let registry = self.labelled.of(system.as_str())?;
        let metrics = Arc::new(SapMetrics::new(&registry)?);
        known.insert(system.clone(), Arc::clone(&metrics));
        Ok(metrics)
    }

    /// These systems are all there are from now on.
    pub fn keep(&self, systems: &Systems) {
        let is_kept = |name: &str| systems.iter().any(|sap| sap.name.as_str() == name);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|name, _| is_kept(name.as_str()));
        self.labelled.keep(is_kept);
    }
}
