//! jtel's side of a call, and the checks that every answer must pass.

use std::{net::SocketAddr, path::Path};

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
const HEADERS: [&str; 13] = [
    "allow",
    "cache-control",
    "cache-status",
    "connection",
    "content-length",
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
}

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
        let connector =
            if h2 { connector.enable_http2().build() } else { connector.enable_http1().build() };
        let hyper = Hyper::builder(TokioExecutor::new()).http2_only(h2).build(connector);
        Self { hyper, url: format!("https://{address}{path}"), authorization: None }
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

    /// Asks about a partner.
    pub(crate) async fn ask(&self, partner: &str) -> Answer {
        self.query(&format!("SAPBusinessPartnerID={partner}&SAPPhoneNumber=4989461495000")).await
    }

    /// Asks with a query of its own.
    pub(crate) async fn query(&self, query: &str) -> Answer {
        self.send(Method::GET, &format!("{}?{query}", self.url)).await
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&self, method: Method, url: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Empty::new()).unwrap();
        let response = timeout(PATIENCE, self.hyper.request(request)).await.unwrap().unwrap();
        let (parts, body) = response.into_parts();
        let body = timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
            version: parts.version,
        };
        for name in answer.headers.keys() {
            assert!(HEADERS.contains(&name.as_str()), "unexpected header {name} in {answer:?}");
        }
        answer
    }
}
