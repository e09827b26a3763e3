//! The station TLS: whether the server is trusted, and what it shows.

use std::{net::SocketAddr, sync::Arc};

use rustls::{
    ClientConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{Found, Route, Went};
use crate::{
    config::Fingerprint,
    net::tls::{Pinned, SOON_DAYS},
    sap::{
        error::TlsFault,
        link::{
            proxy,
            tls::{TlsFiles, TlsSlot},
        },
    },
    telemetry::clock,
};

pub(super) async fn station(
    route: &Route<'_>,
    tcp: TcpStream,
    addresses: &[SocketAddr],
) -> Found<()> {
    let tls = TlsSlot::new(TlsFiles {
        key: route.key.to_owned(),
        name: route.server_name.map_or_else(|| route.place().0, ToOwned::to_owned),
        ca_key: "ca_file",
        ca_file: route.ca_file.cloned(),
        pins: route.pins.to_vec(),
        identity_key: "certificate",
        identity: route.identity.cloned(),
    })
    .map_err(|problem| format!("{}: {}", problem.key, problem.message))?
    .current();
    let until = Instant::now() + route.connect_timeout;
    let stream = match timeout_at(until, tls.connector.connect(tls.name.clone(), tcp)).await {
        Err(_elapsed) => {
            return Err(
                "the handshake does not end; is this the port of an HTTPS server?".to_owned()
            );
        }
        Ok(Err(error)) => {
            let fault = TlsFault::of(&error, route.section).map(|fault| fault.to_string());
            let fault = fault.unwrap_or_else(|| format!("the handshake failed: {error}"));
            return Err(match shown(route, tls.name.clone(), addresses).await {
                Some(fingerprint) if fault.contains("pinned_certificates") => format!(
                    "{fault}. It shows {fingerprint}: once whoever runs it has told you the same, \
                     {}.pinned_certificates: [\"{fingerprint}\"] trusts it",
                    route.section
                ),
                _ => fault,
            });
        }
        Ok(Ok(stream)) => stream,
    };
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().map(|version| format!("{version:?}"));
    let chain = session.peer_certificates().unwrap_or_default();
    let (went, certificate) = chain.first().map_or((Went::Well, String::new()), describe);
    let version = version.unwrap_or_default();
    let by = if route.pins.is_empty() { "" } else { ", pinned" };
    Ok(((), went, format!("{version}, chain of {}{by}, {certificate}", chain.len())))
}

/// The certificate that the server shows to somebody who trusts nothing, by its fingerprint.
async fn shown(
    route: &Route<'_>,
    name: ServerName<'static>,
    addresses: &[SocketAddr],
) -> Option<Fingerprint> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let nobody = Pinned::new(&[], &provider);
    let verifier = Arc::clone(&nobody);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let looking = async {
        let mut tcp = TcpStream::connect(addresses).await.ok()?;
        if let Some(proxy) = route.proxy() {
            let (host, port) = route.place();
            proxy::tunnel(&mut tcp, &host, port, proxy).await.ok()?;
        }
        // It fails, since nothing is trusted; what was shown is known then.
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.err()
    };
    timeout_at(Instant::now() + route.connect_timeout, looking).await.ok()??;
    nobody.shown()
}

/// Who signed a certificate, and how long it lasts.
fn describe(certificate: &CertificateDer<'_>) -> (Went, String) {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return (Went::Well, "a certificate that cannot be described".to_owned());
    };
    let ends = certificate.validity().not_after.timestamp();
    let (days, end) = (clock::days_until(ends), clock::day_of(ends));
    let went = if days < SOON_DAYS { Went::SoonOver } else { Went::Well };
    (went, format!("signed by {}, ends on {end}, {days} days left", certificate.issuer()))
}
