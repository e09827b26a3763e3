//! The audit trail of a gateway: opened with it, told what happens to it, closed at the end.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rustix::fs::Access;

use super::{StartError, build, service::Service, snapshot::Snapshot};
use crate::{
    admin::Reloaded,
    config::{Anchor, Audit, Findings},
    gateway::{AuditTrail, Gateway},
    net::{anchor::Anchoring, hand_over::Predecessor},
    telemetry::{
        audit::{AuditMetrics, Event, Keys, Trail, TrailError, epochs_of},
        logging::with_causes,
    },
};

/// The longest wait for the last record and the last checkpoint: a disk that hangs must not keep the
/// process.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The same for the second places.
const ANCHOR_WITHIN: Duration = Duration::from_millis(500);

/// Opens the trail, where the configuration wants one, and starts what sends its checkpoints on.
///
/// Two processes cannot write one trail: while that whose place is taken writes it, it is waited for, and
/// whoever calls meanwhile waits in the queue of the listening socket that both have.
pub(super) fn open(
    snapshot: &Snapshot,
    metrics: &Arc<AuditMetrics>,
    instance: &str,
    before: Option<&mut Predecessor>,
    service: &Service,
) -> Result<Option<(AuditTrail, Anchoring)>, StartError> {
    let (config, hash) = (&snapshot.config, &snapshot.hash);
    let Some(audit) = &config.audit else { return Ok(None) };
    let open = || Trail::open(audit, &config.privacy, Arc::clone(metrics), hash.clone(), instance);
    let (trail, checkpoints) = match (open(), before) {
        (Err(TrailError::Taken(_)), Some(before)) => {
            tracing::info!("waits for the process that runs to finish the audit trail");
            service.starts_later(before.leaves_within(), "waits for the process before this one");
            before.let_go()?;
            open()?
        }
        (opened, _) => opened?,
    };
    let anchoring = Anchoring::start(&audit.anchors, &checkpoints, metrics);
    Ok(Some((trail, anchoring)))
}

/// What of the section cannot be used, though it can be read.
pub(super) fn look_closer(audit: &Audit, findings: &mut Findings) {
    let folder = audit.folder.display();
    if !audit.folder.is_dir() {
        let told = format!(
            "{folder} is no folder; make it, for this user alone (`install -d -m 700 {folder}`)"
        );
        findings.at("audit.folder", told);
    } else if let Err(error) =
        rustix::fs::access(&audit.folder, Access::WRITE_OK | Access::READ_OK | Access::EXEC_OK)
    {
        findings.at("audit.folder", format!("{folder} cannot be written: {error}"));
    }
    let usable = Keys::open(&audit.keys)
        .and_then(|keys| keys.mac_key().map(drop))
        .and_then(|()| epochs_of(&audit.keys).map(drop));
    if let Err(error) = usable {
        findings.at("audit.keys", with_causes(&error));
    }
    for (place, anchor) in audit.anchors.iter().enumerate() {
        if let Anchor::File(file) = anchor
            && let Err(error) = build::may_write(Path::new(file))
        {
            let told = format!("{} cannot be written: {error}", file.display());
            findings.at(&format!("audit.anchors[{place}].file"), told);
        }
    }
}

/// Leaves an event in the trail, if there is one.
pub(super) fn tell(gateway: &Gateway, event: impl FnOnce() -> Event) {
    if let Some(trail) = gateway.audit() {
        trail.event(event());
    }
}

/// Calls are answered from now on.
pub(super) fn started(gateway: &Gateway, calls: SocketAddr, admin: SocketAddr) {
    tell(gateway, || Event::new("started").with("calls", calls).with("admin", admin));
}

/// What came of reading the configuration again.
pub(super) fn reload(reloaded: &Reloaded, is_wanted: bool) -> Event {
    let event = Event::new("reload").with("wanted", if is_wanted { "yes" } else { "no" });
    match reloaded {
        Reloaded::Applied { changed, needs_restart } => event
            .with("result", "applied")
            .with("changed", changed.join(","))
            .with("needs_restart", needs_restart.join(",")),
        Reloaded::Unchanged(needs_restart) => {
            event.with("result", "unchanged").with("needs_restart", needs_restart.join(","))
        }
        Reloaded::Refused(findings) => {
            event.with("result", "refused").with("findings", findings.len())
        }
    }
}

/// Looks whether it can be written; for ever where there is none.
pub(super) async fn keep_watch(gateway: &Gateway) {
    match gateway.audit() {
        Some(trail) => trail.keep_watch().await,
        None => std::future::pending().await,
    }
}

/// Has the end written, signed and sent on.
pub(super) async fn close(gateway: &Gateway, anchoring: Option<Anchoring>) {
    let Some(trail) = gateway.audit().cloned() else { return };
    trail.event(Event::new("stopped"));
    let closing = tokio::task::spawn_blocking(move || trail.close(CLOSE_WITHIN));
    let lost = closing.await.unwrap_or_default();
    if lost > 0 {
        tracing::error!(
            lost,
            "{lost} records of the audit trail could not be written before the end"
        );
    }
    if let Some(anchoring) = anchoring {
        anchoring.end(ANCHOR_WITHIN).await;
    }
}
