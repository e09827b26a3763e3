//! TLS towards SAP: who is trusted, and which protocol is spoken inside.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use tokio_rustls::TlsConnector;

use crate::{
    config::{Digest, Fingerprint, KeyFiles, digest_of},
    net::tls::{Pinned, first_end, pem, roots},
    sap::problem::DialectProblem,
    telemetry::logging::with_causes,
};

/// What a connection needs to become a TLS connection to SAP.
pub(in crate::sap) struct Tls {
    pub(in crate::sap) connector: TlsConnector,
    pub(in crate::sap) name: ServerName<'static>,
    /// When the certificate that we show ends, or one in its file, in seconds since 1970.
    pub(in crate::sap) identity_ends: Option<i64>,
}

/// What TLS is made of, and the keys that say so.
pub(in crate::sap) struct TlsFiles {
    pub(in crate::sap) key: String,
    pub(in crate::sap) name: String,
    pub(in crate::sap) ca_key: &'static str,
    pub(in crate::sap) ca_file: Option<PathBuf>,
    /// Where there are any, these certificates are trusted and no others.
    pub(in crate::sap) pins: Vec<Fingerprint>,
    pub(in crate::sap) identity_key: &'static str,
    pub(in crate::sap) identity: Option<KeyFiles>,
}

/// TLS as the files have it; a file that changes to something useful comes into force with the next
/// connection, one that changes to something else does not.
pub(in crate::sap) struct TlsSlot {
    files: TlsFiles,
    current: ArcSwap<Tls>,
    seen: Mutex<Digest>,
}

impl TlsSlot {
    pub(in crate::sap) fn new(files: TlsFiles) -> Result<Self, DialectProblem> {
        // Looked at before they are read: a change in between is found the next time.
        let seen = files.digest().unwrap_or_default();
        let current = ArcSwap::from_pointee(files.read()?);
        Ok(Self { files, current, seen: Mutex::new(seen) })
    }

    pub(in crate::sap) fn current(&self) -> Arc<Tls> {
        self.current.load_full()
    }

    /// True: other files than before are in force.
    pub(in crate::sap) fn reread(&self) -> Result<bool, String> {
        let now = self.files.digest()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        let tls = self.files.read().map_err(|problem| problem.message)?;
        self.current.store(Arc::new(tls));
        *seen = now;
        Ok(true)
    }
}

impl TlsFiles {
    fn digest(&self) -> Result<Digest, String> {
        let identity = self.identity.iter().flat_map(|files| [&files.certificate, &files.key]);
        digest_of(self.ca_file.iter().chain(identity).map(PathBuf::as_path))
    }

    /// Trusts the pinned certificates only; else those in `ca_file` only, or the system's roots
    /// without one: SAP on premise almost always has a company's own CA, and then nobody else should be believed.
    fn read(&self) -> Result<Tls, DialectProblem> {
        let wrong = |message: String| DialectProblem::new(&self.key, message);
        let name = ServerName::try_from(self.name.clone())
            .map_err(|error| wrong(format!("has no host for TLS: {error}")))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?;
        let config = match &self.ca_file {
            _ if !self.pins.is_empty() => config
                .dangerous()
                .with_custom_certificate_verifier(Pinned::new(&self.pins, &provider)),
            Some(file) => config.with_root_certificates(
                roots::of_file(file)
                    .map_err(|message| DialectProblem::new(self.ca_key, message))?,
            ),
            None => config.with_root_certificates(
                roots::of_system().map_err(|message| DialectProblem::new(self.ca_key, message))?,
            ),
        };
        let mut identity_ends = None;
        let mut config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(files) => {
                let wrong = |message: String| DialectProblem::new(self.identity_key, message);
                let (chain, key) = identity_in(files).map_err(wrong)?;
                identity_ends = first_end(&chain);
                config.with_client_auth_cert(chain, key).map_err(|error| {
                    wrong(format!("certificate and key cannot be used together: {error}"))
                })?
            }
        };
        // Named, not left out: a server that prefers HTTP/2 without ALPN would not be understood.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name, identity_ends })
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity_in(files: &KeyFiles) -> Result<Identity, String> {
    let told = |error| with_causes(&error);
    let chain = pem::certificates(&files.certificate).map_err(told)?;
    Ok((chain, pem::private_key(&files.key).map_err(told)?))
}
