//! The memory that replicas share, as the status page shows it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    lookup::Partners,
    net::kv::{LinkState, Standing, Trouble},
    telemetry::{clock, rounded},
};

/// How it stands with the memory that replicas share.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SharedState {
    /// `connecting`, `answering` or `left_alone`.
    pub(super) state: &'static str,
    pub(super) since_seconds: u64,
    /// Why it is left alone.
    pub(super) why: Option<&'static str>,
}

/// `None`: there is none.
pub(super) fn state(partners: &Partners) -> Option<SharedState> {
    let Standing { state, since, why } = partners.shared_memory()?;
    let why = why.filter(|_| state == LinkState::LeftAlone).map(Trouble::told);
    let since = clock::unix_milliseconds().saturating_sub(since);
    Some(SharedState { state: state.label(), since_seconds: since / 1000, why })
}

impl SharedState {
    /// As a row of the page.
    pub(super) fn told(&self) -> String {
        let since = rounded(Duration::from_secs(self.since_seconds));
        let why = self.why.map(|why| format!(": it {why}")).unwrap_or_default();
        format!("{} for {since}{why}", self.state.replace('_', " "))
    }
}
