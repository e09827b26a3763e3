//! TLS as this server speaks it, and the certificate it shows, which a reload can exchange.

mod certificate;
pub mod chain;
pub mod pem;
mod pinned;
pub mod roots;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{CipherSuite, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

pub use crate::config::TlsVersion;
pub use certificate::{CertificateFacts, SubjectName, first_end};
pub(super) use certificate::{hex, names_of};
pub use pinned::Pinned;

/// A certificate that ends within so many days is worth a word: time to order a new one.
pub const SOON_DAYS: i64 = 30;

/// A listener's TLS: what rustls is configured with, and what its certificate says.
#[derive(Debug)]
pub struct ServerTls {
    /// What the listener is given.
    pub config: Arc<ServerConfig>,
    /// What the certificate said when it was read.
    pub certificate: CertificateFacts,
}

/// Why TLS cannot be set up. The texts name files and never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file with nothing in it.
    #[error("{} is empty; was it only half written?", .0.display())]
    Empty(PathBuf),
    /// A file far larger than any certificate or key.
    #[error("{} is larger than 1 MiB; it is no certificate or key", .0.display())]
    TooLarge(PathBuf),
    /// A file that is not PEM, or not wholly.
    #[error("{} is damaged: {what}; it must hold PEM sections as openssl writes them", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file for the certificate holds none.
    #[error("{} holds no certificate; it needs a section `BEGIN CERTIFICATE`", .0.display())]
    NoCertificate(PathBuf),
    /// The file for the key holds none.
    #[error("{} holds no private key; it needs a section `BEGIN PRIVATE KEY`", .0.display())]
    NoKey(PathBuf),
    /// The key is locked with a pass phrase.
    #[error(
        "the private key in {} is encrypted; write it without pass phrase with \
         `openssl pkey -in KEY -out NEW` and let only this service read it", .0.display()
    )]
    EncryptedKey(PathBuf),
    /// A key that is no secret.
    #[error(
        "the private key in {} can be read by everybody on this machine (mode {mode:03o}); run \
         `chmod o= {0}`, and take another key if others were on it", file.display()
    )]
    OpenKey {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {} does not belong to the first certificate in {}; the server's own \
         certificate must come first, its issuers after it",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file with the chain.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// A kind of key or certificate that is not supported.
    #[error(
        "{} and {} cannot be used for TLS; ECDSA P-256 or RSA of 2048 bits and more can",
        certificate.display(),
        key.display()
    )]
    Unusable {
        /// The file with the chain.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// A certificate that cannot be a CA.
    #[error("{} holds a certificate that cannot be a CA of clients", file.display())]
    ClientCa {
        /// The file.
        file: PathBuf,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// rustls itself cannot be set up: a fault of this program or of the machine's randomness.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    /// A file is not there at all.
    pub fn is_missing_file(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// Whether `file` alone is what somebody has to look at.
    pub fn is_about(&self, wanted: &Path) -> bool {
        match self {
            Self::Unreadable { file, .. }
            | Self::Empty(file)
            | Self::TooLarge(file)
            | Self::Damaged { file, .. }
            | Self::NoCertificate(file)
            | Self::NoKey(file)
            | Self::EncryptedKey(file)
            | Self::OpenKey { file, .. }
            | Self::ClientCa { file, .. } => file == wanted,
            Self::Mismatch { .. } | Self::Unusable { .. } | Self::Setup(_) => false,
        }
    }
}

/// Reads certificate and key and configures TLS with them: ALPN for HTTP/2 and HTTP/1.1, tickets
/// for resumption from one process-wide key, no early data.
///
/// Whether the certificate is valid today is left to the caller, who knows the clock
/// ([`CertificateFacts`]).
///
/// # Errors
///
/// [`TlsError`], which names the file and what to do.
pub fn server_config(
    certificate_file: &Path,
    key_file: &Path,
    min_version: TlsVersion,
) -> Result<ServerTls, TlsError> {
    configured(certificate_file, key_file, min_version, None)
}

/// The same, and asks clients for a certificate of the CA in `client_ca`: who shows none is let in all
/// the same, and [`TlsFacts::client`](super::TlsFacts) says which is the case. One that is
/// wrong ends the handshake.
///
/// # Errors
///
/// [`TlsError`], which names the file and what to do.
pub fn server_config_with_clients(
    certificate_file: &Path,
    key_file: &Path,
    min_version: TlsVersion,
    client_ca: &Path,
) -> Result<ServerTls, TlsError> {
    configured(certificate_file, key_file, min_version, Some(client_ca))
}

fn configured(
    certificate_file: &Path,
    key_file: &Path,
    min_version: TlsVersion,
    client_ca: Option<&Path>,
) -> Result<ServerTls, TlsError> {
    let provider = Arc::new(provider());
    let (key, certificate) = certificate::read(certificate_file, key_file, &provider)?;
    let clients = match client_ca {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(file) => client_verifier(file, &provider)?,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions(min_version))
        .map_err(TlsError::Setup)?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    // `http/1.0` is what a client names that speaks nothing newer (curl --http1.0); refusing the
    // name would refuse a caller whom plaintext HTTP/1.0 serves.
    config.alpn_protocols = ["h2", "http/1.1", "http/1.0"].map(Into::into).to_vec();
    // Ours decides: with AES-128-GCM a server makes about 1.3 times as many full handshakes as with
    // AES-256-GCM, whose SHA-384 has no instruction of its own (measured).
    config.ignore_client_order = true;
    // A ticket of a listener that asks nobody must not open one that does.
    config.ticketer = match client_ca {
        None => ticketer()?,
        Some(_) => Ticketer::new().map_err(TlsError::Setup)?,
    };
    // With tickets nothing is kept on our side, neither memory nor its lock.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(ServerTls { config: Arc::new(config), certificate })
}

fn client_verifier(
    file: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(file)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::ClientCa { file: file.into(), source })?;
    }
    if roots.is_empty() {
        return Err(TlsError::NoCertificate(file.into()));
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| TlsError::ClientCa {
            file: file.into(),
            source: rustls::Error::General(error.to_string()),
        })
}

/// The TLS that a listener speaks now. Handshakes under way end as they began.
pub struct TlsInForce(ArcSwap<ServerConfig>);

impl TlsInForce {
    /// Begins with this one.
    pub fn new(config: Arc<ServerConfig>) -> Arc<Self> {
        Arc::new(Self(ArcSwap::new(config)))
    }

    /// From the next handshake on this one counts.
    pub fn exchange(&self, config: Arc<ServerConfig>) {
        self.0.store(config);
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }
}

impl std::fmt::Debug for TlsInForce {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TlsInForce").finish_non_exhaustive()
    }
}

fn versions(min_version: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&version::TLS13];

    match min_version {
        TlsVersion::V1_2 => rustls::ALL_VERSIONS,
        TlsVersion::V1_3 => &ONLY_TLS13,
    }
}

/// aws-lc-rs by name, so that no other dependency can change the provider, AES-128-GCM first.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    // A stable sort: within each group rustls' own order stays.
    provider.cipher_suites.sort_by_key(|suite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 0,
        _ => 1,
    });
    provider
}

/// One for the process, so that a reload or a second listener does not forget sessions. Its keys
/// change every 6 hours and never leave the process.
fn ticketer() -> Result<Arc<dyn ProducesTickets>, TlsError> {
    static TICKETER: OnceLock<Arc<dyn ProducesTickets>> = OnceLock::new();

    if let Some(ticketer) = TICKETER.get() {
        return Ok(Arc::clone(ticketer));
    }
    let ticketer = Ticketer::new().map_err(TlsError::Setup)?;
    Ok(Arc::clone(TICKETER.get_or_init(|| ticketer)))
}

#[cfg(test)]
mod tests;
