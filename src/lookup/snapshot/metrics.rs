//! The snapshot of the memory, as metrics.

use std::time::Duration;

use prometheus::{Gauge, IntCounter, IntGauge, Registry};

use crate::{
    domain::words,
    telemetry::metrics::declare::{counters, declared, gauge, gauges, shown},
};

words! {
    /// What became of a partner of the snapshot at the start.
    pub(super) enum Taken {
        /// It is remembered.
        Loaded = "loaded",
        /// It is neither fresh nor good for a SAP that is silent.
        TooOld = "too_old",
        /// Of a SAP system that is not configured (any more).
        OtherSystem = "other_system",
        /// A rule looks at values that were not asked for then.
        OtherPaths = "other_paths",
        /// More than `cache.max_entries`.
        NoRoom = "no_room",
    }
}

words! {
    /// Why a snapshot was not used.
    pub(super) enum Refused {
        /// A link, or no file.
        NoFile = "no_file",
        /// Another user's.
        Owner = "owner",
        /// Others may write it.
        Writable = "writable",
        /// Larger than any of ours.
        TooLarge = "too_large",
        /// Something else.
        Foreign = "foreign",
        /// Of another version.
        Version = "version",
        /// Encrypted with another key.
        Key = "key",
        /// Cut off or changed.
        Damaged = "damaged",
        /// The system does not let it be read.
        Unreadable = "unreadable",
    }
}

words! {
    /// Why a snapshot was not written.
    pub(super) enum Failed {
        /// There is no room.
        Full = "full",
        /// The system does not let it be written.
        Denied = "denied",
        /// Another process writes it.
        Busy = "busy",
        /// It could not be encrypted.
        Unsealed = "unsealed",
        /// Anything else.
        Other = "other",
    }
}

/// The snapshot of the memory.
pub struct SnapshotMetrics {
    every: IntGauge,
    written_at: IntGauge,
    entries: IntGauge,
    bytes: IntGauge,
    seconds: Gauge,
    taken: [IntGauge; Taken::ALL.len()],
    refused: [IntCounter; Refused::ALL.len()],
    failed: [IntCounter; Failed::ALL.len()],
}

impl SnapshotMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let taken = gauges(
            registry,
            "dialgate_snapshot_start_entries",
            "Partners in the snapshot that was there at the start: remembered again (loaded), past any use (too_old), of a SAP that is not configured (other_system), without values that a rule looks at now (other_paths), more than cache.max_entries (no_room).",
            &["result"],
        )?;
        let refused = counters(
            registry,
            "dialgate_snapshot_refused_total",
            "Snapshots that were there at the start and were not used, by why.",
            &["reason"],
        )?;
        let failed = counters(
            registry,
            "dialgate_snapshot_failures_total",
            "Snapshots that could not be written, by why; the one before is still there.",
            &["reason"],
        )?;
        let seconds = Gauge::new(
            "dialgate_snapshot_write_seconds",
            "How long the last snapshot took to be written.",
        )?;
        Ok(Self {
            every: gauge(
                registry,
                "dialgate_snapshot_every_seconds",
                "How often the memory is written to a file (cache.snapshot.every); 0: it is not.",
            )?,
            written_at: gauge(
                registry,
                "dialgate_snapshot_written_timestamp_seconds",
                "When the snapshot that is there was written; 0: none was written or loaded.",
            )?,
            entries: gauge(
                registry,
                "dialgate_snapshot_entries",
                "Partners in the snapshot that was written last.",
            )?,
            bytes: gauge(
                registry,
                "dialgate_snapshot_bytes",
                "Size of the snapshot that was written last.",
            )?,
            seconds: declared(registry, seconds)?,
            taken: Taken::ALL.map(|word| taken.with_label_values(&[word.label()])),
            refused: Refused::ALL.map(|word| refused.with_label_values(&[word.label()])),
            failed: Failed::ALL.map(|word| failed.with_label_values(&[word.label()])),
        })
    }

    pub(super) fn is_written_every(&self, every: Option<Duration>) {
        self.every.set(shown(every.unwrap_or_default().as_secs()));
    }

    /// `at`: milliseconds since 1970.
    pub(super) fn is_there_since(&self, at: u64) {
        self.written_at.set(shown(at / 1000));
    }

    pub(super) fn wrote(&self, entries: u64, bytes: u64, took: Duration) {
        self.entries.set(shown(entries));
        self.bytes.set(shown(bytes));
        self.seconds.set(took.as_secs_f64());
    }

    pub(super) fn took(&self, taken: Taken, entries: u64) {
        if let Some(gauge) = self.taken.get(taken as usize) {
            gauge.set(shown(entries));
        }
    }

    pub(super) fn refused(&self, why: Refused) {
        if let Some(counter) = self.refused.get(why as usize) {
            counter.inc();
        }
    }

    pub(super) fn failed(&self, why: Failed) {
        if let Some(counter) = self.failed.get(why as usize) {
            counter.inc();
        }
    }
}
