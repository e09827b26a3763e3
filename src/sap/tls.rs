//! TLS towards SAP: who is trusted, and which protocol is spoken inside.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

use super::dialect::DialectProblem;

/// What a connection needs to become a TLS connection to SAP.
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl Tls {
    /// Trusts the certificates in `ca_file` only, or the system's roots without one: SAP on premise
    /// almost always has a company's own CA, and then nobody else should be believed.
    pub(super) fn new(host: &str, ca_file: Option<&Path>) -> Result<Self, DialectProblem> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            DialectProblem::new("sap.url", format!("has no host for TLS: {error}"))
        })?;
        let roots = match ca_file {
            Some(file) => {
                roots_in(file).map_err(|message| DialectProblem::new("sap.ca_file", message))?
            }
            None => system_roots()?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| DialectProblem::new("sap.url", error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Named, not left out: a server that prefers HTTP/2 without ALPN would not be understood.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

fn roots_in(file: &Path) -> Result<RootCertStore, String> {
    let shown = file.display();
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file)
        .map_err(|error| format!("{shown} cannot be read: {error}"))?;
    for certificate in certificates {
        let certificate =
            certificate.map_err(|error| format!("{shown} is not PEM throughout: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("{shown} has a certificate that cannot be a root: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{shown} has no certificate; it needs the PEM of SAP's CA"));
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, DialectProblem> {
    let mut roots = RootCertStore::empty();
    // A few odd certificates in a system's store are common and no reason to refuse the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(DialectProblem::new(
            "sap.ca_file",
            "is missing, and this system has no root certificates; install `ca-certificates` or name a file",
        ));
    }
    Ok(roots)
}
