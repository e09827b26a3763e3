//! What each SAP system does, and which of them needs somebody most.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::words;
use crate::{
    config::SystemName,
    sap::{SapClient, SapHealth},
    telemetry::metrics::Reading,
};

/// A SAP, and what stands between it and the calls.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SapState {
    /// What the configuration calls it.
    #[schemars(with = "String")]
    pub(super) name: SystemName,
    pub(super) host: String,
    /// `answering`, `not_asked`, `silent` or `credentials_refused`.
    pub(super) health: &'static str,
    /// The kind of error of a silent one.
    pub(super) kind: Option<&'static str>,
    pub(super) silent_seconds: Option<u64>,
    #[schemars(schema_with = "words::breaker_states")]
    pub(super) breaker: &'static str,
    pub(super) pause_seconds: Option<u64>,
    pub(super) in_flight: f64,
    pub(super) in_flight_limit: f64,
    /// Of all replicas that share a memory; none while this one is on its own.
    pub(super) in_common: Option<InCommon>,
    pub(super) queue: f64,
    pub(super) daily_requests: f64,
    pub(super) daily_forecast: f64,
    pub(super) daily_limit: Option<f64>,
    pub(super) token_left_seconds: f64,
    pub(super) connections_idle: f64,
}

/// What replicas that share a memory have in common of a SAP.
#[derive(Clone, Copy, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InCommon {
    pub(super) replicas: u32,
    /// Requests that SAP works on, of all of them.
    pub(super) in_flight: u32,
    /// Requests today, of all of them; 0 without a limit.
    pub(super) daily_requests: f64,
}

impl SapState {
    pub(super) fn of(sap: &SapClient, reading: &Reading) -> Self {
        let gauge = |name| reading.sum(name, &[("system", &[sap.name().as_str()])]);
        let (health, kind) = match sap.health() {
            SapHealth::NotAsked => ("not_asked", None),
            SapHealth::Answering => ("answering", None),
            SapHealth::Silent(kind) => ("silent", Some(kind)),
            SapHealth::CredentialsRefused => ("credentials_refused", None),
        };
        let limit = gauge("dialgate_sap_daily_requests_limit");
        Self {
            name: sap.name().clone(),
            host: sap.host().to_owned(),
            health,
            kind,
            silent_seconds: sap.silent_for().map(|for_| for_.as_secs()),
            breaker: sap.breaker().label(),
            pause_seconds: sap.held_for().map(|left| left.as_secs()),
            in_flight: gauge("dialgate_sap_requests_in_flight"),
            in_flight_limit: gauge("dialgate_sap_requests_in_flight_limit"),
            in_common: sap.in_common().map(|(in_flight, replicas)| InCommon {
                replicas,
                in_flight: in_flight.try_into().unwrap_or(u32::MAX),
                daily_requests: gauge("dialgate_sap_common_daily_requests"),
            }),
            queue: gauge("dialgate_sap_queue_length"),
            daily_requests: gauge("dialgate_sap_daily_requests"),
            daily_forecast: gauge("dialgate_sap_daily_requests_forecast"),
            daily_limit: (limit > 0.0).then_some(limit),
            token_left_seconds: gauge("dialgate_sap_token_left_seconds"),
            connections_idle: gauge("dialgate_sap_connections_idle"),
        }
    }
}

/// The one that callers feel most; where all answer, the first.
pub(super) fn most_troubled(systems: &[Arc<SapClient>]) -> Option<&Arc<SapClient>> {
    systems.iter().min_by_key(|sap| match sap.health() {
        SapHealth::CredentialsRefused => 0,
        SapHealth::Silent(_) => 1,
        SapHealth::NotAsked => 2,
        SapHealth::Answering => 3,
    })
}
