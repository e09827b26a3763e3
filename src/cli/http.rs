//! A small HTTP client for commands that ask a running gateway.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use http_body_util::Empty;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::time::timeout;

use crate::{config::Secret, net::body::read_bounded, telemetry::rounded};

/// The longest wait for an answer of our own gateway.
const PATIENCE: Duration = Duration::from_secs(5);

/// Our own answers are far shorter; `/metrics` is the longest.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Asks `url` once, trusting only the CA in `ca` where it is https.
pub(super) async fn get(
    url: &str,
    ca: Option<&Path>,
    login: Option<(&str, &Secret)>,
) -> anyhow::Result<Reply> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = ca {
        for certificate in CertificateDer::pem_file_iter(ca)
            .with_context(|| format!("cannot read {}", ca.display()))?
        {
            roots.add(certificate?)?;
        }
    }
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let mut request = Request::get(url).body(Empty::new())?;
    if let Some((user, password)) = login {
        let token = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        let mut value = HeaderValue::from_str(&format!("Basic {token}"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let asked = async {
        let response = client.request(request).await?;
        let status = response.status().as_u16();
        let body = read_bounded(response.into_body(), MAX_BODY).await?;
        Ok::<_, anyhow::Error>(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    match timeout(PATIENCE, asked).await {
        Ok(reply) => reply.with_context(|| format!("{url} does not answer")),
        Err(_elapsed) => bail!("{url} does not answer within {}", rounded(PATIENCE)),
    }
}
