//! `cache.snapshot:` a file in which what is remembered outlives the process.

use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{resolve::Reading, units::DurationText};

/// Where what is remembered is written, and how often.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemorySnapshot {
    /// The file. It is written beside and replaced, so its folder has to be writable.
    pub path: PathBuf,
    /// So often, and at the end.
    pub every: Duration,
}

/// `cache.snapshot:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["path"]))]
pub(in crate::config) struct MemorySnapshotFile {
    /// The file; its folder has to be writable for dialgate, and for nobody else.
    #[schemars(with = "String")]
    path: Option<String>,
    /// It is written so often, and at the end.
    every: DurationText,
}

impl Default for MemorySnapshotFile {
    fn default() -> Self {
        Self { path: None, every: "5m".into() }
    }
}

impl MemorySnapshotFile {
    /// `has_keys`: it can be encrypted.
    pub(super) fn resolve(
        &self,
        has_keys: bool,
        reading: &mut Reading<'_>,
    ) -> Option<MemorySnapshot> {
        if !has_keys {
            let told = "needs cache.keys: what is written to a disk is encrypted; make a key with \
                        `openssl rand -base64 32`";
            reading.at("cache.snapshot", told);
        }
        let bounds = Duration::from_secs(1)..=Duration::from_hours(24);
        let every = reading.duration("cache.snapshot.every", &self.every, bounds);
        // A section without it has a finding of its own.
        let path = self.path.as_deref()?;
        if path.is_empty() {
            reading.at("cache.snapshot.path", "is empty; write for example `memory.snapshot`");
            return None;
        }
        let snapshot = MemorySnapshot { path: reading.path(path), every: every? };
        has_keys.then_some(snapshot)
    }
}
