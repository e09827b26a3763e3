//! Matches a certificate chain with its key, and says what the certificate claims.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use aws_lc_rs::digest;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::{TlsError, pem};

/// What a certificate says of itself, for metrics and checks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFacts {
    /// The subject as one line, e.g. `CN=gate.example`.
    pub subject: String,
    /// The names and addresses it is for. Clients look at these only, never at the subject.
    pub san: Vec<String>,
    /// Valid from, in unix seconds.
    pub not_before: i64,
    /// Valid until, in unix seconds.
    pub not_after: i64,
    /// When the first one of its file ends, itself or one of those that signed it, in unix seconds.
    pub chain_ends: i64,
    /// SHA-256 of the certificate, as lower-case hex.
    pub fingerprint: String,
}

/// Reads a chain and the key of its first certificate, proved to belong together.
pub(super) fn read(
    certificate_file: &Path,
    key_file: &Path,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, CertificateFacts), TlsError> {
    let chain = pem::certificates(certificate_file)?;
    let leaf = chain.first().ok_or_else(|| TlsError::NoCertificate(certificate_file.into()))?;
    let facts = facts(leaf, &chain, certificate_file)?;
    let key = pem::private_key(key_file)?;
    let certified =
        CertifiedKey::from_der(chain, key, provider).map_err(|source| match source {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: certificate_file.into(), key: key_file.into() }
            }
            source => TlsError::Unusable {
                certificate: certificate_file.into(),
                key: key_file.into(),
                source,
            },
        })?;
    Ok((certified, facts))
}

/// When the first certificate of a chain to end does, in seconds since 1970.
pub fn first_end(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let end = |der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(certificate.validity().not_after.timestamp())
    };
    chain.iter().filter_map(|certificate| end(certificate)).min()
}

fn facts(
    leaf: &CertificateDer<'_>,
    chain: &[CertificateDer<'_>],
    file: &Path,
) -> Result<CertificateFacts, TlsError> {
    let unparsable = || TlsError::Damaged { file: file.into(), what: "it is not X.509" };
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_unquoted| unparsable())?;
    let names = certificate.subject_alternative_name().map_err(|_unquoted| unparsable())?;
    let not_after = certificate.validity().not_after.timestamp();
    Ok(CertificateFacts {
        subject: certificate.subject().to_string(),
        san: names
            .map(|names| names.value.general_names.iter().map(name).collect())
            .unwrap_or_default(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after,
        chain_ends: first_end(chain).unwrap_or(not_after),
        fingerprint: hex(digest::digest(&digest::SHA256, leaf).as_ref()),
    })
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            (*text).to_owned()
        }
        GeneralName::IPAddress(bytes) => {
            if let Ok(bytes) = <[u8; 4]>::try_from(*bytes) {
                Ipv4Addr::from(bytes).to_string()
            } else if let Ok(bytes) = <[u8; 16]>::try_from(*bytes) {
                Ipv6Addr::from(bytes).to_string()
            } else {
                "an address of unknown kind".to_owned()
            }
        }
        _ => "a name of another kind".to_owned(),
    }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
