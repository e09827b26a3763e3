//! A file in which what is remembered outlives the process: a restart while SAP is silent goes on dialling.
//!
//! It is written every `cache.snapshot.every`, soon after an operator has had a partner forgotten, and at the end
//! (`keep`); beside the one before, which it replaces as a whole (`file`, `write`). It is read before calls are
//! answered (`load`): what is too old, or of a SAP that is not configured, is left out, and what was changed, cut or
//! encrypted with another key is not used at all. In it are facts and ages, encrypted (`form`, `piece`): no rules and
//! no dialled numbers.

mod file;
mod form;
mod keep;
mod load;
mod metrics;
mod piece;
mod told;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use crate::config::{Cache, SealingKeys};
use write::Stop;

pub use metrics::SnapshotMetrics;
pub use told::{AtStart, SnapshotStanding, WriteFailure};

/// The snapshots of one memory.
pub(super) struct Snapshots {
    /// Where and how often, by which keys and times; `None`: none is written.
    settings: ArcSwapOption<Cache>,
    /// They are others now.
    changed: Notify,
    metrics: Arc<SnapshotMetrics>,
    standing: Mutex<SnapshotStanding>,
    /// Files that nobody keeps current any more.
    left: Mutex<Vec<PathBuf>>,
    /// One at a time.
    writing: Mutex<()>,
    /// Nobody waits any more for what is being written.
    stop: Stop,
    /// How often a partner had been forgotten when the one that is there was begun.
    forgets: AtomicU64,
}

impl Snapshots {
    pub(super) fn new(metrics: Arc<SnapshotMetrics>) -> Self {
        Self {
            settings: ArcSwapOption::empty(),
            changed: Notify::new(),
            metrics,
            standing: Mutex::default(),
            left: Mutex::default(),
            writing: Mutex::default(),
            stop: Stop::default(),
            forgets: AtomicU64::new(0),
        }
    }

    fn note(&self, change: impl FnOnce(&mut SnapshotStanding)) {
        change(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether a snapshot could be written there.
///
/// # Errors
///
/// Why not, and what to do about it.
pub fn check_snapshot(path: &Path) -> Result<(), String> {
    file::can_be_put(path)
}

/// How many partners are in a snapshot; `None`: it is none, or is sealed with another key. For those who look for
/// bytes that break what is promised.
pub fn partners_in_snapshot(bytes: &[u8], keys: &SealingKeys) -> Option<u64> {
    let mut partners = 0;
    load::read(bytes, keys, |_, piece| partners += piece.entries.len() as u64).ok()?;
    Some(partners)
}

/// The same for a piece before it is sealed.
pub fn partners_in_snapshot_piece(bytes: &[u8]) -> Option<u64> {
    piece::Piece::read(bytes).ok().map(|piece| piece.entries.len() as u64)
}

#[cfg(test)]
mod tests;
