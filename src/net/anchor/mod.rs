//! Second places for checkpoints of the audit trail: whoever can rewrite the trail on this machine cannot
//! rewrite what is there.
//!
//! A task per place takes the latest checkpoint, which stands for all before it, and tries until the place
//! has it or there is a newer one. Nobody waits for it; that it fails is a metric and a line of the log.

mod http;
mod send;

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    config::Anchor,
    telemetry::{
        audit::{AnchorKind, AuditMetrics, Checkpoints},
        clock,
    },
};

/// The longest wait for a place.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause after one that failed.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// The tasks that send.
pub struct Anchoring(Vec<JoinHandle<()>>);

impl Anchoring {
    /// Starts them. They end when there will be no more checkpoints. Needs a tokio runtime.
    pub fn start(
        anchors: &[Anchor],
        checkpoints: &Checkpoints,
        metrics: &Arc<AuditMetrics>,
    ) -> Self {
        let start = |anchor: &Anchor| {
            let place =
                Place { anchor: anchor.clone(), metrics: Arc::clone(metrics), is_failing: false };
            tokio::spawn(place.keep(checkpoints.clone()))
        };
        Self(anchors.iter().map(start).collect())
    }

    /// Waits until the last checkpoint was sent, for so long at most.
    pub async fn end(self, within: Duration) {
        let all = async {
            for task in self.0 {
                drop(task.await);
            }
        };
        if timeout(within, all).await.is_err() {
            tracing::warn!(
                "the last checkpoint of the audit trail did not get to all of audit.anchors"
            );
        }
    }
}

struct Place {
    anchor: Anchor,
    metrics: Arc<AuditMetrics>,
    is_failing: bool,
}

impl Place {
    async fn keep(mut self, mut checkpoints: Checkpoints) {
        loop {
            let is_last = if self.is_failing {
                tokio::select! {
                    changed = checkpoints.changed() => changed.is_err(),
                    () = sleep(TRY_AGAIN) => false,
                }
            } else if checkpoints.changed().await.is_err() {
                return;
            } else {
                false
            };
            let line = checkpoints.borrow_and_update().clone();
            if let Some(line) = line {
                self.send(&line).await;
            }
            if is_last {
                return;
            }
        }
    }

    async fn send(&mut self, line: &str) {
        let kind = match self.anchor {
            Anchor::File(_) => AnchorKind::File,
            Anchor::Syslog { .. } => AnchorKind::Syslog,
            Anchor::Http { .. } => AnchorKind::Http,
        };
        let sent = timeout(PATIENCE, send::to(&self.anchor, line));
        let failed = match sent.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_elapsed) => Some("no answer in time".to_owned()),
        };
        let anchor = kind.label();
        match failed {
            None => {
                self.metrics.anchored(kind, clock::unix_seconds());
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(
                        anchor,
                        "the second place takes checkpoints of the audit trail again"
                    );
                }
            }
            Some(why) => {
                self.metrics.not_anchored(kind);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(
                        anchor,
                        "the second place ({anchor}) takes no checkpoint of the audit trail: {why}; see \
                         audit.anchors. It is tried again; until then the end of the trail is on this \
                         machine alone"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
