//! A small HTTP client for commands that ask a running gateway.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::time::timeout;

use crate::{
    config::{Fingerprint, Secret},
    net::{
        body::read_bounded,
        tls::{Pinned, pem},
    },
    telemetry::rounded,
};

/// The longest wait for an answer of our own gateway.
const PATIENCE: Duration = Duration::from_secs(5);

/// Our own answers are far shorter; `/metrics` is the longest.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Which certificate is trusted, where there is TLS.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trust<'t> {
    /// None.
    Nothing,
    /// One of the CA in this file.
    Ca(&'t Path),
    /// The very one in this file: our own gateway's, whatever names it has.
    Certificate(&'t Path),
}

/// Asks `url` once.
pub(super) async fn get(
    url: &str,
    trust: Trust<'_>,
    login: Option<(&str, &Secret)>,
) -> anyhow::Result<Reply> {
    let asked = async {
        let response = open(url, trust, login).await?;
        let status = response.status().as_u16();
        let body = read_bounded(response.into_body(), MAX_BODY).await?;
        Ok::<_, anyhow::Error>(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    match timeout(PATIENCE, asked).await {
        Ok(reply) => reply,
        Err(_elapsed) => bail!("{url} does not answer within {}", rounded(PATIENCE)),
    }
}

/// Asks `url`, and leaves it to the caller to read what comes.
pub(super) async fn open(
    url: &str,
    trust: Trust<'_>,
    login: Option<(&str, &Secret)>,
) -> anyhow::Result<Response<Incoming>> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(trust)?)
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let mut request = Request::get(url).body(Empty::new())?;
    if let Some((user, password)) = login {
        let token = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        let mut value = HeaderValue::from_str(&format!("Basic {token}"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    match timeout(PATIENCE, client.request(request)).await {
        Ok(response) => response.with_context(|| format!("{url} does not answer")),
        Err(_elapsed) => bail!("{url} does not answer within {}", rounded(PATIENCE)),
    }
}

fn tls(trust: Trust<'_>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Nothing => {}
        Trust::Ca(ca) => {
            for certificate in CertificateDer::pem_file_iter(ca)
                .with_context(|| format!("cannot read {}", ca.display()))?
            {
                roots.add(certificate?)?;
            }
        }
        Trust::Certificate(file) => {
            let chain = pem::certificates(file)?;
            let ours: Vec<_> = chain.first().map(|own| Fingerprint::of(own)).into_iter().collect();
            let provider = Arc::new(aws_lc_rs::default_provider());
            return Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()?
                .dangerous()
                .with_custom_certificate_verifier(Pinned::new(&ours, &provider))
                .with_no_client_auth());
        }
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
