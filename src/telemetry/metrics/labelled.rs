//! Metrics of several of a kind, told apart by one label: each has a registry of its own, in which its
//! metrics are declared as if it were the only one, and which goes when it goes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus::{
    Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// Several of a kind.
#[derive(Clone)]
pub struct Labelled {
    label: &'static str,
    desc: Desc,
    all: Arc<Mutex<BTreeMap<String, Registry>>>,
}

impl Labelled {
    /// None yet; those to come are exported by `registry`.
    ///
    /// # Errors
    ///
    /// A label that prometheus does not accept, or one used twice: a mistake in this program that a test
    /// finds.
    pub fn new(registry: &Registry, label: &'static str) -> Result<Self, prometheus::Error> {
        // Nothing is exported under this name: it tells collectors apart.
        let name = format!("dialgate_by_{label}");
        let desc = Desc::new(name, label.to_owned(), Vec::new(), HashMap::new())?;
        let labelled = Self { label, desc, all: Arc::default() };
        registry.register(Box::new(labelled.clone()))?;
        Ok(labelled)
    }

    /// An empty registry for the one that has this value, in the place of one it had before.
    ///
    /// # Errors
    ///
    /// See [`Self::new`].
    pub fn of(&self, value: &str) -> Result<Registry, prometheus::Error> {
        let labels = HashMap::from([(self.label.to_owned(), value.to_owned())]);
        let registry = Registry::new_custom(None, Some(labels))?;
        self.lock().insert(value.to_owned(), registry.clone());
        Ok(registry)
    }

    /// Exports no more of those that are not to be kept.
    pub fn keep(&self, is_kept: impl Fn(&str) -> bool) {
        self.lock().retain(|value, _| is_kept(value));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Registry>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Labelled {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let all: Vec<_> = self.lock().values().cloned().collect();
        all.iter().flat_map(Registry::gather).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::{Reading, declare};

    #[test]
    fn each_has_its_series_of_one_family_until_it_goes() {
        let registry = Registry::new();
        let doors = Labelled::new(&registry, "door").unwrap();
        let opened = |door: &str| {
            let registry = doors.of(door).unwrap();
            declare::counter(&registry, "opened_total", "How often.").unwrap()
        };
        let (front, back) = (opened("front"), opened("back"));

        front.inc_by(2);
        back.inc();

        let read = || Reading::new(registry.gather());
        assert!((read().sum("opened_total", &[]) - 3.0).abs() < 0.1);
        assert!((read().sum("opened_total", &[("door", &["front"])]) - 2.0).abs() < 0.1);
        assert_eq!(registry.gather().len(), 1);
        doors.keep(|door| door == "back");
        assert_eq!(read().by_label("opened_total", "door").collect::<Vec<_>>(), [("back", 1.0)]);
    }
}
