//! Puts the parts together, serves until told to stop, and leaves in order.

mod build;
mod certificate;
mod control;
mod metrics;
mod reload;
mod service;
mod signals;
mod snapshot;
mod start;
mod tls;
mod trail;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::interval,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    admin::{Admin, ReloadRequest},
    gateway::{AccessLog, CallSpans},
    net::{Drain, Listener, NetMetrics, anchor::Anchoring, otlp::Exporter},
    sap::SapClient,
};

use reload::State;
use service::Watchdog;

pub use build::{load, most_connections};
pub use control::Control;
pub use metrics::AllMetrics;
pub use service::Service;
pub use signals::{Signal, Signals};
pub use start::{Given, StartError};

/// How often files with secrets are looked at: a few small files, read and compared.
const REREAD_SECRETS: Duration = Duration::from_secs(3);

/// The longest wait for the writer of records at the end: a blocked pipe must not keep the process.
const CLOSE_RECORDS_WITHIN: Duration = Duration::from_secs(1);

/// The longest wait for the collector at the end, together with that: nobody misses a span as he misses
/// a record.
const CLOSE_SPANS_WITHIN: Duration = Duration::from_secs(1);

/// A gateway that is bound to its ports and not yet serving.
pub struct App {
    calls: Listener,
    admin: Listener,
    admin_answers: Arc<Admin>,
    net: Arc<NetMetrics>,
    /// Admin connections are not calls' connections.
    admin_net: Arc<NetMetrics>,
    state: Arc<State>,
    reload_requests: mpsc::Receiver<ReloadRequest>,
    access: Option<AccessLog>,
    anchoring: Option<Anchoring>,
    control: Control,
}

impl App {
    /// Where jtel asks; the port is the real one where the configuration said 0.
    pub fn address(&self) -> SocketAddr {
        self.calls.local_address()
    }

    /// Where the metrics are.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.local_address()
    }

    /// The switch that ends the gateway.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Serves until the drain has started and calls in flight are over, then writes what is left.
    pub async fn serve(self) {
        let Self { calls, admin, admin_answers, state, reload_requests, access, control, .. } =
            self;
        let anchoring = self.anchoring;
        let leaving = control.clone();
        let drain = control.drain;
        let forced = drain.clone();
        let admin_drain = Drain::new(state.running.shutdown.drain_timeout);
        let answers = Arc::clone(&admin_answers);
        let admin = tokio::spawn(admin.serve(
            move |request, peer| {
                let answers = Arc::clone(&answers);
                async move { answers.handle(request, &peer).await }
            },
            admin_drain.clone(),
            self.admin_net,
        ));
        let (besides, admin_cares) = (Arc::clone(&state), Arc::clone(&admin_answers));
        let besides = async move {
            tokio::join!(
                besides_calls(besides, reload_requests),
                admin_cares.keep_pulse(),
                leave_when_wanted(&admin_cares, &leaving),
            );
        };
        let besides = tokio::spawn(until(drain.clone(), besides));
        // To the very end: it is what answers calls that has to live.
        let _watchdog = AbortOnDropHandle::new(tokio::spawn(Watchdog::new(&state.service).keep()));
        state.service.ready(&state.sentence());
        let (gateway, partners) = (Arc::clone(&state.gateway), Arc::clone(&state.partners));
        calls
            .serve(
                move |request, peer| {
                    let gateway = Arc::clone(&gateway);
                    async move { gateway.handle(request, &peer).await }
                },
                drain,
                self.net,
            )
            .await;
        // Calls are over; what they left is finished and written before the admin port goes.
        let finished = async {
            partners.finish().await;
            drop(besides.await);
        };
        // After a second signal nobody waits for SAP any more.
        tokio::select! {
            () = finished => {}
            () = forced.forced() => {}
        }
        let ended = async {
            tokio::join!(
                close_records(access),
                close_spans(&state.spans),
                trail::close(&state.gateway, anchoring),
            );
            admin_answers.end();
            admin_drain.start();
            drop(admin.await);
        };
        tokio::pin!(ended);
        tokio::select! {
            () = &mut ended => return,
            () = forced.forced() => admin_drain.force(),
        }
        ended.await;
    }
}

/// Has the records written that are left.
async fn close_records(access: Option<AccessLog>) {
    let Some(access) = access else { return };
    let closing = tokio::task::spawn_blocking(move || access.close(CLOSE_RECORDS_WITHIN));
    let lost = closing.await.unwrap_or_default();
    if lost > 0 {
        tracing::error!(lost, "{lost} access records could not be written before the end");
    }
}

/// Has the spans sent that are left.
async fn close_spans(spans: &Exporter<CallSpans>) {
    let lost = spans.close(CLOSE_SPANS_WITHIN).await;
    if lost > 0 {
        tracing::warn!(
            lost,
            "{lost} spans did not get to the collector (traces.otlp) before the end"
        );
    }
}

/// Ends with the drain, whatever is under way.
async fn until(drain: Drain, work: impl Future<Output = ()>) {
    tokio::select! {
        () = drain.wait_started() => {}
        () = work => {}
    }
}

/// Begins the drain when an operator says so on the status page.
async fn leave_when_wanted(admin: &Admin, control: &Control) {
    admin.drain_wanted().await;
    control.leave().await;
}

/// What goes on besides answering calls.
async fn besides_calls(state: Arc<State>, reload_requests: mpsc::Receiver<ReloadRequest>) {
    let (partners, log) = (Arc::clone(&state.partners), state.log.clone());
    let gateway = Arc::clone(&state.gateway);
    let store = Arc::clone(&state.store);
    tokio::join!(
        look_after_sap(state.sap.subscribe()),
        store.attend(),
        partners.refresh_ahead(),
        partners.listen(),
        partners.forget_what_is_over(),
        log.keep_time(),
        trail::keep_watch(&gateway),
        state.keep_current(reload_requests),
    );
}

/// Looks after the SAP in force: whether it answers, and whether its secrets have changed.
async fn look_after_sap(mut in_force: watch::Receiver<Arc<SapClient>>) {
    loop {
        let sap = Arc::clone(&in_force.borrow_and_update());
        tokio::select! {
            changed = in_force.changed() => if changed.is_err() { return },
            () = sap.attend() => {}
            () = reread_secrets(&sap) => {}
        }
    }
}

/// Looks every few seconds whether a secret, certificate or key of SAP's login has changed.
async fn reread_secrets(sap: &Arc<SapClient>) {
    let mut every = interval(REREAD_SECRETS);
    loop {
        every.tick().await;
        let sap = Arc::clone(sap);
        // A file on a network that hangs must not hang a worker.
        let _done = tokio::task::spawn_blocking(move || sap.reread_secrets()).await;
    }
}
