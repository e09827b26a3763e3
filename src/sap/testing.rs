//! What the tests of this room share.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use prometheus::Registry;

use crate::sap::{SapClient, SapMetrics};
use crate::{
    config::{Address, Login, SalesArea, Sap, Secret, SystemName, UsedMarks},
    domain::{DistributionChannel, IdForm, PartnerId},
};

/// The password of the tests' SAP user.
pub(super) const PASSWORD: &str = "simulated";

/// A section that asks the SAP at `url` in the preset `c4c`.
pub(crate) fn sap(url: &str) -> Sap {
    Sap {
        name: SystemName::default(),
        url: url.parse().unwrap(),
        preset: "c4c".to_owned(),
        custom: None,
        language: "EN".to_owned(),
        login: Login::Basic {
            user: "DIALGATE".to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        },
        ca_file: None,
        pinned_certificates: Vec::new(),
        server_name: None,
        proxy: None,
        second_url: None,
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(20),
        max_age: Duration::from_mins(1),
        breaker: crate::config::Breaker {
            failure_percent: 60,
            slow_percent: 90,
            slow_after: Duration::from_secs(10),
            open_for: Duration::from_millis(50),
        },
        daily_requests: None,
        daily_reserve_percent: 20,
        idle_timeout: Duration::from_secs(20),
        max_in_flight: 5,
        max_answer_bytes: 256 * 1024,
        client: None,
        id_form: IdForm::AsIs,
        try_other_id_form: false,
        sales_area: SalesArea::default(),
        address: Address::default(),
        channel_texts: BTreeMap::new(),
        country_codes: BTreeMap::new(),
        probe_interval: Duration::from_secs(5),
        rule_paths: Vec::new(),
        used_marks: UsedMarks { blocked: true, contact_refused: true },
    }
}

/// A section that asks in a preset, with a table of channels where it needs one.
pub(super) fn preset(name: &str) -> Sap {
    let mut sap = Sap { preset: name.to_owned(), ..sap("http://localhost") };
    if name.starts_with("s4-") {
        sap.channel_texts = channel_texts();
    }
    sap
}

/// What the codes of the tests' S/4HANA mean.
pub(super) fn channel_texts() -> BTreeMap<String, DistributionChannel> {
    [("10", "Direct sales"), ("20", "Indirect sales")]
        .map(|(code, text)| (code.to_owned(), DistributionChannel::parse(text).unwrap()))
        .into()
}

/// A client with metrics of its own.
pub(super) fn client(sap: &Sap) -> (SapClient, Arc<SapMetrics>) {
    let metrics = Arc::new(SapMetrics::new(&Registry::new()).unwrap());
    (SapClient::new(sap, Arc::clone(&metrics)).unwrap(), metrics)
}

/// Writes a key as its owner would: for nobody else to read.
pub(super) fn write_key(file: &std::path::Path, pem: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::write(file, pem).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

pub(super) fn id(text: &str) -> PartnerId {
    PartnerId::parse(text).unwrap()
}
