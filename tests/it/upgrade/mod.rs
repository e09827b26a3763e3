//! Restarts and upgrades by day: no call is lost, and whoever watches the process is told.

mod activated;
pub(crate) mod callers;
mod handed;
mod leaving;
mod manager;
mod notified;

use std::time::Duration;

use tokio::{process::Child, time::timeout};

use crate::support::PATIENCE;

/// So often a process is exchanged for another one.
const UPGRADES: usize = 20;

/// So many calls are answered between two of them.
const BETWEEN: usize = 30;

/// Kept connections make a call ten times a second, so that this is long for them.
const IDLE_GRACE: (&str, &str) = ("shutdown.idle_grace", "400ms");

const JSON: (&str, &str) = ("log.format", "json");

async fn ended(process: &mut Child) -> Option<i32> {
    timeout(PATIENCE + Duration::from_secs(10), process.wait()).await.unwrap().unwrap().code()
}
