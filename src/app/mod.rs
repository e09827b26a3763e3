//! Puts the parts together, serves until told to stop, and leaves in order.

mod build;
mod metrics;
mod signals;

use std::{io::Write, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::{interval, sleep};

use crate::{
    admin::{Admin, Readiness},
    config::{AccessLog as AccessTarget, Config},
    gateway::{AccessLog, Gateway, start_access_log},
    lookup::Partners,
    net::{
        BindError, Drain, Limits, Listener, ListenerOptions,
        tls::{ServerTls, TlsInForce},
    },
    sap::SapClient,
    telemetry::{
        clock,
        lines::Standard,
        logging::{LogControl, LoggingError},
        metrics::Metrics,
    },
};

pub use build::{SOON_DAYS, load};
pub use metrics::AllMetrics;
pub use signals::Signals;

/// How often files with secrets are looked at: a few small files, read and compared.
const REREAD_SECRETS: Duration = Duration::from_secs(3);

/// The longest wait for the writer of records at the end: a blocked pipe must not keep the process.
const CLOSE_RECORDS_WITHIN: Duration = Duration::from_secs(1);

/// A gateway that is bound to its ports and not yet serving.
pub struct App {
    config: Arc<Config>,
    calls: Listener,
    admin: Listener,
    gateway: Arc<Gateway>,
    admin_answers: Arc<Admin>,
    partners: Arc<Partners>,
    sap: Arc<SapClient>,
    metrics: Arc<Metrics>,
    access: Option<AccessLog>,
    control: Control,
    log: LogControl,
}

/// The switch that ends a running gateway; its clones are the same switch.
#[derive(Clone)]
pub struct Control {
    drain: Drain,
    readiness: Arc<Readiness>,
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
        let config = Arc::new(config);
        let AllMetrics { process: metrics, sap: of_sap, memory: of_memory, calls: of_calls } =
            AllMetrics::with_log(log)?;
        metrics.config_loaded(clock::unix_seconds());
        let tls = config.listen.tls.as_ref().map(build::server_tls).transpose()?.inspect(
            |tls: &ServerTls| {
                metrics.certificate_ends(tls.certificate.not_after);
                build::tell_when_certificate_ends(&tls.certificate);
            },
        );
        build::tell_when_descriptors_are_few(&config.listen.limits);
        let calls = Listener::bind(ListenerOptions {
            address: config.listen.address,
            tls: tls.map(|tls| TlsInForce::new(tls.config)),
            limits: config.listen.limits.clone(),
        })?;
        let admin = Listener::bind(ListenerOptions {
            address: config.admin.address,
            tls: None,
            limits: Limits::default(),
        })?;
        let sap = Arc::new(build::sap(&config.sap, of_sap)?);
        let access = access_log(&config, &metrics).map_err(StartError::Access)?;
        let partners = Arc::new(Partners::new(config.cache.max_entries, of_memory));
        partners.refresh_from(&sap, &config.cache);
        let gateway = Arc::new(Gateway::new(
            Arc::clone(&config),
            Arc::clone(&sap),
            Arc::clone(&partners),
            of_calls,
            Arc::clone(&metrics.net),
            access.clone(),
        ));
        let readiness = Arc::new(Readiness::new(
            Arc::clone(&sap),
            Arc::clone(&partners),
            config.admin.ready_without_sap_after,
        ));
        let control = Control {
            drain: Drain::new(config.shutdown.drain_timeout),
            readiness: Arc::clone(&readiness),
            drain_delay: config.shutdown.drain_delay,
        };
        let admin_answers = Admin::new(
            Arc::clone(&metrics),
            Arc::clone(&partners),
            Arc::clone(&sap),
            readiness,
            config.rules.service_numbers.clone(),
            Limits::default(),
            admin.local_address().ip().is_loopback(),
        )
        .with_log(log.clone());
        let admin_answers = Arc::new(admin_answers);
        Ok(Self {
            config,
            calls,
            admin,
            gateway,
            admin_answers,
            partners,
            sap,
            metrics,
            access,
            control,
            log: log.clone(),
        })
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
        let Self { config, calls, admin, gateway, admin_answers, .. } = self;
        let drain = self.control.drain;
        let forced = drain.clone();
        let admin_drain = Drain::new(config.shutdown.drain_timeout);
        // Admin connections are not calls' connections: they count in a registry nobody reads.
        let uncounted = Metrics::new().map(Arc::new).unwrap_or(Arc::clone(&self.metrics));
        let admin = tokio::spawn(admin.serve(
            move |request, peer| {
                let admin = Arc::clone(&admin_answers);
                async move { admin.handle(&request, &peer) }
            },
            admin_drain.clone(),
            uncounted,
        ));
        let probe =
            tokio::spawn(attend(Arc::clone(&self.sap), Arc::clone(&self.partners), drain.clone()));
        let (log, until) = (self.log, drain.clone());
        let log_level = tokio::spawn(async move {
            tokio::select! {
                () = until.wait_started() => {}
                () = log.keep_time() => {}
            }
        });
        let secrets = tokio::spawn(reread_secrets(Arc::clone(&self.sap), drain.clone()));
        calls
            .serve(
                move |request, peer| {
                    let gateway = Arc::clone(&gateway);
                    async move { gateway.handle(request, &peer).await }
                },
                drain,
                self.metrics,
            )
            .await;
        // Calls are over; what they left is finished and written before the admin port goes.
        let finished = async {
            self.partners.finish().await;
            drop(probe.await);
            drop(secrets.await);
            drop(log_level.await);
        };
        // After a second signal nobody waits for SAP any more.
        tokio::select! {
            () = finished => {}
            () = forced.forced() => {}
        }
        let access = self.access;
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

/// Has the records written that are left.
async fn close_records(access: Option<AccessLog>) {
    let Some(access) = access else { return };
    let closing = tokio::task::spawn_blocking(move || access.close(CLOSE_RECORDS_WITHIN));
    let lost = closing.await.unwrap_or_default();
    if lost > 0 {
        tracing::error!(lost, "{lost} access records could not be written before the end");
    }
}

/// Looks after SAP, and has partners in use asked for ahead of their end.
async fn attend(sap: Arc<SapClient>, partners: Arc<Partners>, drain: Drain) {
    tokio::select! {
        () = drain.wait_started() => {}
        () = sap.attend() => {}
        () = partners.refresh_ahead() => {}
    }
}

/// Looks every few seconds whether a secret, certificate or key of SAP's login has changed.
async fn reread_secrets(sap: Arc<SapClient>, drain: Drain) {
    let mut every = interval(REREAD_SECRETS);
    loop {
        tokio::select! {
            () = drain.wait_started() => return,
            _ = every.tick() => {}
        }
        let sap = Arc::clone(&sap);
        // A file on a network that hangs must not hang a worker, nor the end.
        tokio::select! {
            () = drain.wait_started() => return,
            _ = tokio::task::spawn_blocking(move || sap.reread_secrets()) => {}
        }
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
