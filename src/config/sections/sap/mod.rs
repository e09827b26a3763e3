//! `sap:` which SAP is asked, how it is reached and how its answers are read.

mod breaker;
mod dialect;
mod keys;
mod login;
mod name;
mod oauth;
mod picking;
mod pins;
mod proxy;
mod reading;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use breaker::Breaker;
pub use dialect::{Addresses, Areas, Dialect, Flag, Flags, Step, Then, Usages, ValueHelp};
pub use keys::KeyFiles;
pub(in crate::config) use keys::KeyFilesFile;
pub use login::Login;
pub use name::{SystemName, SystemNameError};
pub use oauth::{ClientAuthentication, OAuth};
pub use picking::{Address, SalesArea, UsedMarks};
pub use pins::Fingerprint;
pub use proxy::Proxy;
pub(in crate::config) use reading::{AsRead, is_loopback};

use breaker::BreakerFile;
use login::{BasicFile, LoginFile};
use picking::IdFormFile;

use super::{
    number_rules::RulePath,
    units::{DurationText, SizeText},
};
use crate::domain::{CountryCode, DistributionChannel, IdForm};

/// The SAP that is asked; valid by construction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sap {
    /// What it is called where there are several.
    pub name: SystemName,
    /// Scheme, host and port; a path in front of the dialect's own is kept.
    pub url: Uri,
    /// The name of a built-in dialect, or `custom`.
    pub preset: String,
    /// The dialect in full where `preset` is `custom`.
    pub custom: Option<Dialect>,
    /// Language of the channel texts, as `sap-language` and `Accept-Language` want it: `EN`.
    pub language: String,
    /// How dialgate shows SAP who it is.
    pub login: Login,
    /// PEM file of the CA that signed SAP's certificate; `None`: the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Certificates of SAP that are trusted by themselves, and then no others.
    pub pinned_certificates: Vec<Fingerprint>,
    /// The name that SAP's certificate must have, where it is not the host of `url`.
    pub server_name: Option<String>,
    /// The way out, where SAP cannot be reached directly.
    pub proxy: Option<Proxy>,
    /// The same SAP system once more, asked where `url` does not answer.
    pub second_url: Option<Uri>,
    /// Longest wait for TCP and TLS.
    pub connect_timeout: Duration,
    /// Longest time of a lookup from its first request, connecting and every step included. May be
    /// longer than a call's: what SAP was asked is finished and remembered.
    pub total_timeout: Duration,
    /// A connection to SAP is closed after this long without a request.
    pub idle_timeout: Duration,
    /// Longest life of a connection to SAP, so that a changed address is noticed.
    pub max_age: Duration,
    /// Requests to SAP at once. SAP advises fewer than 10 for all interfaces of a C4C tenant
    /// together (KBA 3577788).
    pub max_in_flight: usize,
    /// An answer of SAP longer than this is no answer.
    pub max_answer_bytes: usize,
    /// SAP's client, sent as `sap-client`; `None`: the one SAP takes by itself.
    pub client: Option<String>,
    /// The form in which an ID of digits is sent.
    pub id_form: IdForm,
    /// An ID that SAP does not know is asked for once more in the other form.
    pub try_other_id_form: bool,
    /// Which sales areas of a partner count.
    pub sales_area: SalesArea,
    /// Which addresses of a partner count.
    pub address: Address,
    /// Channel texts by SAP's code; empty: SAP's own texts count.
    pub channel_texts: BTreeMap<String, DistributionChannel>,
    /// ISO's country codes by SAP's, where they differ.
    pub country_codes: BTreeMap<String, CountryCode>,
    /// How often SAP is asked whether it answers while it does not.
    pub probe_interval: Duration,
    /// When a SAP that fails is left alone.
    pub breaker: Breaker,
    /// Requests that SAP grants a day (UTC); `None`: as many as one likes.
    pub daily_requests: Option<u64>,
    /// So many percent of them are for live calls alone.
    pub daily_reserve_percent: u8,
    /// What `rules.refuse_when` looks at in every record.
    pub rule_paths: Vec<RulePath>,
    /// Which marks the rules need.
    pub used_marks: UsedMarks,
}

/// `sap:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["url"]))]
pub(in crate::config) struct SapFile {
    /// Scheme, host and port of SAP, e.g. `https://my300000.crm.ondemand.com`.
    #[schemars(with = "String")]
    pub(in crate::config) url: Option<String>,
    /// How this SAP is asked: a name that `dialgate presets list` prints, or custom with the section of that name.
    pub(in crate::config) preset: String,
    /// Two letters: the language of the channel texts that the contract numbers are made of.
    language: String,
    /// How dialgate shows SAP who it is.
    login: LoginFile,
    /// PEM file of the CA that signed SAP's certificate; without it, the system's roots.
    pub(in crate::config) ca_file: Option<String>,
    /// SHA-256 fingerprints of certificates of SAP that are trusted by themselves, e.g. of a self-signed one; then no CA counts.
    #[schemars(with = "Vec<String>")]
    pinned_certificates: Vec<Option<String>>,
    /// The name that SAP's certificate must have, where it is not the host of `url`.
    server_name: Option<String>,
    /// `http://host:port` of a proxy that understands CONNECT.
    proxy: Option<String>,
    /// User and password for the proxy.
    proxy_login: Option<BasicFile>,
    /// Hosts that are reached without the proxy.
    no_proxy: Vec<String>,
    /// The same SAP system once more, asked where `url` does not answer.
    second_url: Option<String>,
    /// Longest wait for TCP and TLS.
    connect_timeout: DurationText,
    /// Longest time of a lookup once it was sent; what SAP answers in it is remembered, also after the call's own deadline.
    total_timeout: DurationText,
    /// A connection to SAP is closed after this long without a request.
    idle_timeout: DurationText,
    /// Longest life of a connection to SAP, also of one in use: a changed address is noticed within it.
    max_age: DurationText,
    /// Requests to SAP at once.
    #[schemars(range(min = 1, max = 1000))]
    max_in_flight: usize,
    /// An answer of SAP longer than this is no answer.
    max_answer: SizeText,
    /// Three digits: the client of an SAP that has several, sent as `sap-client`.
    client: Option<String>,
    /// In which form a partner ID of digits is sent.
    id_form: IdFormFile,
    /// True: an ID that SAP does not know is asked for once more in the other form.
    try_other_id_form: bool,
    /// Which sales areas of a partner count.
    sales_area: SalesArea,
    /// Which addresses of a partner count, where the SAP sends several.
    address: Address,
    /// Channel texts by SAP's code, for an SAP that sends codes only or texts that change.
    channel_texts: BTreeMap<String, String>,
    /// ISO 3166 country codes by SAP's, where they differ.
    country_codes: BTreeMap<String, String>,
    /// How often SAP is asked whether it answers while it does not.
    probe_interval: DurationText,
    /// When a SAP that fails, or is slow, is left alone.
    breaker: BreakerFile,
    /// Requests that SAP grants a day (UTC).
    #[schemars(range(min = 1))]
    daily_requests: Option<u64>,
    /// So many percent of them are for live calls alone; refreshes and probes stop before.
    #[schemars(range(min = 0, max = 100))]
    daily_reserve: u8,
    /// The requests and paths of `preset: custom`.
    #[schemars(with = "Option<Dialect>")]
    custom: Option<serde_json::Value>,
}

impl Default for SapFile {
    fn default() -> Self {
        Self {
            url: None,
            preset: "c4c".to_owned(),
            language: "EN".to_owned(),
            login: LoginFile::None,
            ca_file: None,
            pinned_certificates: Vec::new(),
            server_name: None,
            proxy: None,
            proxy_login: None,
            no_proxy: Vec::new(),
            second_url: None,
            connect_timeout: "1s".into(),
            total_timeout: "5s".into(),
            idle_timeout: "20s".into(),
            max_age: "60s".into(),
            max_in_flight: 5,
            max_answer: "256KiB".into(),
            client: None,
            id_form: IdFormFile::AsIs,
            try_other_id_form: false,
            sales_area: SalesArea::default(),
            address: Address::default(),
            channel_texts: BTreeMap::new(),
            country_codes: BTreeMap::new(),
            probe_interval: "10s".into(),
            breaker: BreakerFile::default(),
            daily_requests: None,
            daily_reserve: 20,
            custom: None,
        }
    }
}
