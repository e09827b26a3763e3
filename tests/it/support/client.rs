//! jtel's side of a call, and the checks that every answer must pass.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// The headers an answer may have: anything else is a leak.
const HEADERS: [&str; 18] = [
    "allow",
    "cache-control",
    "cache-status",
    "connection",
    "content-length",
    // This and the four below it: of the admin listener, for browsers.
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "referrer-policy",
    "x-frame-options",
    "content-type",
    "date",
    "proxy-status",
    "retry-after",
    "www-authenticate",
    "x-content-type-options",
    "x-request-id",
    "server-timing",
];

/// Asks a gateway over TLS.
#[derive(Clone)]
pub(crate) struct Client {
    hyper: Hyper<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    /// `https://…/onClickToDial`
    pub(crate) url: String,
    /// The `Authorization` field; `None` sends none.
    pub(crate) authorization: Option<String>,
    trace: Option<String>,
    state: Option<String>,
}

/// Why nothing came back.
pub(crate) type NoAnswer = Box<dyn std::error::Error + Send + Sync>;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) version: http::Version,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// Status and reason in one, for tables: `200`, `404 partner_unknown`.
    pub(crate) fn outcome(&self) -> String {
        match self.json().get("reason").and_then(Value::as_str) {
            Some(reason) => format!("{} {reason}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }

    /// Where the facts came from.
    pub(crate) fn source(&self) -> String {
        self.json()["source"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    /// A client that trusts the CA in `ca` and nothing else. HTTP/2 where `h2`.
    pub(crate) fn new(address: SocketAddr, path: &str, ca: &Path, h2: bool) -> Self {
        Self::at(None, address, path, ca, h2)
    }

    /// The same, at an address of its own: all of 127.0.0.0/8 is this machine.
    pub(crate) fn at(
        own: Option<IpAddr>,
        address: SocketAddr,
        path: &str,
        ca: &Path,
        h2: bool,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = rustls::crypto::aws_lc_rs::default_provider().into();
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_local_address(own);
        let connector = if h2 {
            connector.enable_http2().wrap_connector(tcp)
        } else {
            connector.enable_http1().wrap_connector(tcp)
        };
        let hyper = Hyper::builder(TokioExecutor::new()).http2_only(h2).build(connector);
        Self {
            hyper,
            url: format!("https://{address}{path}"),
            authorization: None,
            trace: None,
            state: None,
        }
    }

    /// The same client with Basic credentials.
    pub(crate) fn with_password(mut self, user: &str, password: &str) -> Self {
        let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.authorization = Some(format!("Basic {token}"));
        self
    }

    /// The same client without credentials.
    pub(crate) fn without_credentials(mut self) -> Self {
        self.authorization = None;
        self
    }

    /// The same client as part of a trace.
    pub(crate) fn with_trace(mut self, traceparent: &str) -> Self {
        self.trace = Some(traceparent.to_owned());
        self
    }

    /// The same client with something to say to tracing systems on the way.
    pub(crate) fn with_trace_state(mut self, tracestate: &str) -> Self {
        self.state = Some(tracestate.to_owned());
        self
    }

    /// Asks about a partner.
    pub(crate) async fn ask(&self, partner: &str) -> Answer {
        self.try_ask(partner).await.unwrap()
    }

    /// The same where no answer is a finding of its own.
    pub(crate) async fn try_ask(&self, partner: &str) -> Result<Answer, NoAnswer> {
        let query = format!("SAPBusinessPartnerID={partner}&SAPPhoneNumber=4989461495000");
        self.try_send(Method::GET, &format!("{}?{query}", self.url)).await
    }

    /// Asks about a partner and hangs up after `patience`, unless there is an answer before.
    pub(crate) async fn ask_and_hang_up(&self, partner: &str, patience: Duration) {
        let _nobody_cares = timeout(patience, self.try_ask(partner)).await;
    }

    /// Asks with a query of its own.
    pub(crate) async fn query(&self, query: &str) -> Answer {
        self.send(Method::GET, &format!("{}?{query}", self.url)).await
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&self, method: Method, url: &str) -> Answer {
        self.try_send(method, url).await.unwrap()
    }

    async fn try_send(&self, method: Method, url: &str) -> Result<Answer, NoAnswer> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(trace) = &self.trace {
            request = request.header("traceparent", trace);
        }
        if let Some(state) = &self.state {
            request = request.header("tracestate", state);
        }
        let request = request.body(Empty::new()).unwrap();
        let response = timeout(PATIENCE, self.hyper.request(request)).await??;
        let (parts, body) = response.into_parts();
        let body = timeout(PATIENCE, body.collect()).await??.to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
            version: parts.version,
        };
        for name in answer.headers.keys() {
            assert!(HEADERS.contains(&name.as_str()), "unexpected header {name} in {answer:?}");
        }
        Ok(answer)
    }
}
