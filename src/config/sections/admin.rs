//! `admin:` and `shutdown:` where an operator looks, and how the process goes.

use std::{net::SocketAddr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    clients::{self, Operator, OperatorFile},
    resolve::Reading,
    tls::{AdminTlsFile, Tls},
    units::DurationText,
};

/// Where the metrics, the health checks and the status page are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Admin {
    /// Address and port; other than loopback only where whoever comes has to show who he is.
    pub address: SocketAddr,
    /// Those who may see and do everything, with a password each.
    pub operators: Vec<Operator>,
    /// TLS; `None` speaks plaintext HTTP/1. A certificate of its clients is as good as a password.
    pub tls: Option<Tls>,
    /// Ready so long after the start although SAP has not answered yet; `None`: never.
    pub ready_without_sap_after: Option<Duration>,
}

impl Admin {
    /// Whoever comes has to show who he is, from wherever.
    pub fn wants_to_know_who(&self) -> bool {
        !self.operators.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.clients.is_some())
    }
}

/// How long the process takes to leave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shutdown {
    /// Longest wait for calls in progress.
    pub drain_timeout: Duration,
    /// How long dialgate is "not ready", and each answer its connection's last, before it stops accepting.
    pub drain_delay: Duration,
    /// How long a connection that is kept is then waited for that has no request.
    pub idle_grace: Duration,
}

/// `admin:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct AdminFile {
    /// IP address and port of the status page, /metrics, /livez and /readyz.
    address: String,
    /// Those who may see and do everything here, with a password each. Without one, everybody on this
    /// machine may, and the address has to be loopback.
    #[schemars(with = "Vec<OperatorFile>")]
    operators: Vec<Option<OperatorFile>>,
    /// Certificate and key of this listener.
    tls: Option<AdminTlsFile>,
    /// True: passwords come without TLS, because a load balancer in front ends it.
    plaintext_behind_a_tls_load_balancer: bool,
    /// Ready this long after the start also where SAP has not answered yet; without it, never.
    ready_without_sap_after: Option<DurationText>,
}

/// `shutdown:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ShutdownFile {
    /// Longest wait for calls in progress.
    drain_timeout: DurationText,
    /// How long dialgate says "not ready", and ends each connection with its answer, before it stops accepting.
    drain_delay: DurationText,
    /// How long a connection that is kept is then waited for that has no request.
    idle_grace: DurationText,
}

impl Default for AdminFile {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:9464".to_owned(),
            operators: Vec::new(),
            tls: None,
            plaintext_behind_a_tls_load_balancer: false,
            ready_without_sap_after: None,
        }
    }
}

impl Default for ShutdownFile {
    fn default() -> Self {
        Self { drain_timeout: "10s".into(), drain_delay: "0s".into(), idle_grace: "1s".into() }
    }
}

impl AdminFile {
    /// `listen`: the address that jtel asks at, which cannot be used twice.
    pub(in crate::config) fn resolve(
        &self,
        listen: Option<SocketAddr>,
        reading: &mut Reading<'_>,
    ) -> Option<Admin> {
        let operators = clients::operators(&self.operators, reading);
        let tls = self.tls.as_ref().map(|tls| tls.resolve(reading));
        let address = reading.address("admin.address", &self.address)?;
        let shows_who = !self.operators.is_empty()
            || self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if !address.ip().is_loopback() && !shows_who {
            reading.at(
                "admin.address",
                "is not loopback, so that others reach it, and nobody would have to show who he is; \
                 run `dialgate secret new --operator oncall` and write the entry it prints into admin.operators, \
                 or write admin.tls.client_ca",
            );
        }
        match (&self.tls, self.plaintext_behind_a_tls_load_balancer) {
            (None, false) if !address.ip().is_loopback() && shows_who => reading.at(
                "admin.tls",
                "is missing, and passwords would cross the network in the clear; write certificate and \
                 key, or `plaintext_behind_a_tls_load_balancer: true`",
            ),
            (Some(_), true) => reading.at(
                "admin.plaintext_behind_a_tls_load_balancer",
                "is true, yet there is a tls section; remove one of the two",
            ),
            _ => {}
        }
        if let Some(listen) = listen
            && listen.port() == address.port()
            && address.port() != 0
            && (listen.ip() == address.ip() || listen.ip().is_unspecified())
        {
            reading
                .at("admin.address", format!("port {} is listen.address's already", listen.port()));
        }
        let ready_without_sap_after = match &self.ready_without_sap_after {
            None => None,
            Some(text) => {
                let bounds = Duration::ZERO..=Duration::from_hours(1);
                Some(reading.duration("admin.ready_without_sap_after", text, bounds)?)
            }
        };
        // Asked for and not to be had: no listener without it.
        let tls = match tls {
            None => None,
            Some(tls) => Some(tls?),
        };
        Some(Admin { address, operators, tls, ready_without_sap_after })
    }
}

impl ShutdownFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Shutdown> {
        let bounds = Duration::ZERO..=Duration::from_mins(10);
        let timeout = &self.drain_timeout;
        let drain_timeout = reading.duration("shutdown.drain_timeout", timeout, bounds.clone());
        let drain_delay =
            reading.duration("shutdown.drain_delay", &self.drain_delay, bounds.clone());
        let idle_grace = reading.duration("shutdown.idle_grace", &self.idle_grace, bounds);
        let shutdown = Shutdown {
            drain_timeout: drain_timeout?,
            drain_delay: drain_delay?,
            idle_grace: idle_grace?,
        };
        if shutdown.idle_grace > shutdown.drain_timeout {
            reading.at(
                "shutdown.idle_grace",
                "is longer than shutdown.drain_timeout, after which everything is cut off",
            );
        }
        Some(shutdown)
    }
}
