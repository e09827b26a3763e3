//! One collector: the way there, and what it says of what it is sent.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, uri::PathAndQuery,
};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::message;
use crate::{
    config::Otlp,
    net::{body::read_bounded, retry_after::retry_after, tls::roots},
    telemetry::{logging::with_causes, rounded},
};

/// The longest wait for a collector, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection is used for so long, so that another address, certificate or secret is noticed.
const MAX_AGE: Duration = Duration::from_mins(1);

/// More than that a collector has not to say.
const MAX_ANSWER: usize = 64 * 1024;

/// What it says is told up to here.
const TOLD: usize = 200;

/// A collector that takes spans.
pub struct Collector {
    otlp: Otlp,
    /// Host and port as the URL has them.
    pub(super) name: Arc<str>,
    host: String,
    port: u16,
    is_https: bool,
    target: PathAndQuery,
}

/// The key of `traces.otlp` that is wrong, and how.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {message}")]
pub struct CollectorProblem {
    /// In full: `traces.otlp.ca_file`.
    pub key: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// A connection to a collector, with what is sent over it every time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Ends with it.
    _driver: AbortOnDropHandle<()>,
    headers: HeaderMap,
    to: Arc<Collector>,
    ends: Instant,
}

/// What came of sending spans.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// All but so many are taken, and what the collector says of these.
    Taken(u64, Option<String>),
    /// They are not wanted, and never will be.
    Refused(String),
    /// Not now; after a while, if it said so.
    Later(String, Option<Duration>),
}

impl Collector {
    /// Reads the certificates of the CA and asks nobody.
    ///
    /// # Errors
    ///
    /// A file that cannot be used.
    pub fn new(otlp: &Otlp) -> Result<Self, CollectorProblem> {
        let is_https = otlp.url.scheme_str() == Some("https");
        let wrong = |message: &str| CollectorProblem {
            key: "traces.otlp.url",
            message: message.to_owned(),
        };
        let authority = otlp.url.authority().ok_or_else(|| wrong("names no host"))?;
        let target = otlp.url.path_and_query().ok_or_else(|| wrong("has no path"))?;
        let collector = Self {
            name: authority.as_str().into(),
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
            is_https,
            target: target.clone(),
            otlp: otlp.clone(),
        };
        if is_https {
            ServerName::try_from(collector.host.clone())
                .map_err(|error| wrong(&format!("has no host for TLS: {error}")))?;
            collector
                .roots()
                .map_err(|message| CollectorProblem { key: "traces.otlp.ca_file", message })?;
        }
        Ok(collector)
    }

    /// Sends spans, over a kept connection where there is one; never waits longer than [`PATIENCE`].
    pub(super) async fn post(
        self: &Arc<Self>,
        kept: &mut Option<Connection>,
        body: &Bytes,
    ) -> Answer {
        match timeout(PATIENCE, self.try_post(kept, body)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                *kept = None;
                Answer::Later(with_causes(&error), None)
            }
            Err(_elapsed) => {
                *kept = None;
                Answer::Later(format!("no answer within {}", rounded(PATIENCE)), None)
            }
        }
    }

    async fn try_post(
        self: &Arc<Self>,
        kept: &mut Option<Connection>,
        body: &Bytes,
    ) -> io::Result<Answer> {
        let is_usable =
            |kept: &Connection| Arc::ptr_eq(&kept.to, self) && Instant::now() < kept.ends;
        if let Some(mut connection) = kept.take().filter(is_usable)
            && connection.sender.ready().await.is_ok()
            // A server may close what it does not use; that is no reason to wait.
            && let Ok(response) = connection.send(body).await
        {
            return self.read(connection, kept, response).await;
        }
        let mut connection = Arc::clone(self).connect().await?;
        let response = connection.send(body).await?;
        self.read(connection, kept, response).await
    }

    /// What the answer says; the connection is kept if it can be used again.
    async fn read(
        &self,
        connection: Connection,
        kept: &mut Option<Connection>,
        response: Response<Incoming>,
    ) -> io::Result<Answer> {
        let (head, body) = response.into_parts();
        let body = read_bounded(body, MAX_ANSWER).await;
        if body.is_ok() {
            *kept = Some(connection);
        }
        Ok(answer(head.status, &head.headers, &body.unwrap_or_default()))
    }

    /// Reads the files that it needs, and opens a connection.
    async fn connect(self: Arc<Self>) -> io::Result<Connection> {
        // They may stand on a network that hangs.
        let reading = Arc::clone(&self);
        let (headers, roots) = spawn_blocking(move || {
            let roots = if reading.is_https { Some(reading.roots()) } else { None };
            (reading.headers(), roots.transpose())
        })
        .await
        .map_err(io::Error::other)?;
        let (headers, roots) =
            (headers.map_err(io::Error::other)?, roots.map_err(io::Error::other)?);
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        let Some(roots) = roots else { return self.over(tcp, headers).await };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        self.over(tls, headers).await
    }

    async fn over<S>(self: Arc<Self>, stream: S, headers: HeaderMap) -> io::Result<Connection>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driver = tokio::spawn(async move {
            // How a connection ends is told to whoever waits for an answer on it.
            let _ended = connection.await;
        });
        Ok(Connection {
            sender,
            _driver: AbortOnDropHandle::new(driver),
            headers,
            to: self,
            ends: Instant::now() + MAX_AGE,
        })
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        self.otlp.ca_file.as_deref().map_or_else(roots::of_system, roots::of_file)
    }

    /// The headers of every request, with secrets as their files have them now.
    fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, secret) in &self.otlp.headers {
            let now = secret.reread()?;
            let secret = now.as_ref().unwrap_or(secret);
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_not_shown| {
                format!("traces.otlp.headers.{name} has a character that no header can carry")
            })?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        let host = HeaderValue::from_str(&self.name).map_err(|error| error.to_string())?;
        headers.insert(header::HOST, host);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let agent = concat!("dialgate/", env!("CARGO_PKG_VERSION"));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(agent));
        Ok(headers)
    }
}

impl Connection {
    async fn send(&mut self, body: &Bytes) -> io::Result<Response<Incoming>> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.to.target.clone().into();
        request.headers_mut().clone_from(&self.headers);
        self.sender.send_request(request).await.map_err(io::Error::other)
    }
}

/// As OTLP has it: which statuses mean that the same may be sent once more, and which do not.
fn answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    match status.as_u16() {
        200..=299 => {
            let (rejected, said) = message::rejected(body).unzip();
            Answer::Taken(rejected.unwrap_or_default(), said.map(|said| short(&said)))
        }
        429 | 502 | 503 | 504 => {
            Answer::Later(format!("it answers with {status}"), retry_after(headers))
        }
        _ => {
            let said = message::refusal(body).map(|said| format!(": {}", short(&said)));
            Answer::Refused(format!("it answers with {status}{}", said.unwrap_or_default()))
        }
    }
}

/// A text from outside as part of a line of the log.
fn short(text: &str) -> String {
    let text: String = text.chars().take(TOLD).collect();
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
