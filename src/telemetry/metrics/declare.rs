//! Shorter ways to declare a metric and have it in the registry.

use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

/// Puts a metric into the registry.
///
/// # Errors
///
/// A name used twice: a mistake in this program that a test finds.
pub fn declared<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A gauge without labels.
///
/// # Errors
///
/// As [`declared`].
pub fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    declared(registry, IntGauge::new(name, help)?)
}

/// A counter without labels.
///
/// # Errors
///
/// As [`declared`].
pub fn counter(
    registry: &Registry,
    name: &str,
    help: &str,
) -> Result<IntCounter, prometheus::Error> {
    declared(registry, IntCounter::new(name, help)?)
}

/// Gauges that labels tell apart.
///
/// # Errors
///
/// As [`declared`].
pub fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    declared(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
}

/// Counters that labels tell apart.
///
/// # Errors
///
/// As [`declared`].
pub fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    declared(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

/// For a gauge: a number, or the largest one it can show.
pub fn shown(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
