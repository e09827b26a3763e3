//! The snapshot of the memory, as the status page and readiness show it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::check::Check;
use crate::{
    lookup::{AtStart, Partners, SnapshotStanding},
    telemetry::{clock, rounded},
};

/// How it stands with the file in which the memory outlives the process.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SnapshotState {
    /// It is written so often.
    pub(super) every_seconds: u64,
    /// How old the one that is there is; `null`: there is none yet.
    pub(super) age_seconds: Option<u64>,
    /// Partners in the one that was written last.
    pub(super) entries: Option<u64>,
    /// Its size.
    pub(super) bytes: Option<u64>,
    /// Partners that were taken over from the process before; `null`: it left none.
    pub(super) loaded: Option<u64>,
    /// Why what was there at the start was not used.
    pub(super) refused: Option<String>,
    /// Why it cannot be written; `null`: it can.
    pub(super) failing: Option<String>,
    /// For how long it could not be.
    pub(super) failing_seconds: Option<u64>,
    /// What to do about that.
    pub(super) todo: Option<&'static str>,
}

/// `None`: none is written.
pub(super) fn state(partners: &Partners) -> Option<SnapshotState> {
    Some(SnapshotState::of(&partners.snapshot()?))
}

/// It never speaks against calls: without it the memory fills by itself.
pub(super) fn check(partners: &Partners) -> Option<Check> {
    let text = state(partners)?.told();
    Some(Check { name: "snapshot", passed: true, text })
}

impl SnapshotState {
    fn of(standing: &SnapshotStanding) -> Self {
        let since = |at: u64| clock::unix_milliseconds().saturating_sub(at) / 1000;
        let (loaded, refused) = match &standing.at_start {
            AtStart::Nothing => (None, None),
            AtStart::Loaded { entries, .. } => (Some(*entries), None),
            AtStart::Refused { why, aside } => {
                let aside = aside.as_ref().map(|aside| format!("; it is now {}", aside.display()));
                (None, Some(format!("{why}{}", aside.unwrap_or_default())))
            }
        };
        let failure = standing.failure.as_ref();
        Self {
            every_seconds: standing.every.as_secs(),
            age_seconds: standing.written_at.map(since),
            entries: standing.size.map(|(entries, _)| entries),
            bytes: standing.size.map(|(_, bytes)| bytes),
            loaded,
            refused,
            failing: failure.map(|failure| failure.why.clone()),
            failing_seconds: failure.map(|failure| since(failure.since)),
            todo: failure.map(|failure| failure.todo),
        }
    }

    /// In a sentence.
    pub(super) fn told(&self) -> String {
        let time = |seconds: u64| rounded(Duration::from_secs(seconds));
        let mut told = vec![match (self.age_seconds, self.entries) {
            (None, _) => "none is written yet".to_owned(),
            (Some(age), None) => format!("written {} ago by the process before", time(age)),
            (Some(0), Some(entries)) => format!("{entries} partners, written just now"),
            (Some(age), Some(entries)) => format!("{entries} partners, written {} ago", time(age)),
        }];
        if let Some(why) = &self.failing {
            let seconds = self.failing_seconds.unwrap_or_default();
            told.push(format!("cannot be written for {}: {why}", time(seconds)));
        }
        if let Some(loaded) = self.loaded {
            told.push(format!("the start took over {loaded} partners"));
        }
        if let Some(why) = &self.refused {
            told.push(format!("what was there at the start is not used: {why}"));
        }
        told.join("; ")
    }
}
