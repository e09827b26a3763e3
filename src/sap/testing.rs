//! What the tests of this room share.

use std::{sync::Arc, time::Duration};

use super::SapClient;
use crate::{
    config::{Login, SalesAreas, Sap, Secret},
    domain::PartnerId,
    telemetry::metrics::Metrics,
};

/// The password of the tests' SAP user.
pub(super) const PASSWORD: &str = "simulated";

/// A section that asks the SAP at `url` in the preset `c4c`.
pub(super) fn sap(url: &str) -> Sap {
    Sap {
        url: url.parse().unwrap(),
        preset: "c4c".to_owned(),
        custom: None,
        language: "EN".to_owned(),
        login: Login::Basic {
            user: "DIALGATE".to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        },
        ca_file: None,
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(20),
        max_in_flight: 5,
        max_answer_bytes: 256 * 1024,
        sales_areas: SalesAreas::MustAgree,
        probe_interval: Duration::from_secs(5),
    }
}

/// A client with metrics of its own.
pub(super) fn client(sap: &Sap) -> (SapClient, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new().unwrap());
    (SapClient::new(sap, Arc::clone(&metrics)).unwrap(), metrics)
}

pub(super) fn id(text: &str) -> PartnerId {
    PartnerId::parse(text).unwrap()
}
