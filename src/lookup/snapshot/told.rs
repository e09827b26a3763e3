//! How it stands with the snapshot, for those who look after the gateway.

use std::{path::PathBuf, time::Duration};

/// How it stands with the snapshot.
#[derive(Clone, Debug, Default)]
pub struct SnapshotStanding {
    /// Where it is; `None`: none is written.
    pub path: Option<PathBuf>,
    /// How often it is written.
    pub every: Duration,
    /// What was there at the start.
    pub at_start: AtStart,
    /// When the one that is there was written, in milliseconds since 1970.
    pub written_at: Option<u64>,
    /// Partners and bytes of the one that was written last.
    pub size: Option<(u64, u64)>,
    /// The last attempt failed.
    pub failure: Option<WriteFailure>,
}

/// What was there at the start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum AtStart {
    /// Nothing.
    #[default]
    Nothing,
    /// A snapshot.
    Loaded {
        /// Partners that are remembered.
        entries: u64,
        /// Those that were left out.
        left_out: u64,
        /// When it was written, in milliseconds since 1970.
        written_at: u64,
    },
    /// Something that is not used.
    Refused {
        /// Why.
        why: String,
        /// What it is called now; `None`: as before.
        aside: Option<PathBuf>,
    },
}

/// A snapshot could not be written.
#[derive(Clone, Debug)]
pub struct WriteFailure {
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// Why, at the last attempt.
    pub why: String,
    /// What to do about it.
    pub todo: &'static str,
}
