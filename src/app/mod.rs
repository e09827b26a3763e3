//! Puts the parts together, serves until told to stop, and leaves in order.

mod build;
mod certificate;
mod control;
mod listeners;
mod metrics;
mod reload;
mod service;
mod signals;
mod snapshot;
mod start;
mod systems;
mod tls;
mod trail;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    admin::{Admin, ReloadRequest},
    gateway::{AccessLog, CallSpans},
    lookup::Partners,
    net::{
        Drain, Listener, NetMetrics, SharedSocket,
        anchor::Anchoring,
        hand_over::{Offer, Predecessor},
        otlp::Exporter,
    },
    telemetry::logging::with_causes,
};

use reload::State;
use service::Watchdog;

pub use build::{load, most_connections};
pub use control::Control;
pub use listeners::{Elsewhere, Sockets};
pub use metrics::AllMetrics;
pub use service::Service;
pub use signals::{Signal, Signals};
pub use start::{Given, StartError};

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
    predecessor: Option<Predecessor>,
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
        let Control { drain, admin_drain, .. } = control.clone();
        let forced = drain.clone();
        let sockets = [calls.shared(), admin.shared()];
        let answers = Arc::clone(&admin_answers);
        let admin = tokio::spawn(admin.serve(
            move |request, peer| {
                let answers = Arc::clone(&answers);
                async move { answers.handle(request, &peer).await }
            },
            admin_drain.clone(),
            self.admin_net,
        ));
        let mut besides = besides_calls(&state, reload_requests);
        let admin_cares = Arc::clone(&admin_answers);
        besides.spawn(async move { admin_cares.keep_pulse().await });
        let admin_cares = Arc::clone(&admin_answers);
        besides.spawn(async move { leave_when_wanted(&admin_cares, &leaving).await });
        let path = state.running.listen.hand_over.clone();
        let offering = control.clone();
        let kept = Arc::clone(&state.partners);
        besides.spawn(async move { hand_over_when_wanted(sockets, &offering, path, &kept).await });
        let besides = tokio::spawn(until(drain.clone(), besides));
        // To the very end: it is what answers calls that has to live.
        let _watchdog = AbortOnDropHandle::new(tokio::spawn(Watchdog::new(&state.service).keep()));
        take_over(self.predecessor);
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
        // After a second signal nobody waits for SAP any more.
        tokio::select! {
            () = finish(&state, besides, forced.has_successor()) => {}
            () = forced.forced() => partners.give_up_snapshot(),
        }
        let ended = async {
            tokio::join!(
                close_records(access),
                close_spans(&state.spans),
                trail::close(&state.gateway, anchoring),
            );
            control.let_go();
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

/// Finishes what calls have left.
async fn finish(state: &State, besides: JoinHandle<()>, has_successor: bool) {
    tokio::join!(state.partners.finish(), state.gateway.parity().finish());
    drop(besides.await);
    // Whoever took over has loaded what was written for it, and writes its own.
    if !has_successor {
        state.partners.write_last_snapshot().await;
    }
    // Last: whoever looks after it says that this replica lives.
    systems::finish(&state.current.load().terms.systems).await;
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
async fn until(drain: Drain, mut tasks: JoinSet<()>) {
    drain.wait_started().await;
    tasks.shutdown().await;
}

/// Begins the drain when an operator says so on the status page.
async fn leave_when_wanted(admin: &Admin, control: &Control) {
    admin.drain_wanted().await;
    control.leave().await;
}

/// Leaves the rest to the process whose place this one takes; it serves from now on.
fn take_over(before: Option<Predecessor>) {
    if let Some(Err(error)) = before.map(Predecessor::leave) {
        tracing::warn!(%error, "the process before this one was not told that this one serves");
    }
}

/// Gives the listening sockets to another process that wants to take over, and begins the drain then.
async fn hand_over_when_wanted(
    sockets: [SharedSocket; 2],
    control: &Control,
    path: Option<PathBuf>,
    partners: &Partners,
) {
    let Some(path) = path else { return };
    match Offer::open(&path) {
        Ok(offer) => {
            // What is remembered here is what the other one begins with.
            let first = || partners.write_snapshot_for_another();
            let taken = offer.taken_after(first, &sockets, control.drain.limit()).await;
            control.hand_over(taken);
        }
        Err(error) => {
            let error = with_causes(&error);
            tracing::error!(error, "no other process will be able to take over: {error}");
        }
    }
}

/// What goes on besides answering calls, each in a task of its own: one of them is woken by each answer of
/// SAP, and the others need not be looked at then.
fn besides_calls(
    state: &Arc<State>,
    reload_requests: mpsc::Receiver<ReloadRequest>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(systems::look_after(state.systems.subscribe()));
    let store = Arc::clone(&state.store);
    tasks.spawn(async move { store.attend().await });
    let partners = Arc::clone(&state.partners);
    tasks.spawn(async move { partners.refresh_ahead().await });
    let partners = Arc::clone(&state.partners);
    tasks.spawn(async move { partners.listen().await });
    let partners = Arc::clone(&state.partners);
    tasks.spawn(async move { partners.forget_what_is_over().await });
    let partners = Arc::clone(&state.partners);
    tasks.spawn(async move { partners.keep_snapshots().await });
    let log = state.log.clone();
    tasks.spawn(async move { log.keep_time().await });
    let gateway = Arc::clone(&state.gateway);
    tasks.spawn(async move { trail::keep_watch(&gateway).await });
    tasks.spawn(Arc::clone(state).keep_current(reload_requests));
    tasks
}
