//! From a configuration to a gateway that is bound to its ports.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    AllMetrics, App, build,
    certificate::CertificateWatch,
    control::Control,
    listeners::{Elsewhere, Sockets, in_force, listen},
    reload,
    reload::State,
    service::Service,
    snapshot::Snapshot,
    trail,
};
use crate::{
    admin::{Admin, Readiness, Reloads, Sites},
    config::{AccessLog as AccessTarget, Config},
    gateway::{AccessLog, AccessRecord, CallSpans, Gateway, Site, start_access_log},
    lookup::{MemoryMetrics, Partners, SharedMetrics, Sharing, SnapshotMetrics},
    net::{
        BindError, Drain, Limits, Listener, NetMetrics, TrustedInForce,
        hand_over::HandOverError,
        kv::{KvMetrics, Store},
        otlp::{CollectorProblem, Exporter},
    },
    telemetry::{
        audit::TrailError,
        clock::{self, CallId, Moment},
        lines::Standard,
        logging::{LogControl, LoggingError},
        metrics::{CertificateRole, Metrics},
    },
};

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A socket that was given is not where the configuration wants it.
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    /// The process before this one does not hand over.
    #[error(transparent)]
    HandOver(#[from] HandOverError),
    /// The certificate or key changed between the check and the start.
    #[error(transparent)]
    Tls(#[from] crate::net::tls::TlsError),
    /// SAP's section cannot be used.
    #[error("{key}: {message}")]
    Sap {
        /// Key in the configuration.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// The collector of spans cannot be used.
    #[error(transparent)]
    Traces(#[from] CollectorProblem),
    /// Where access records go.
    #[error("the access records cannot be written; see log.access")]
    Access(#[source] std::io::Error),
    /// The audit trail cannot go on.
    #[error("the audit trail cannot go on; see audit")]
    Audit(#[from] TrailError),
    /// A mistake in this program.
    #[error(transparent)]
    Log(#[from] LoggingError),
    /// A mistake in this program.
    #[error("the metrics cannot be declared")]
    Metrics(#[from] prometheus::Error),
}

/// What whoever started the process has given it, besides the configuration.
#[derive(Default)]
pub struct Given {
    /// Who wants to hear how it goes.
    pub service: Service,
    /// Sockets that listen already.
    pub sockets: Sockets,
}

impl App {
    /// [`Self::with_log`] for a process without one.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing stays behind.
    pub fn new(config: Config) -> Result<Self, StartError> {
        Self::with_log(config, &LogControl::detached()?)
    }

    /// [`Self::start`] for a process that nobody has started with something in its hands.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing stays behind.
    pub fn with_log(config: Config, log: &LogControl) -> Result<Self, StartError> {
        Self::start(config, log, Given::default())
    }

    /// Binds both ports and puts everything behind them. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing stays behind.
    pub fn start(config: Config, log: &LogControl, given: Given) -> Result<Self, StartError> {
        let all = AllMetrics::with_log(log)?;
        build::tell_notes(&config);
        let seen = reload::as_read(&config);
        // A name that no other process has is all it takes.
        let instance = CallId::new(Moment::now()).to_string();
        let calls_metrics = Arc::clone(&all.calls);
        let mut snapshot = Snapshot::new(config, all.sap, calls_metrics, &instance)?;
        all.process.config_loaded(clock::unix_seconds(), &snapshot.hash);
        let certificate = CertificateWatch::new(Arc::clone(&all.process));
        let tls = in_force(snapshot.tls.as_ref(), CertificateRole::Server, &certificate);
        let admin_tls = in_force(snapshot.admin_tls.as_ref(), CertificateRole::Admin, &certificate);
        certificate.look_again(&snapshot.terms.systems);
        let trusted = TrustedInForce::new(snapshot.config.listen.trusted_proxies.clone());
        let both_tls = (tls.clone(), admin_tls.clone());
        let Given { service, sockets } = given;
        let path = snapshot.config.listen.hand_over.as_deref().filter(|_| sockets.is_empty());
        let (mut predecessor, sockets) = sockets.or_of_the_process_before(path)?;
        let (calls, admin) = listen(&mut snapshot, sockets, both_tls, &trusted, &all.net)?;
        let config = Arc::clone(&snapshot.config);
        let access = access_log(&config, &all.process).map_err(StartError::Access)?;
        let (store, partners) = remembering(&snapshot, (all.kv, all.shared, all.memory, all.kept));
        let (trail, anchoring) =
            trail::open(&snapshot, &all.audit, &instance, predecessor.as_mut(), &service)?.unzip();
        let spans = Exporter::<CallSpans>::start(all.spans, &instance);
        spans.send_to(snapshot.collector.clone());
        let gateway = Gateway::new(
            Arc::clone(&snapshot.terms),
            Arc::clone(&partners),
            all.calls,
            Arc::clone(&all.net),
            access.clone(),
        );
        let gateway = Arc::new(gateway.with_spans(spans.clone()).with_audit(trail));
        let calls = telling(calls, &gateway, access.clone());
        let state = Arc::new(State {
            running: config,
            systems: watch::Sender::new(snapshot.terms.systems.clone()),
            current: ArcSwap::from_pointee(snapshot),
            gateway,
            partners,
            store,
            tls,
            admin_tls,
            trusted,
            metrics: all.process,
            status: Arc::default(),
            certificate,
            spans,
            log: log.clone(),
            service,
            seen: Mutex::new(seen),
        });
        let (reloads, reload_requests) = Reloads::channel();
        let control = control_of(&state, &reloads);
        let is_loopback = admin.local_address().ip().is_loopback();
        let admin_answers = admin_of(&state, &control, reloads, is_loopback);
        let admin_answers = Arc::new(admin_answers.listening_at(sites(&state, &calls, &admin)));
        trail::started(&state.gateway, calls.local_address(), admin.local_address());
        Ok(Self {
            calls,
            admin,
            admin_answers,
            net: all.net,
            admin_net: Arc::new(NetMetrics::uncounted()?),
            state,
            reload_requests,
            access,
            anchoring,
            control,
            predecessor,
        })
    }
}

/// What the memory counts: the way to what replicas share, its use, what is remembered, and its file.
type OfTheMemory = (Arc<KvMetrics>, Arc<SharedMetrics>, Arc<MemoryMetrics>, Arc<SnapshotMetrics>);

/// What is remembered here, what replicas share, and what the process before remembered.
fn remembering(
    snapshot: &Snapshot,
    (link, shared, memory, kept): OfTheMemory,
) -> (Arc<Store>, Arc<Partners>) {
    let cache = &snapshot.config.cache;
    let store = Store::new(link);
    store.follow(cache);
    let sharing = Sharing::new(Arc::clone(&store), shared);
    let partners = Partners::sharing(cache.max_entries, memory, Some(sharing)).with_snapshots(kept);
    let partners = Arc::new(partners);
    partners.load_snapshot(&snapshot.terms.systems, cache);
    partners.refresh_from(&snapshot.terms.systems, cache);
    snapshot.terms.systems.iter().for_each(|sap| sap.share(&store));
    (store, partners)
}

/// Whoever keeps access records hears of connections that came to no call, too.
fn telling(calls: Listener, gateway: &Arc<Gateway>, access: Option<AccessLog>) -> Listener {
    let Some(access) = access else { return calls };
    let gateway = Arc::clone(gateway);
    calls.telling(Arc::new(move |incident| {
        access.record(AccessRecord::Incident(incident, gateway.terms().stamp()));
    }))
}

fn control_of(state: &State, reloads: &Reloads) -> Control {
    let readiness = Readiness::new(
        Arc::clone(&state.gateway),
        Arc::clone(&state.status),
        Arc::clone(&state.partners),
        state.running.admin.ready_without_sap_after,
    );
    let shutdown = &state.running.shutdown;
    Control {
        drain: Drain::new(shutdown.drain_timeout).with_grace(shutdown.idle_grace),
        admin_drain: Drain::new(shutdown.drain_timeout),
        taken: Arc::default(),
        readiness: Arc::new(readiness),
        reloads: reloads.clone(),
        drain_delay: shutdown.drain_delay,
        service: state.service.clone(),
    }
}

/// Where both listen.
fn sites(state: &State, calls: &Listener, admin: &Listener) -> Sites {
    let site = |listener: &Listener, tls: bool| Site { address: listener.local_address(), tls };
    Sites {
        calls: Some(site(calls, state.tls.is_some())),
        admin: Some(site(admin, state.admin_tls.is_some())),
    }
}

fn admin_of(state: &State, control: &Control, reloads: Reloads, is_loopback: bool) -> Admin {
    Admin::new(
        Arc::clone(&state.metrics),
        Arc::clone(&state.partners),
        Arc::clone(&state.gateway),
        Arc::clone(&control.readiness),
        reloads,
        Limits::default(),
        is_loopback,
    )
    .with_log(state.log.clone())
}

fn access_log(config: &Config, metrics: &Metrics) -> std::io::Result<Option<AccessLog>> {
    let output: Box<dyn Write + Send> = match &config.log.access {
        AccessTarget::Off => return Ok(None),
        AccessTarget::Stdout => Box::new(Standard::output()?),
        AccessTarget::Stderr => Box::new(Standard::error()?),
        AccessTarget::File(path) => Box::new(build::open_access_log(path)?),
    };
    start_access_log(metrics.registry(), output).map(Some)
}
