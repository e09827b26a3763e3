//! A changed configuration comes into force: its file, lists of numbers, certificate and key are
//! looked at every second, and read when SIGHUP or an operator wants it.
//!
//! All or nothing. What has findings changes nothing, and is tried again every second until it has
//! none: the file that was missing may be one that nobody looks at.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{mpsc, watch},
    time::interval,
};

use super::{
    build,
    certificate::CertificateWatch,
    service::Service,
    snapshot::{Snapshot, keep_what_needs_a_restart},
    trail,
};
use crate::{
    admin::{ConfigStatus, ReloadRequest, Reloaded},
    config::{Config, Digest, Environment, digest_of},
    gateway::{CallSpans, Gateway},
    lookup::Partners,
    net::{TrustedInForce, kv::Store, otlp::Exporter, tls::TlsInForce},
    sap::SapClient,
    telemetry::{
        clock,
        logging::{LogControl, with_causes},
        metrics::{CertificateRole, Metrics, Reload},
    },
};

/// How often files are looked at. A change counts when it has stood for so long, because it may be
/// half written before.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Most findings that are written to the log.
const TOLD: usize = 10;

/// What survives a reload, and what a reload exchanges in it.
pub(super) struct State {
    /// What the process was started with: some of it cannot be exchanged.
    pub(super) running: Arc<Config>,
    pub(super) current: ArcSwap<Snapshot>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) partners: Arc<Partners>,
    /// The memory that replicas share.
    pub(super) store: Arc<Store>,
    pub(super) tls: Option<Arc<TlsInForce>>,
    pub(super) admin_tls: Option<Arc<TlsInForce>>,
    pub(super) trusted: Arc<TrustedInForce>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) status: Arc<ConfigStatus>,
    pub(super) certificate: CertificateWatch,
    pub(super) spans: Exporter<CallSpans>,
    pub(super) log: LogControl,
    pub(super) service: Service,
    /// Who looks after SAP is told which.
    pub(super) systems: watch::Sender<Vec<Arc<SapClient>>>,
    /// What was in the files when they were read.
    pub(super) seen: Mutex<Option<Digest>>,
}

impl State {
    /// Has changes come into force, for as long as it is awaited.
    pub(super) async fn keep_current(self: Arc<Self>, mut requests: mpsc::Receiver<ReloadRequest>) {
        let mut every = interval(LOOK_AGAIN);
        let mut changing = None;
        loop {
            let request = tokio::select! {
                Some(request) = requests.recv() => Some(request),
                _ = every.tick() => None,
            };
            if request.is_none() && !self.has_changed(&mut changing).await {
                self.certificate.look_again(&self.current.load().terms.systems);
                continue;
            }
            let state = Arc::clone(&self);
            let is_wanted = request.is_some();
            // Files may stand on a network that hangs.
            let reloading = tokio::task::spawn_blocking(move || state.reload(is_wanted));
            if let (Ok(reloaded), Some(request)) = (reloading.await, request) {
                // Whoever asked may have gone.
                let _told = request.send(reloaded);
            }
        }
    }

    /// The files are not as they were when they were read, and have been so for a while.
    async fn has_changed(&self, changing: &mut Option<Looked>) -> bool {
        let files = self.current.load().config.files.clone();
        if files.is_empty() {
            return false;
        }
        let looking = tokio::task::spawn_blocking(move || look_at(&files));
        let Ok(now) = looking.await else { return false };
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_some() && now.as_ref().ok() == seen.as_ref() {
            *changing = None;
            return false;
        }
        changing.replace(now.clone()) == Some(now)
    }

    /// Reads the files, and exchanges what has changed. `is_wanted`: somebody asked for it.
    fn reload(&self, is_wanted: bool) -> Reloaded {
        let before = self.current.load_full();
        let Some(path) = before.config.files.first() else {
            return Reloaded::Unchanged(Vec::new());
        };
        // What has findings is tried every second: that is told when something comes of it.
        let is_told = is_wanted || !self.status.is_refused();
        if is_told {
            self.service.reloading();
        }
        let seen = look_at(&before.config.files);
        let reloaded = match build::load(path, &Environment::process()) {
            Ok(config) => self.adopt(&before, config),
            Err(findings) => Reloaded::Refused(findings.iter().map(ToString::to_string).collect()),
        };
        let files = &self.current.load().config.files;
        // Others than those that were read: they are looked at, and read once more if need be.
        let is_what_was_read =
            *files == before.config.files && !matches!(reloaded, Reloaded::Refused(_));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            if is_what_was_read { seen.ok() } else { None };
        // What was refused may have named others.
        self.current.load().forget_other_systems();
        let is_news = self.tell(&reloaded, is_wanted);
        if is_news && !is_told {
            self.service.reloading();
        }
        if is_news || is_told {
            self.service.ready(&self.sentence());
        }
        reloaded
    }

    fn adopt(&self, before: &Snapshot, mut config: Config) -> Reloaded {
        let needs_restart = keep_what_needs_a_restart(&mut config, &self.running);
        let after = match before.after(config) {
            Ok(after) => after,
            // A file has changed since it was checked.
            Err(error) => return Reloaded::Refused(vec![with_causes(&error)]),
        };
        let changed = after.changes_since(before);
        if changed.is_empty() {
            return Reloaded::Unchanged(needs_restart);
        }
        build::tell_notes(&after.config);
        self.exchange(after);
        Reloaded::Applied { changed, needs_restart }
    }

    fn exchange(&self, after: Snapshot) {
        self.trusted.exchange(after.config.listen.trusted_proxies.clone());
        if let (Some(in_force), Some(tls)) = (&self.tls, &after.tls) {
            in_force.exchange(tls);
            self.certificate.shows(CertificateRole::Server, tls);
        }
        if let (Some(in_force), Some(tls)) = (&self.admin_tls, &after.admin_tls) {
            in_force.exchange(tls);
            self.certificate.shows(CertificateRole::Admin, tls);
        }
        self.store.follow(&after.config.cache);
        after.terms.systems.iter().for_each(|sap| sap.share(&self.store));
        self.partners.follow_snapshot(&after.config.cache);
        self.partners.refresh_from(&after.terms.systems, &after.config.cache);
        // First: whoever records has somewhere to send it to.
        self.spans.send_to(after.collector.clone());
        self.gateway.exchange(Arc::clone(&after.terms));
        self.systems.send_replace(after.terms.systems.clone());
        if let Err(error) = self.log.set_configured(&after.config.log.level) {
            tracing::error!(%error, "log.level stays as it was");
        }
        self.metrics.config_loaded(clock::unix_seconds(), &after.hash);
        if let Some(trail) = self.gateway.audit() {
            trail.config_is(after.hash.clone());
        }
        self.current.store(Arc::new(after));
    }

    /// What the process does, and by which configuration.
    pub(super) fn sentence(&self) -> String {
        format!("answers calls on {}; {}", self.running.listen.address, self.status.sentence())
    }

    /// True: it is news.
    fn tell(&self, reloaded: &Reloaded, is_wanted: bool) -> bool {
        let is_news = self.status.note(reloaded);
        if is_news || is_wanted {
            self.metrics.reloaded(match reloaded {
                Reloaded::Applied { .. } => Reload::Applied,
                Reloaded::Unchanged(_) => Reload::Unchanged,
                Reloaded::Refused(_) => Reload::Refused,
            });
        }
        if is_news || is_wanted {
            trail::tell(&self.gateway, || trail::reload(reloaded, is_wanted));
        }
        if !is_news {
            return false;
        }
        match reloaded {
            Reloaded::Applied { changed, .. } => {
                let changed = changed.join(", ");
                tracing::info!(changed, "the changed configuration is in force: {changed}");
            }
            Reloaded::Unchanged(_) => {
                tracing::info!("the configuration says again what is in force");
            }
            Reloaded::Refused(findings) => {
                tracing::error!(
                    findings = findings.len(),
                    "the changed configuration has findings and nothing of it is in force; `dialgate \
                     check` shows them with their lines"
                );
                for finding in findings.iter().take(TOLD) {
                    tracing::error!("{finding}");
                }
            }
        }
        if let Reloaded::Applied { needs_restart: keys, .. } | Reloaded::Unchanged(keys) = reloaded
            && !keys.is_empty()
        {
            let keys = keys.join(", ");
            tracing::warn!(keys, "changed in the configuration, and needs a restart: {keys}");
        }
        true
    }
}

/// What is in the files; an error where one is missing just now, as while somebody exchanges it.
type Looked = Result<Digest, String>;

/// What is in the files of a configuration that was just read, if it is what it was read from: nothing
/// has to be read again then. To be called before its certificates are read.
pub(super) fn as_read(config: &Config) -> Option<Digest> {
    let now = look_at(&config.files).ok()?;
    let mut read = config.contents.iter();
    let is_the_same = |(file, then): &(PathBuf, Digest)| digest_of([file.as_path()]) == Ok(*then);
    read.all(is_the_same).then_some(now)
}

fn look_at(files: &[PathBuf]) -> Looked {
    digest_of(files.iter().map(PathBuf::as_path))
}
