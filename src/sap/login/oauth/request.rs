//! One request for a token (RFC 6749 section 4.4), and how the client proves who it is.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header, uri::PathAndQuery};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{Granted, answer, assertion::SigningKey};
use crate::config::{self, ClientAuthentication, Digest, digest_of};
use crate::sap::{
    error::TokenProblem,
    link::pool::Body,
    link::transport::{self, Address, Over, Transport, TransportError, read_body},
    problem::DialectProblem,
};

/// A token with what belongs to it has a few KiB.
const MAX_ANSWER: usize = 64 * 1024;

/// What a value of a form is written with (RFC 6749 appendix B).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// Only what decoding would change, and what Basic cannot carry. RFC 6749 wants all of [`FORM`];
/// XSUAA, whose client IDs have `!` and `|`, does not decode. Both understand this.
const BASIC: &AsciiSet = &percent_encoding::CONTROLS.add(b'%').add(b'+').add(b':').add(b' ');

/// Where tokens come from.
pub(super) struct TokenServer {
    pub(super) host: Arc<str>,
    target: PathAndQuery,
    /// `aud` of an assertion.
    url: String,
    headers: HeaderMap,
    transport: Transport,
    client_id: String,
    authentication: ClientAuthentication,
    parameters: Vec<(String, String)>,
    /// The signing key's file as it was when it was looked at last.
    key: Mutex<Option<Digest>>,
}

impl TokenServer {
    pub(super) fn new(oauth: &config::OAuth) -> Result<Self, DialectProblem> {
        let key = "sap.login.oauth2.token_url";
        let identity = match &oauth.authentication {
            ClientAuthentication::Certificate(files) => Some(files.clone()),
            _ => None,
        };
        let (host, transport) = Transport::new(Address {
            key,
            url: &oauth.token_url,
            ca_key: "sap.login.oauth2.ca_file",
            ca_file: oauth.ca_file.clone(),
            pins: oauth.pinned_certificates.clone(),
            server_name: None,
            identity_key: "sap.login.oauth2.certificate",
            identity,
            proxy: oauth.proxy.clone(),
            connect_timeout: oauth.timeout,
            idle_connections: 0,
            idle_timeout: oauth.timeout,
            max_age: oauth.timeout,
        })?;
        let signing = match &oauth.authentication {
            ClientAuthentication::PrivateKey { key, .. } => {
                let wrong = |message| DialectProblem::new("sap.login.oauth2.key", message);
                SigningKey::read(key).map_err(wrong)?;
                Some(digest_of([key.as_path()]).map_err(wrong)?)
            }
            _ => None,
        };
        let host_header = HeaderValue::from_str(&host)
            .map_err(|error| DialectProblem::new(key, error.to_string()))?;
        let agent = concat!("dialgate/", env!("CARGO_PKG_VERSION"));
        let form = "application/x-www-form-urlencoded";
        let headers = [
            (header::HOST, host_header),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
            (header::CONTENT_TYPE, HeaderValue::from_static(form)),
            (header::USER_AGENT, HeaderValue::from_static(agent)),
        ];
        Ok(Self {
            host,
            target: oauth
                .token_url
                .path_and_query()
                .cloned()
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
            url: oauth.token_url.to_string(),
            headers: headers.into_iter().collect(),
            transport,
            client_id: oauth.client_id.clone(),
            authentication: oauth.authentication.clone(),
            parameters: oauth.parameters.clone(),
            key: Mutex::new(signing),
        })
    }

    /// Asks once. Has no time limit of its own.
    pub(super) async fn fetch(&self) -> Result<Granted, TokenProblem> {
        let (headers, form) = self.request()?;
        let body: Body = Bytes::copy_from_slice(form.as_bytes()).into();
        let (response, _connection) = self
            .transport
            .send(
                || {
                    let (target, headers) = (self.target.clone(), headers.clone());
                    transport::request(Method::POST, target, headers, body.clone())
                },
                Over::Alone,
            )
            .await
            .map_err(|error| match error {
                TransportError::Connect(source) => TokenProblem::Connect(Arc::new(source)),
                TransportError::Proxy(proxy, source) => {
                    let told = format!("the proxy {proxy} lets nobody through: {source}");
                    TokenProblem::Connect(Arc::new(io::Error::new(source.kind(), told)))
                }
                TransportError::Cut(_) => TokenProblem::Reply("a connection that ended early"),
                TransportError::Protocol(_) => TokenProblem::Reply("no HTTP/1.1"),
            })?;
        let (head, body) = response.into_parts();
        let body = read_body(body, MAX_ANSWER)
            .await
            .map_err(|_too_long_or_cut| TokenProblem::Reply("too much or not all of it"))?;
        answer::read(head.status, &head.headers, &Zeroizing::new(body))
    }

    /// When the certificate that we show ends, in seconds since 1970.
    pub(super) fn identity_ends(&self) -> Option<i64> {
        self.transport.identity_ends()
    }

    /// True: certificate or key have changed.
    pub(super) fn reread(&self) -> Result<bool, String> {
        let mut changed = self.transport.reread()?;
        if let ClientAuthentication::PrivateKey { key, .. } = &self.authentication {
            let now = Some(digest_of([key.as_path()])?);
            let mut seen = self.key.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen != now {
                SigningKey::read(key)?;
                *seen = now;
                changed = true;
            }
        }
        Ok(changed)
    }

    fn request(&self) -> Result<(HeaderMap, Zeroizing<String>), TokenProblem> {
        let mut headers = self.headers.clone();
        let mut form = Zeroizing::new("grant_type=client_credentials".to_owned());
        let mut field = |name: &str, value: &str| {
            form.push('&');
            form.extend(utf8_percent_encode(name, FORM));
            form.push('=');
            form.extend(utf8_percent_encode(value, FORM));
        };
        for (name, value) in &self.parameters {
            field(name, value);
        }
        match &self.authentication {
            ClientAuthentication::Basic(secret) => {
                let pair = Zeroizing::new(format!(
                    "{}:{}",
                    utf8_percent_encode(&self.client_id, BASIC),
                    utf8_percent_encode(secret.expose(), BASIC)
                ));
                let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                let mut value = HeaderValue::from_str(&value)
                    .map_err(|_not_repeated| TokenProblem::Credentials)?;
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
            ClientAuthentication::Post(secret) => {
                field("client_id", &self.client_id);
                field("client_secret", secret.expose());
            }
            ClientAuthentication::PrivateKey { key, key_id } => {
                // Read each time: tokens are rare, and the key need not stay in memory.
                let assertion = SigningKey::read(key)
                    .ok()
                    .and_then(|key| key.assertion(&self.client_id, &self.url, key_id.as_deref()))
                    .ok_or(TokenProblem::Key)?;
                field("client_id", &self.client_id);
                field(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                );
                field("client_assertion", &assertion);
            }
            ClientAuthentication::Certificate(_) => field("client_id", &self.client_id),
        }
        Ok((headers, form))
    }
}
