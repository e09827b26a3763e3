//! Matches a certificate chain with its key, and says what the certificate claims.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use aws_lc_rs::digest;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::staple::{self, Staple};
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
    /// The CA's word on it, where a file has one, counts until then, in unix seconds.
    pub staple_ends: Option<i64>,
}

/// Reads a chain and the key of its first certificate, proved to belong together. An RSA key has
/// `least_rsa_bits` at least.
pub(super) fn read(
    certificate_file: &Path,
    key_file: &Path,
    least_rsa_bits: usize,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, CertificateFacts, Vec<SubjectName>), TlsError> {
    let chain = pem::certificates(certificate_file)?;
    let leaf = chain.first().ok_or_else(|| TlsError::NoCertificate(certificate_file.into()))?;
    let parsed = parsed(leaf, certificate_file)?;
    let (facts, names) = facts(leaf, &parsed, &chain, certificate_file)?;
    // What it cannot read, rustls will not take either.
    if let Ok(PublicKey::RSA(key)) = parsed.public_key().parsed()
        && key.key_size() < least_rsa_bits
    {
        let (file, bits) = (certificate_file.into(), key.key_size());
        return Err(TlsError::ShortKey { file, bits, least: least_rsa_bits });
    }
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
    Ok((certified, facts, names))
}

/// What the CA says of `leaf`, which stands in `certificate_file`.
pub(super) fn staple(
    file: &Path,
    leaf: &CertificateDer<'_>,
    certificate_file: &Path,
) -> Result<Staple, TlsError> {
    staple::read(file, &parsed(leaf, certificate_file)?)
}

fn parsed<'c>(leaf: &'c CertificateDer<'_>, file: &Path) -> Result<X509Certificate<'c>, TlsError> {
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_unquoted| unparsable(file))?;
    Ok(parsed)
}

fn unparsable(file: &Path) -> TlsError {
    TlsError::Damaged { file: file.into(), what: "it is not X.509" }
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
    certificate: &X509Certificate<'_>,
    chain: &[CertificateDer<'_>],
    file: &Path,
) -> Result<(CertificateFacts, Vec<SubjectName>), TlsError> {
    let names = names_of(certificate).map_err(|_unquoted| unparsable(file))?;
    let not_after = certificate.validity().not_after.timestamp();
    let facts = CertificateFacts {
        subject: certificate.subject().to_string(),
        san: names.iter().map(ToString::to_string).collect(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after,
        chain_ends: first_end(chain).unwrap_or(not_after),
        fingerprint: hex(digest::digest(&digest::SHA256, leaf).as_ref()),
        staple_ends: None,
    };
    Ok((facts, names))
}

/// One of the names that a certificate is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SubjectName {
    /// A host.
    Dns(String),
    /// A URI, such as a SPIFFE ID.
    Uri(String),
    /// A mail address.
    Mail(String),
    /// An IP address.
    Address(IpAddr),
    /// Anything else.
    Other,
}

/// As a person would write it.
impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Uri(text) | Self::Mail(text) => f.write_str(text),
            Self::Address(address) => address.fmt(f),
            Self::Other => f.write_str("a name of another kind"),
        }
    }
}

/// The alternative names of a certificate's subject.
pub(in crate::net) fn names_of(
    certificate: &X509Certificate<'_>,
) -> Result<Vec<SubjectName>, X509Error> {
    let names = certificate.subject_alternative_name()?;
    Ok(names.map(|names| names.value.general_names.iter().map(name).collect()).unwrap_or_default())
}

fn name(name: &GeneralName<'_>) -> SubjectName {
    match name {
        GeneralName::DNSName(text) => SubjectName::Dns((*text).to_owned()),
        GeneralName::URI(text) => SubjectName::Uri((*text).to_owned()),
        GeneralName::RFC822Name(text) => SubjectName::Mail((*text).to_owned()),
        GeneralName::IPAddress(bytes) => {
            if let Ok(bytes) = <[u8; 4]>::try_from(*bytes) {
                SubjectName::Address(bytes.into())
            } else if let Ok(bytes) = <[u8; 16]>::try_from(*bytes) {
                SubjectName::Address(bytes.into())
            } else {
                SubjectName::Other
            }
        }
        _ => SubjectName::Other,
    }
}

/// Lower-case hex.
pub(in crate::net) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
