//! Everything that can be wrong in the `sap` section is found here, before anybody is asked.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use crate::config::{self, Login as LoginConfig};
use crate::sap::{
    dialect::value_help::ValueHelp,
    dialect::{self, Compiled, Step, odata::By},
    link::encoding,
    link::transport::{Address, Transport},
    link::upstreams::{Upstream, Upstreams},
    login::Login,
    problem::DialectProblem,
};

/// All problems of a `sap` section; certificates are read, nobody is asked.
pub fn check(sap: &config::Sap) -> Vec<DialectProblem> {
    Prepared::new(sap).err().unwrap_or_default()
}

/// Whether the dialect puts the dialled number into a request beside the ID. Without one, SAP would
/// answer about something else, and that would be remembered as its word on the partner. A dialect
/// that asks by number alone is another matter: drop-in mode then wants questions by number.
pub fn needs_the_number(sap: &config::Sap) -> bool {
    dialect::compile(sap)
        .is_ok_and(|dialect| dialect.steps.iter().any(|step| step.template.asks_by_both()))
}

/// Whether the dialect finds partners by the dialled number alone; see
/// [`SapClient::asks_only_by_phone`](super::SapClient::asks_only_by_phone).
pub fn asks_only_by_phone(sap: &config::Sap) -> bool {
    dialect::compile(sap).is_ok_and(|dialect| dialect.steps.iter().all(|step| step.by == By::Phone))
}

/// Among what was read: the marks of a blocked partner had to be readable.
pub const READS_BLOCKED: &str = "(blocked)";

/// Among what was read: so had those of a partner that does not want to be contacted.
pub const READS_CONTACT_REFUSED: &str = "(contact refused)";

/// The section, ready for use.
pub(super) struct Prepared {
    pub(super) host: Arc<str>,
    pub(super) steps: Vec<Step>,
    /// What rules look at in a record, in order.
    pub(super) reads: Arc<[Arc<str>]>,
    pub(super) value_help: Option<ValueHelp>,
    pub(super) login: Login,
    pub(super) upstreams: Upstreams,
}

impl Prepared {
    /// All problems at once.
    pub(super) fn new(sap: &config::Sap) -> Result<Self, Vec<DialectProblem>> {
        let mut problems = Vec::new();
        let dialect = dialect::compile(sap).map_err(|found| problems.extend(found)).ok();
        let login = Login::new(&sap.login).map_err(|found| problems.extend(found)).ok();
        let upstream =
            upstream("sap.url", &sap.url, sap).map_err(|found| problems.push(found)).ok();
        let second = sap.second_url.as_ref().map(|url| {
            self::upstream("sap.second_url", url, sap).map_err(|found| problems.push(found)).ok()
        });
        let headers = fixed_headers(sap).map_err(|found| problems.push(found)).ok();
        let (Some(dialect), Some(login), Some(upstream), Some(mut headers)) =
            (dialect, login, upstream, headers)
        else {
            return Err(problems);
        };
        let second = match second {
            None => None,
            Some(Some(second)) => Some(second),
            Some(None) => return Err(problems),
        };
        let Compiled { headers: more, steps, facts, value_help } = dialect;
        headers.extend(more);
        let host = Arc::clone(&upstream.host);
        let upstreams = Upstreams::new(upstream, second, &headers);
        let mut reads: Vec<_> = facts.names().cloned().collect();
        // A mark that no rule needed may have been passed over.
        let used = sap.used_marks;
        let marks = [(used.blocked, READS_BLOCKED), (used.contact_refused, READS_CONTACT_REFUSED)];
        reads.extend(marks.into_iter().filter(|(used, _)| *used).map(|(_, name)| name.into()));
        reads.sort_unstable();
        Ok(Self { host, steps, reads: reads.into(), value_help, login, upstreams })
    }
}

/// Where SAP is, and its name for logs.
fn upstream(key: &str, url: &Uri, sap: &config::Sap) -> Result<Upstream, DialectProblem> {
    if url.query().is_some() {
        return Err(DialectProblem::new(
            key,
            "has a query; that belongs into the dialect's `request`",
        ));
    }
    let identity = match &sap.login {
        LoginConfig::Certificate(files) => Some(files.clone()),
        _ => None,
    };
    let (host, transport) = Transport::new(Address {
        key,
        url,
        ca_key: "sap.ca_file",
        ca_file: sap.ca_file.clone(),
        pins: sap.pinned_certificates.clone(),
        server_name: sap.server_name.clone(),
        identity_key: "sap.login.certificate",
        identity,
        proxy: sap.proxy.clone(),
        connect_timeout: sap.connect_timeout,
        idle_connections: sap.max_in_flight,
        idle_timeout: sap.idle_timeout,
        max_age: sap.max_age,
    })?;
    let host_header = HeaderValue::from_str(&host)
        .map_err(|error| DialectProblem::new(key, error.to_string()))?;
    let headers = HeaderMap::from_iter([(header::HOST, host_header)]);
    Ok(Upstream { host, headers, transport })
}

/// What every request says besides who we are.
fn fixed_headers(sap: &config::Sap) -> Result<HeaderMap, DialectProblem> {
    let value = |key: &str, text: &str| {
        HeaderValue::from_str(text).map_err(|error| DialectProblem::new(key, error.to_string()))
    };
    // A SAP system has answered clients without a steady name with a login page
    // (github.com/SAP/python-pyodata issue 230).
    let agent = concat!("dialgate/", env!("CARGO_PKG_VERSION"));
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::ACCEPT_ENCODING, HeaderValue::from_static(encoding::ASKED_FOR)),
        (header::ACCEPT, HeaderValue::from_static("application/json")),
        (header::ACCEPT_LANGUAGE, value("sap.language", &sap.language)?),
        (header::USER_AGENT, HeaderValue::from_static(agent)),
    ];
    Ok(headers.into_iter().collect())
}
