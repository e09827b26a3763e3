//! What is exported about the process, and the registry for the metrics of all rooms.
//!
//! Owned by the gateway, never global: two gateways in one test process count apart. Each room
//! declares its metrics beside the code that counts (`sap/metrics.rs`, `lookup/metrics.rs`,
//! `gateway/metrics.rs`); `app` puts them together. Label values come from our enums only, and every
//! series exists from the start, because a series that appears with its first error hides that
//! error from `rate()`.

pub mod declare;
mod labelled;
mod process;
mod reading;
mod tls;

use crate::{domain::words, telemetry::program};
pub use labelled::Labelled;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
pub use reading::{Buckets, Reading, Wanted};
pub use tls::TlsEnds;
use tls::TlsFiles;

words! {
    /// What came of reading the configuration again.
    pub enum Reload {
        /// It is in force.
        Applied = "applied",
        /// It says what is in force already.
        Unchanged = "unchanged",
        /// It has findings; what was in force before still is.
        Refused = "refused",
    }
}

words! {
    /// What a certificate of ours is for.
    pub enum CertificateRole {
        /// jtel sees it (`listen.tls`).
        Server = "server",
        /// Operators see it (`admin.tls`).
        Admin = "admin",
        /// SAP knows us by it (`sap.login`).
        SapClient = "sap_client",
        /// The token server knows us by it (`sap.login.oauth2`).
        TokenClient = "token_client",
    }
}

/// The registry, and the metrics of the process itself.
pub struct Metrics {
    registry: Registry,
    config_loaded: IntGauge,
    config_is_current: IntGauge,
    reloads: [IntCounter; 3],
    certificates: IntGaugeVec,
    tls: TlsFiles,
    ready: IntGauge,
    admin_failed_logins: IntCounter,
    config: IntGaugeVec,
}

impl Metrics {
    /// Makes the registry and declares these metrics in it.
    ///
    /// # Errors
    ///
    /// A name or label that prometheus does not accept, or a name used twice: a mistake in this
    /// program that a test finds.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let build = IntGaugeVec::new(
            Opts::new("dialgate_build_info", "Always 1; the labels say which build this is."),
            &["version", "commit"],
        )?;
        build.with_label_values(&[program::THIS.version, program::THIS.commit]).set(1);
        registry.register(Box::new(build))?;
        let certificates = declare::gauges(
            &registry,
            "dialgate_certificate_expiry_timestamp_seconds",
            "When the certificate shown to jtel (server) or operators (admin), or by which SAP (sap_client) or the token server (token_client) knows us, or one in the same file, ends, in seconds since 1970; 0 where there is none.",
            &["role"],
        )?;
        for role in CertificateRole::ALL {
            certificates.with_label_values(&[role.label()]).set(0);
        }
        let reloads = IntCounterVec::new(
            Opts::new(
                "dialgate_config_reloads_total",
                "Reloads of the configuration, by what came of them.",
            ),
            &["result"],
        )?;
        registry.register(Box::new(reloads.clone()))?;
        registry.register(Box::new(process::ProcessCollector::new()?))?;
        let metrics = Self {
            config_loaded: gauge(
                "dialgate_config_loaded_timestamp_seconds",
                "When the configuration in force was loaded, in seconds since 1970.",
            )?,
            config_is_current: gauge(
                "dialgate_config_last_reload_successful",
                "1 while the files of the configuration are what is in force, 0 if they have findings.",
            )?,
            reloads: Reload::ALL.map(|result| reloads.with_label_values(&[result.label()])),
            certificates,
            tls: TlsFiles::new(&registry)?,
            config: declare::gauges(
                &registry,
                "dialgate_config_info",
                "Always 1; the label is the beginning of the SHA-256 of the files that are in force, to compare replicas by.",
                &["hash"],
            )?,
            admin_failed_logins: declare::counter(
                &registry,
                "dialgate_admin_failed_logins_total",
                "Requests to the admin listener with a missing or wrong password, where one is needed.",
            )?,
            ready: gauge("dialgate_ready", "1 while /readyz says that calls can be sent here.")?,
            registry,
        };
        metrics.config.with_label_values(&[""]).set(1);
        Ok(metrics)
    }

    /// The registry, for the metrics of other rooms.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The configuration in force was loaded at this second since 1970; `hash` names its content.
    pub fn config_loaded(&self, at: i64, hash: &str) {
        self.config_loaded.set(at);
        self.config_is_current.set(1);
        self.config.reset();
        self.config.with_label_values(&[hash]).set(1);
    }

    /// The configuration was read again.
    pub fn reloaded(&self, result: Reload) {
        for (known, counter) in Reload::ALL.iter().zip(&self.reloads) {
            if *known == result {
                counter.inc();
            }
        }
        self.config_is_current.set(i64::from(result != Reload::Refused));
    }

    /// This certificate ends at this second since 1970; 0: there is none.
    pub fn certificate_ends(&self, role: CertificateRole, at: i64) {
        self.certificates.with_label_values(&[role.label()]).set(at);
    }

    /// When what a listener has in its files of TLS ends, from now on.
    pub fn tls_ends(&self, role: CertificateRole, ends: &TlsEnds) {
        self.tls.end(role, ends);
    }

    /// Somebody did not show who he is on the admin listener.
    pub fn admin_login_failed(&self) {
        self.admin_failed_logins.inc();
    }

    /// Whether calls can be sent here.
    pub fn ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// All metrics, by name.
    pub fn families(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// What all of them say now.
    pub fn read(&self) -> Reading {
        Reading::new(self.registry.gather())
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// A metric family without series: a mistake in this program that a test finds.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_process_is_there_from_the_start() {
        let text = Metrics::new().unwrap().render().unwrap();

        for series in ["dialgate_build_info{commit=", "dialgate_ready 0", "process_open_fds "] {
            assert!(text.contains(series), "{series} is missing in:\n{text}");
        }
    }
}
