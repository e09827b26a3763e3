//! Everything that can be wrong in the `sap` section is found here, before anybody is asked.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    dialect::{self, Compiled, DialectProblem, Step},
    login::Login,
    tls::Tls,
    transport::{IdleConnections, Transport},
};
use crate::config;

/// All problems of a `sap` section; certificates are read, nobody is asked.
pub fn check(sap: &config::Sap) -> Vec<DialectProblem> {
    Prepared::new(sap).err().unwrap_or_default()
}

/// The section, ready for use.
pub(super) struct Prepared {
    pub(super) host: Arc<str>,
    pub(super) steps: Vec<Step>,
    pub(super) headers: HeaderMap,
    pub(super) login: Login,
    pub(super) transport: Transport,
}

impl Prepared {
    /// All problems at once.
    pub(super) fn new(sap: &config::Sap) -> Result<Self, Vec<DialectProblem>> {
        let mut problems = Vec::new();
        let dialect = dialect::compile(sap).map_err(|found| problems.extend(found)).ok();
        let login = Login::new(&sap.login).map_err(|found| problems.extend(found)).ok();
        let transport = transport(sap).map_err(|found| problems.push(found)).ok();
        let headers = fixed_headers(sap).map_err(|found| problems.push(found)).ok();
        let (Some(dialect), Some(login), Some((host, transport)), Some(mut headers)) =
            (dialect, login, transport, headers)
        else {
            return Err(problems);
        };
        let Compiled { headers: more, steps } = dialect;
        headers.extend(more);
        headers.extend(login.headers().clone());
        Ok(Self { host, steps, headers, login, transport })
    }
}

/// Where SAP is, and its name for logs.
fn transport(sap: &config::Sap) -> Result<(Arc<str>, Transport), DialectProblem> {
    let wrong = |message: &str| DialectProblem::new("sap.url", message);
    let is_https = match sap.url.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("must begin with https:// (or http:// for a SAP on this machine)")),
    };
    if sap.url.query().is_some() {
        return Err(wrong("has a query; that belongs into the dialect's `request`"));
    }
    let authority = sap.url.authority().ok_or_else(|| wrong("has no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("has a user in it; credentials belong into `sap.login`"));
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let tls = if is_https { Some(Tls::new(&host, sap.ca_file.as_deref())?) } else { None };
    let transport = Transport {
        port,
        tls,
        connect_timeout: sap.connect_timeout,
        idle: IdleConnections::new(sap.max_in_flight, sap.idle_timeout),
        host,
    };
    Ok((authority.as_str().into(), transport))
}

/// What every request says besides who we are.
fn fixed_headers(sap: &config::Sap) -> Result<HeaderMap, DialectProblem> {
    let host = sap.url.authority().map_or("", |authority| authority.as_str());
    let value = |key: &str, text: &str| {
        HeaderValue::from_str(text).map_err(|error| DialectProblem::new(key, error.to_string()))
    };
    // A SAP system has answered clients without a steady name with a login page
    // (github.com/SAP/python-pyodata issue 230).
    let agent = concat!("dialgate/", env!("CARGO_PKG_VERSION"));
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::HOST, value("sap.url", host)?),
        (header::ACCEPT, HeaderValue::from_static("application/json")),
        (header::ACCEPT_LANGUAGE, value("sap.language", &sap.language)?),
        (header::USER_AGENT, HeaderValue::from_static(agent)),
    ];
    Ok(headers.into_iter().collect())
}
