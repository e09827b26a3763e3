//! What is exported about the audit trail.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use crate::{
    domain::words,
    telemetry::{
        lines::{Loss, Losses},
        metrics::declare::{counter, counters, gauge, gauges},
    },
};

words! {
    /// Where checkpoints go besides.
    pub enum AnchorKind {
        /// A file, on another disk or machine.
        File = "file",
        /// A log server.
        Syslog = "syslog",
        /// A server that takes them by POST.
        Http = "http",
    }
}

/// The metrics of the trail; they stand still where there is none.
pub struct AuditMetrics {
    records: IntCounter,
    losses: Losses,
    waiting: IntGauge,
    unwritable_since: IntGauge,
    last_checkpoint: IntGauge,
    anchored: IntGaugeVec,
    anchor_failures: IntCounterVec,
}

impl AuditMetrics {
    /// Declares them.
    ///
    /// # Errors
    ///
    /// A name used twice: a mistake in this program that a test finds.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let losses = Losses::new(
            "dialgate_audit_records_lost_total",
            "Records of the audit trail that were not written; the trail itself says how many are missing where.",
        )?;
        losses.register(registry)?;
        let metrics = Self {
            records: counter(
                registry,
                "dialgate_audit_records_total",
                "Records that were written to the audit trail.",
            )?,
            losses,
            waiting: gauge(
                registry,
                "dialgate_audit_queue_length",
                "Records that wait for the audit trail's writer.",
            )?,
            unwritable_since: gauge(
                registry,
                "dialgate_audit_unwritable_since_timestamp_seconds",
                "Since when the audit trail cannot be written, in seconds since 1970; 0 while it can.",
            )?,
            last_checkpoint: gauge(
                registry,
                "dialgate_audit_last_checkpoint_timestamp_seconds",
                "When a checkpoint of the audit trail was signed last, in seconds since 1970; 0 where none was.",
            )?,
            anchored: gauges(
                registry,
                "dialgate_audit_anchored_timestamp_seconds",
                "When a checkpoint was taken by the second place last, in seconds since 1970; 0 where none was.",
                &["anchor"],
            )?,
            anchor_failures: counters(
                registry,
                "dialgate_audit_anchor_failures_total",
                "Checkpoints that the second place did not take; the next one covers them.",
                &["anchor"],
            )?,
        };
        for kind in AnchorKind::ALL {
            metrics.anchored.with_label_values(&[kind.label()]).set(0);
            metrics.anchor_failures.with_label_values(&[kind.label()]).inc_by(0);
        }
        Ok(metrics)
    }

    pub(super) fn wrote(&self, records: u64) {
        self.records.inc_by(records);
    }

    pub(super) fn lost(&self, loss: Loss, records: u64) {
        self.losses.add(loss, records);
    }

    pub(super) fn waits(&self, records: usize) {
        self.waiting.set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    pub(super) fn unwritable_since(&self, since: i64) {
        self.unwritable_since.set(since);
    }

    pub(super) fn signed(&self, at: i64) {
        self.last_checkpoint.set(at);
    }

    /// A second place took a checkpoint.
    pub fn anchored(&self, kind: AnchorKind, at: i64) {
        self.anchored.with_label_values(&[kind.label()]).set(at);
    }

    /// A second place did not.
    pub fn not_anchored(&self, kind: AnchorKind) {
        self.anchor_failures.with_label_values(&[kind.label()]).inc();
    }
}
