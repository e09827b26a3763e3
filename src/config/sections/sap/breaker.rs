//! `sap.breaker:` when a SAP that fails, or is slow, is left alone.

use std::{ops::RangeInclusive, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::document::{resolve::Reading, units::DurationText};

/// When SAP is left alone: lookups are then told at once, and only a probe asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Breaker {
    /// Of the last lookups (20 at most, 10 at least, within 10 s), so many percent failed.
    pub failure_percent: u8,
    /// Or so many percent failed or took longer than `slow_after`.
    pub slow_percent: u8,
    /// A lookup that takes this long is slow.
    pub slow_after: Duration,
    /// How long the first probe is waited for; each that fails doubles it, up to
    /// `sap.probe_interval`, which also bounds this one.
    pub open_for: Duration,
}

/// `sap.breaker:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct BreakerFile {
    /// Of the last lookups, so many percent failed.
    #[schemars(range(min = 1, max = 100))]
    failure_percent: u8,
    /// Of the last lookups, so many percent failed or were slow.
    #[schemars(range(min = 1, max = 100))]
    slow_percent: u8,
    /// A lookup that takes this long is slow.
    slow_after: DurationText,
    /// How long SAP is left alone before the first probe; doubled with each that fails.
    open_for: DurationText,
}

impl Default for BreakerFile {
    fn default() -> Self {
        Self {
            failure_percent: 60,
            slow_percent: 90,
            slow_after: "2500ms".into(),
            open_for: "500ms".into(),
        }
    }
}

impl BreakerFile {
    /// `probe_interval`: the longest that SAP is left alone.
    pub(super) fn resolve(
        &self,
        probe_interval: Option<Duration>,
        reading: &mut Reading<'_>,
    ) -> Option<Breaker> {
        const TIME: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_mins(1);
        let slow_after = reading.duration("sap.breaker.slow_after", &self.slow_after, TIME);
        let open_for = reading.duration("sap.breaker.open_for", &self.open_for, TIME);
        Some(Breaker {
            failure_percent: self.failure_percent,
            slow_percent: self.slow_percent,
            slow_after: slow_after?,
            open_for: open_for?.min(probe_interval?),
        })
    }
}
