//! `traces:` where spans are sent to, and of how many calls.

use std::{collections::BTreeMap, path::PathBuf};

use http::{HeaderName, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{resolve::Reading, sap::is_loopback};
use crate::config::document::{
    header::secret_header,
    secret::{Secret, SecretRef},
};

/// Headers that say what is sent and how.
const OWN_HEADERS: [&str; 6] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
];

/// The traces that are recorded. There are none where `otlp` is `None`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Traces {
    /// Of a hundred calls that are part of no caller's trace, so many are recorded.
    pub sample_percent: u8,
    /// Where spans are sent to.
    pub otlp: Option<Otlp>,
}

/// A collector that takes spans by OTLP over HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Otlp {
    /// Scheme, host, port and path; the path is taken as it is.
    pub url: Uri,
    /// Sent along, such as an API key.
    pub headers: Vec<(HeaderName, Secret)>,
    /// PEM file of the CA that signed the collector's certificate; `None`: the system's roots.
    pub ca_file: Option<PathBuf>,
}

/// `traces:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct TracesFile {
    /// Of a hundred calls so many are recorded, where a collector is named; a call in a caller's trace
    /// is recorded if its caller is.
    #[schemars(range(min = 0, max = 100))]
    sample_percent: u8,
    /// A collector that takes spans by OTLP over HTTP; without it there are none.
    otlp: Option<OtlpFile>,
}

/// `traces.otlp:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["url"]))]
pub(in crate::config) struct OtlpFile {
    /// Scheme, host, port and path, e.g. `http://127.0.0.1:4318/v1/traces`.
    #[schemars(with = "String")]
    url: Option<String>,
    /// More headers, such as an API key, by name, and where their values are found.
    headers: BTreeMap<String, SecretRef>,
    /// PEM file of the CA that signed the collector's certificate; without it, the system's roots.
    ca_file: Option<String>,
}

impl Default for TracesFile {
    fn default() -> Self {
        Self { sample_percent: 100, otlp: None }
    }
}

impl TracesFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Traces> {
        let otlp = match &self.otlp {
            None => None,
            Some(otlp) => Some(otlp.resolve(reading)?),
        };
        Some(Traces { sample_percent: self.sample_percent, otlp })
    }
}

impl OtlpFile {
    fn resolve(&self, reading: &mut Reading<'_>) -> Option<Otlp> {
        let url = self.url.as_deref().and_then(|text| url(text, reading));
        let headers: Option<Vec<_>> =
            // Each is looked at, so that all findings are told at once.
            self.headers.iter().map(|(name, value)| header(name, value, reading)).collect::<Vec<_>>().into_iter().collect();
        let ca_file = self.ca_file.as_deref().map(|path| reading.path(path));
        let url = url?;
        let is_open = url.scheme_str() == Some("http") && !is_loopback(&url);
        if is_open && !self.headers.is_empty() {
            let told = "would carry traces.otlp.headers in plain text; write `https://`";
            reading.at("traces.otlp.url", told);
        }
        if ca_file.is_some() && url.scheme_str() == Some("http") {
            let told = "is not used, because traces.otlp.url begins with `http://`";
            reading.at("traces.otlp.ca_file", told);
        }
        Some(Otlp { url, headers: headers?, ca_file })
    }
}

/// Repeats nothing of the text: it may carry a password.
fn url(text: &str, reading: &mut Reading<'_>) -> Option<Uri> {
    let wrong = match text.parse::<Uri>() {
        Err(_) => "is not a URL; write for example `http://127.0.0.1:4318/v1/traces`",
        Ok(url) if !matches!(url.scheme_str(), Some("https" | "http")) => {
            "does not begin with `https://` or `http://`; for gRPC (port 4317) there is nothing here, \
             collectors take OTLP over HTTP on port 4318"
        }
        Ok(url) if url.host().is_none_or(str::is_empty) => "names no host",
        Ok(_) if text.contains('@') => {
            "carries a user or password; write them into traces.otlp.headers, as `Authorization`"
        }
        Ok(_) if text.contains(['?', '#']) => {
            "goes on after the path; remove `?` or `#` and the rest"
        }
        Ok(url) if url.path() == "/" => "has no path; collectors take spans at `/v1/traces`",
        Ok(url) => return Some(url),
    };
    reading.at("traces.otlp.url", wrong);
    None
}

fn header(
    name: &str,
    value: &SecretRef,
    reading: &mut Reading<'_>,
) -> Option<(HeaderName, Secret)> {
    let key = format!("traces.otlp.headers.{name}");
    secret_header(&key, name, value, &OWN_HEADERS, reading)
}
