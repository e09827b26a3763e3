//! `admin:` and `shutdown:` where an operator looks, and how the process goes.

use std::{net::SocketAddr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{resolve::Reading, units::DurationText};

/// Where the metrics and the health checks are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Admin {
    /// Address and port; loopback unless the file says in words that it may be reached.
    pub address: SocketAddr,
    /// Ready so long after the start although SAP has not answered yet; `None`: never.
    pub ready_without_sap_after: Option<Duration>,
}

/// How long the process takes to leave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shutdown {
    /// Longest wait for calls in progress.
    pub drain_timeout: Duration,
    /// How long dialgate is "not ready" before it stops accepting.
    pub drain_delay: Duration,
}

/// `admin:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct AdminFile {
    /// IP address and port of /metrics, /livez and /readyz.
    address: String,
    /// True: the address may be other than loopback, although whoever reaches it needs no password.
    reachable_from_outside: bool,
    /// Ready this long after the start also where SAP has not answered yet; without it, never.
    ready_without_sap_after: Option<DurationText>,
}

/// `shutdown:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ShutdownFile {
    /// Longest wait for calls in progress.
    drain_timeout: DurationText,
    /// How long dialgate says "not ready" before it stops accepting.
    drain_delay: DurationText,
}

impl Default for AdminFile {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:9464".to_owned(),
            reachable_from_outside: false,
            ready_without_sap_after: None,
        }
    }
}

impl Default for ShutdownFile {
    fn default() -> Self {
        Self { drain_timeout: "10s".into(), drain_delay: "0s".into() }
    }
}

impl AdminFile {
    /// `listen`: the address that jtel asks at, which cannot be used twice.
    pub(in crate::config) fn resolve(
        &self,
        listen: Option<SocketAddr>,
        reading: &mut Reading<'_>,
    ) -> Option<Admin> {
        let address = reading.address("admin.address", &self.address)?;
        if !address.ip().is_loopback() && !self.reachable_from_outside {
            reading.at(
                "admin.address",
                "is not loopback, and whoever reaches it sees metrics and status without a \
                 password; write `reachable_from_outside: true` if your network keeps others away",
            );
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
        Some(Admin { address, ready_without_sap_after })
    }
}

impl ShutdownFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Shutdown> {
        let bounds = Duration::ZERO..=Duration::from_mins(10);
        let timeout = &self.drain_timeout;
        let drain_timeout = reading.duration("shutdown.drain_timeout", timeout, bounds.clone());
        let drain_delay = reading.duration("shutdown.drain_delay", &self.drain_delay, bounds);
        Some(Shutdown { drain_timeout: drain_timeout?, drain_delay: drain_delay? })
    }
}
