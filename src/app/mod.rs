//! Puts the parts together, serves until told to stop, and leaves in order.

mod build;
mod certificate;
mod metrics;
mod reload;
mod signals;
mod snapshot;

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{mpsc, watch},
    time::{interval, sleep},
};

use crate::{
    admin::{Admin, ConfigStatus, Readiness, ReloadRequest, Reloaded, Reloads},
    config::{AccessLog as AccessTarget, Config},
    gateway::{AccessLog, Gateway, start_access_log},
    lookup::Partners,
    net::{BindError, Drain, Limits, Listener, ListenerOptions, tls::TlsInForce},
    sap::SapClient,
    telemetry::{
        clock,
        lines::Standard,
        logging::{LogControl, LoggingError},
        metrics::Metrics,
    },
};

use certificate::CertificateWatch;
use reload::State;
use snapshot::Snapshot;

pub use build::load;
pub use certificate::SOON_DAYS;
pub use metrics::AllMetrics;
pub use signals::{Signal, Signals};

/// How often files with secrets are looked at: a few small files, read and compared.
const REREAD_SECRETS: Duration = Duration::from_secs(3);

/// The longest wait for the writer of records at the end: a blocked pipe must not keep the process.
const CLOSE_RECORDS_WITHIN: Duration = Duration::from_secs(1);

/// A gateway that is bound to its ports and not yet serving.
pub struct App {
    calls: Listener,
    admin: Listener,
    admin_answers: Arc<Admin>,
    state: Arc<State>,
    reload_requests: mpsc::Receiver<ReloadRequest>,
    access: Option<AccessLog>,
    control: Control,
}

/// The switch that ends a running gateway and has its configuration read again; its clones are the
/// same switch.
#[derive(Clone)]
pub struct Control {
    drain: Drain,
    readiness: Arc<Readiness>,
    reloads: Reloads,
    drain_delay: Duration,
}

impl Control {
    /// Not ready at once; no new connections after `shutdown.drain_delay`, which gives a load
    /// balancer the time to notice; then calls in flight have `shutdown.drain_timeout`.
    pub async fn leave(&self) {
        self.readiness.leave();
        sleep(self.drain_delay).await;
        self.drain.start();
    }

    /// Has the configuration read again. What comes of it stands in the log and at `/readyz?verbose`.
    pub fn reload_soon(&self) {
        self.reloads.reload_soon();
    }

    /// The same, and waits for what comes of it; `None`: the process ends.
    pub async fn reload(&self) -> Option<Reloaded> {
        self.reloads.reload().await
    }

    /// What the end of the server means: an error unless somebody asked for it.
    ///
    /// # Errors
    ///
    /// The server failed, or ended by itself.
    pub fn ended(&self, served: anyhow::Result<()>) -> anyhow::Result<()> {
        served?;
        anyhow::ensure!(self.drain.started(), "the server ended without having been told to");
        Ok(())
    }

    /// Ends everything at once, answered or not.
    pub fn force(&self) {
        self.readiness.leave();
        self.drain.force();
    }
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
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
    /// Where access records go.
    #[error("the access records cannot be written; see log.access")]
    Access(#[source] std::io::Error),
    /// A mistake in this program.
    #[error(transparent)]
    Log(#[from] LoggingError),
    /// A mistake in this program.
    #[error("the metrics cannot be declared")]
    Metrics(#[from] prometheus::Error),
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

    /// Binds both ports and puts everything behind them. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing stays behind.
    pub fn with_log(config: Config, log: &LogControl) -> Result<Self, StartError> {
        let AllMetrics { process: metrics, sap: of_sap, memory: of_memory, calls: of_calls } =
            AllMetrics::with_log(log)?;
        metrics.config_loaded(clock::unix_seconds());
        build::tell_when_descriptors_are_few(&config.listen.limits);
        let mut snapshot = Snapshot::new(config, of_sap)?;
        let certificate = CertificateWatch::new(Arc::clone(&metrics));
        let tls = snapshot.tls.as_ref().map(|tls| {
            certificate.shows(&tls.certificate);
            TlsInForce::new(Arc::clone(&tls.config))
        });
        let config = Arc::make_mut(&mut snapshot.config);
        let limits = config.listen.limits.clone();
        let calls = listen(config.listen.address, tls.clone(), limits)?;
        let admin = listen(config.admin.address, None, Limits::default())?;
        config.listen.address = calls.local_address();
        config.admin.address = admin.local_address();
        let config = Arc::clone(&snapshot.config);
        let sap = Arc::clone(&snapshot.terms.sap);
        let access = access_log(&config, &metrics).map_err(StartError::Access)?;
        let partners = Arc::new(Partners::new(config.cache.max_entries, of_memory));
        partners.refresh_from(&sap, &config.cache);
        let gateway = Arc::new(Gateway::new(
            Arc::clone(&snapshot.terms),
            Arc::clone(&partners),
            of_calls,
            Arc::clone(&metrics.net),
            access.clone(),
        ));
        let status = Arc::new(ConfigStatus::new());
        let readiness = Arc::new(Readiness::new(
            Arc::clone(&gateway),
            Arc::clone(&status),
            Arc::clone(&partners),
            config.admin.ready_without_sap_after,
        ));
        let (reloads, reload_requests) = Reloads::channel();
        let control = Control {
            drain: Drain::new(config.shutdown.drain_timeout),
            readiness: Arc::clone(&readiness),
            reloads: reloads.clone(),
            drain_delay: config.shutdown.drain_delay,
        };
        let admin_answers = Admin::new(
            Arc::clone(&metrics),
            Arc::clone(&partners),
            Arc::clone(&gateway),
            readiness,
            reloads,
            Limits::default(),
            admin.local_address().ip().is_loopback(),
        )
        .with_log(log.clone());
        let state = Arc::new(State {
            running: Arc::clone(&config),
            current: ArcSwap::from_pointee(snapshot),
            gateway,
            partners,
            tls,
            metrics,
            status,
            certificate,
            log: log.clone(),
            sap: watch::Sender::new(sap),
            seen: Mutex::default(),
        });
        let admin_answers = Arc::new(admin_answers);
        Ok(Self { calls, admin, admin_answers, state, reload_requests, access, control })
    }

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
        let Self { calls, admin, admin_answers, state, reload_requests, access, control } = self;
        let drain = control.drain;
        let forced = drain.clone();
        let admin_drain = Drain::new(state.running.shutdown.drain_timeout);
        // Admin connections are not calls' connections: they count in a registry nobody reads.
        let uncounted = Metrics::new().map(Arc::new).unwrap_or(Arc::clone(&state.metrics));
        let admin = tokio::spawn(admin.serve(
            move |request, peer| {
                let admin = Arc::clone(&admin_answers);
                async move { admin.handle(&request, &peer).await }
            },
            admin_drain.clone(),
            uncounted,
        ));
        let besides =
            tokio::spawn(until(drain.clone(), besides_calls(Arc::clone(&state), reload_requests)));
        let (gateway, partners) = (Arc::clone(&state.gateway), Arc::clone(&state.partners));
        calls
            .serve(
                move |request, peer| {
                    let gateway = Arc::clone(&gateway);
                    async move { gateway.handle(request, &peer).await }
                },
                drain,
                Arc::clone(&state.metrics),
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
            close_records(access).await;
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

fn listen(
    address: SocketAddr,
    tls: Option<Arc<TlsInForce>>,
    limits: Limits,
) -> Result<Listener, BindError> {
    Listener::bind(ListenerOptions { address, tls, limits })
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

/// Ends with the drain, whatever is under way.
async fn until(drain: Drain, work: impl Future<Output = ()>) {
    tokio::select! {
        () = drain.wait_started() => {}
        () = work => {}
    }
}

/// What goes on besides answering calls.
async fn besides_calls(state: Arc<State>, reload_requests: mpsc::Receiver<ReloadRequest>) {
    let (partners, log) = (Arc::clone(&state.partners), state.log.clone());
    tokio::join!(
        look_after_sap(state.sap.subscribe()),
        partners.refresh_ahead(),
        log.keep_time(),
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

fn access_log(config: &Config, metrics: &Metrics) -> std::io::Result<Option<AccessLog>> {
    let output: Box<dyn Write + Send> = match &config.log.access {
        AccessTarget::Off => return Ok(None),
        AccessTarget::Stdout => Box::new(Standard::output()?),
        AccessTarget::Stderr => Box::new(Standard::error()?),
        AccessTarget::File(path) => Box::new(build::open_access_log(path)?),
    };
    start_access_log(metrics.registry(), output).map(Some)
}
