//! What one configuration makes: built as a whole or not at all.

use std::{net::SocketAddr, sync::Arc};

use super::{StartError, build, systems};
use crate::{
    config::Config,
    gateway::{CallMetrics, Terms, stamp},
    net::{
        otlp::Collector,
        tls::{ServerTls, server_config},
    },
    sap::{SapClient, SystemsMetrics},
};

/// A configuration and what was built of it.
pub(super) struct Snapshot {
    pub(super) config: Arc<Config>,
    pub(super) terms: Arc<Terms>,
    pub(super) tls: Option<ServerTls>,
    pub(super) admin_tls: Option<ServerTls>,
    /// Where spans go.
    pub(super) collector: Option<Arc<Collector>>,
    calls: Arc<CallMetrics>,
    of_systems: Arc<SystemsMetrics>,
    /// Names this process.
    instance: Arc<str>,
    /// The beginning of the SHA-256 of the files.
    pub(super) hash: String,
}

impl Snapshot {
    /// Of a configuration that was found to be sound. Blocks on files.
    pub(super) fn new(
        config: Config,
        of_systems: Arc<SystemsMetrics>,
        calls: Arc<CallMetrics>,
        instance: &str,
    ) -> Result<Self, StartError> {
        let systems = systems::build(&config.systems, None, &of_systems)?;
        let collector = build::collector(&config.traces)?;
        let snapshot =
            Self::with(config, systems, collector, (calls, of_systems), instance.into())?;
        snapshot.forget_other_systems();
        Ok(snapshot)
    }

    /// The same after a reload; what has not changed is kept as it is, connections and all.
    pub(super) fn after(&self, config: Config) -> Result<Self, StartError> {
        let before = Some((&self.config.systems, &*self.terms.systems));
        let systems = systems::build(&config.systems, before, &self.of_systems)?;
        let collector = if config.traces.otlp == self.config.traces.otlp {
            self.collector.clone()
        } else {
            build::collector(&config.traces)?
        };
        let metrics = (Arc::clone(&self.calls), Arc::clone(&self.of_systems));
        Self::with(config, systems, collector, metrics, Arc::clone(&self.instance))
    }

    fn with(
        config: Config,
        systems: Vec<Arc<SapClient>>,
        collector: Option<Arc<Collector>>,
        (calls, of_systems): (Arc<CallMetrics>, Arc<SystemsMetrics>),
        instance: Arc<str>,
    ) -> Result<Self, StartError> {
        let tls = config.listen.tls.as_ref().map(server_config).transpose()?;
        let admin_tls = config.admin.tls.as_ref().map(server_config).transpose()?;
        let config = Arc::new(config);
        calls.may_be_in_flight(config.listen.max_calls);
        let hash = build::hash_of(&config);
        let by_number = systems::by_number(&config, &systems)?;
        let stamp = stamp(&instance, &hash);
        let terms =
            Terms::by_number_too(Arc::clone(&config), systems, by_number, &calls.clients, stamp);
        Ok(Self { config, terms, tls, admin_tls, collector, calls, of_systems, instance, hash })
    }

    /// No others are exported than the metrics of these systems.
    pub(super) fn forget_other_systems(&self) {
        self.of_systems.keep(&self.config.systems);
    }

    /// The sections that are not as they were, and the certificate where it has changed.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<&'static str> {
        let (now, then) = (&*self.config, &*before.config);
        let of_both = |snapshot| {
            let Self { tls, admin_tls, .. }: &Self = snapshot;
            [tls, admin_tls].into_iter().flatten()
        };
        let certificate = |snapshot| {
            let both = of_both(snapshot);
            both.flat_map(ServerTls::certificates)
                .map(|facts| &facts.fingerprint)
                .collect::<Vec<_>>()
        };
        // Revocation lists, CAs, OCSP answers.
        let content = |snapshot| of_both(snapshot).map(|tls| tls.content).collect::<Vec<_>>();
        let certificate_changed = certificate(self) != certificate(before);
        let times = (now.deadline, now.answer_within, now.answers);
        let clients = (&now.clients, now.anybody_may_ask, now.wrong_credentials);
        [
            ("listen", now.listen != then.listen),
            ("admin", now.admin != then.admin),
            ("certificate", certificate_changed),
            ("tls files", !certificate_changed && content(self) != content(before)),
            ("clients", clients != (&then.clients, then.anybody_may_ask, then.wrong_credentials)),
            ("answers", times != (then.deadline, then.answer_within, then.answers)),
            ("query", now.query != then.query),
            (sap_section(now), now.systems != then.systems),
            ("cache", now.cache != then.cache),
            ("rules", now.rules != then.rules),
            ("tests", now.tests != then.tests),
            ("log", now.log != then.log),
            ("traces", now.traces != then.traces),
            ("files", now.files != then.files),
        ]
        .into_iter()
        .filter_map(|(section, has_changed)| has_changed.then_some(section))
        .collect()
    }
}

/// The section that the systems stand in.
fn sap_section(config: &Config) -> &'static str {
    if config.systems.are_several() { "systems" } else { "sap" }
}

/// Gives keys that only count at the start their running values back.
///
/// Returns those that were changed in the file.
pub(super) fn keep_what_needs_a_restart(
    config: &mut Config,
    running: &Config,
) -> Vec<&'static str> {
    let mut keys = Vec::new();
    // Port 0 stands for whichever port it was.
    let is_bound_to = |bound: SocketAddr, wanted: SocketAddr| {
        bound.ip() == wanted.ip() && (wanted.port() == 0 || bound.port() == wanted.port())
    };
    if is_bound_to(running.listen.address, config.listen.address) {
        config.listen.address = running.listen.address;
    }
    if is_bound_to(running.admin.address, config.admin.address) {
        config.admin.address = running.admin.address;
    }
    if config.listen.tls.is_some() != running.listen.tls.is_some() {
        keys.push("listen.tls");
        config.listen.tls.clone_from(&running.listen.tls);
    }
    if config.admin.tls.is_some() != running.admin.tls.is_some() {
        keys.push("admin.tls");
        config.admin.tls.clone_from(&running.admin.tls);
    }
    macro_rules! keep {
        ($($key:literal: $($field:ident).+;)+) => {$(
            if config.$($field).+ != running.$($field).+ {
                keys.push($key);
                config.$($field).+.clone_from(&running.$($field).+);
            }
        )+};
    }
    keep! {
        "listen.address": listen.address;
        "listen.limits": listen.limits;
        "listen.hand_over": listen.hand_over;
        "admin.address": admin.address;
        "admin.ready_without_sap_after": admin.ready_without_sap_after;
        "cache.max_entries": cache.max_entries;
        "log.access": log.access;
        "log.format": log.format;
        "shutdown": shutdown;
        "audit": audit;
        "privacy": privacy;
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment};

    fn config(edits: &[(&str, &str)]) -> Config {
        let mut all = vec![
            ("listen.tls", "~"),
            ("listen.plaintext_behind_a_tls_load_balancer", "true"),
            ("clients", "[]"),
            ("anybody_may_ask", "true"),
            ("sap.login", "none"),
        ];
        all.extend_from_slice(edits);
        let edits: Vec<_> = all.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
        let text = config::edit(config::EXAMPLE, &edits).unwrap();
        config::parse(&text, "test", "".as_ref(), &Environment::of([]), |_, _| ()).unwrap()
    }

    #[test]
    fn what_needs_a_restart_is_named_and_the_rest_counts() {
        let running = config(&[]);
        let mut changed = config(&[
            ("listen.address", "127.0.0.1:1"),
            ("cache.max_entries", "7"),
            ("shutdown.drain_delay", "3s"),
            ("deadline", "2s"),
        ]);

        let keys = keep_what_needs_a_restart(&mut changed, &running);

        assert_eq!(keys, ["listen.address", "cache.max_entries", "shutdown"]);
        assert_eq!(changed.listen.address, running.listen.address);
        assert_eq!(changed.deadline, std::time::Duration::from_secs(2));
        assert_eq!(Config { deadline: running.deadline, ..changed }, running);
    }

    #[test]
    fn port_0_is_the_port_that_was_found() {
        let mut running = config(&[("listen.address", "127.0.0.1:0")]);
        running.listen.address.set_port(4711);

        let keys =
            keep_what_needs_a_restart(&mut config(&[("listen.address", "127.0.0.1:0")]), &running);

        assert!(keys.is_empty(), "{keys:?}");
    }
}
