//! Reads a certificate chain and its key from PEM files, and says what the certificate claims.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use super::TlsError;

/// Nobody's chain or key is larger; a wrong path may well lead to something that is.
const FILE_BYTES: u64 = 1024 * 1024;

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
    /// SHA-256 of the certificate, as lower-case hex.
    pub fingerprint: String,
}

/// Reads a chain and the key of its first certificate, proved to belong together.
pub(super) fn read(
    certificate_file: &Path,
    key_file: &Path,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, CertificateFacts), TlsError> {
    let chain = read_chain(certificate_file)?;
    let leaf = chain.first().ok_or_else(|| TlsError::NoCertificate(certificate_file.into()))?;
    let facts = facts(leaf, certificate_file)?;
    let key = read_key(key_file)?;
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

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read_file(file)?;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| damaged(file, &error))
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read_file(file)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        // The old form carries its encryption in a line below an ordinary heading, and reads as a
        // section that is not base64.
        Err(_) if contains(&text, b"ENCRYPTED") => Err(TlsError::EncryptedKey(file.into())),
        Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey(file.into())),
        Err(error) => Err(damaged(file, &error)),
        Ok(_) if contains(&text, b"Proc-Type: 4,ENCRYPTED") => {
            Err(TlsError::EncryptedKey(file.into()))
        }
        Ok(key) => Ok(key),
    }
}

fn read_file(file: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { file: file.into(), source };
    let length = fs::metadata(file).map_err(unreadable)?.len();
    if length > FILE_BYTES {
        return Err(TlsError::TooLarge(file.into()));
    }
    let text = Zeroizing::new(fs::read(file).map_err(unreadable)?);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(TlsError::Empty(file.into()));
    }
    Ok(text)
}

/// Says what is wrong without the cause itself, which may quote the file, and that may be a key.
fn damaged(file: &Path, error: &pem::Error) -> TlsError {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "an END line is missing",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is damaged",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it is not PEM",
    };
    TlsError::Damaged { file: PathBuf::from(file), what }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn facts(leaf: &CertificateDer<'_>, file: &Path) -> Result<CertificateFacts, TlsError> {
    let unparsable = || TlsError::Damaged { file: file.into(), what: "it is not X.509" };
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_unquoted| unparsable())?;
    let names = certificate.subject_alternative_name().map_err(|_unquoted| unparsable())?;
    Ok(CertificateFacts {
        subject: certificate.subject().to_string(),
        san: names
            .map(|names| names.value.general_names.iter().map(name).collect())
            .unwrap_or_default(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
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

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
