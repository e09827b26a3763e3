//! Reads revocation lists, and proves that each is of a CA that is trusted.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::X509Version;

use super::{TlsError, pem};

/// A list, as it is in its file.
pub(super) struct Crl {
    pub(super) der: CertificateRevocationListDer<'static>,
    /// The next one is due then, in unix seconds.
    pub(super) ends: i64,
    /// The name of the CA, as it is encoded.
    pub(super) issuer: Vec<u8>,
}

/// All lists in a file, PEM or DER, at least one; each signed by one of `cas`.
///
/// # Errors
///
/// [`TlsError`], which names the file and what to do.
pub(super) fn read(
    file: &Path,
    ca_file: &Path,
    cas: &[CertificateDer<'_>],
) -> Result<Vec<Crl>, TlsError> {
    let bytes = pem::read_list(file)?;
    let wrong = |what: &str| TlsError::Crl { file: file.into(), what: what.to_owned() };
    // A list in DER is a sequence.
    let lists = if bytes.first() == Some(&0x30) {
        vec![CertificateRevocationListDer::from(bytes.to_vec())]
    } else {
        CertificateRevocationListDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|_unquoted| wrong("its PEM is damaged"))?
    };
    if lists.is_empty() {
        return Err(wrong("it needs a section `BEGIN X509 CRL`"));
    }
    lists.into_iter().map(|der| one(der, file, ca_file, cas)).collect()
}

fn one(
    der: CertificateRevocationListDer<'static>,
    file: &Path,
    ca_file: &Path,
    cas: &[CertificateDer<'_>],
) -> Result<Crl, TlsError> {
    let wrong = |what: &str| TlsError::Crl { file: file.into(), what: what.to_owned() };
    let (rest, list) = CertificateRevocationList::from_der(&der)
        .map_err(|_unquoted| wrong("it is damaged, or not whole"))?;
    if !rest.is_empty() {
        return Err(wrong("something is behind its end"));
    } // OpenSSL writes version 1 where no `crl_extensions` are configured, and webpki takes none.
    if list.version() != Some(X509Version::V2) {
        return Err(wrong("it is of version 1, and RFC 5280 wants 2 (openssl: `crl_extensions`)"));
    }
    let next =
        list.next_update().ok_or_else(|| wrong("it does not say when the next one is due"))?;
    let has_signed = |ca: &CertificateDer<'_>| {
        X509Certificate::from_der(ca).is_ok_and(|(_, ca)| {
            ca.subject().as_raw() == list.issuer().as_raw()
                && list.verify_signature(ca.public_key()).is_ok()
        })
    };
    if !cas.iter().any(has_signed) {
        let issuer = list.issuer().to_string();
        return Err(TlsError::ForeignCrl { file: file.into(), ca: ca_file.into(), issuer });
    }
    let (ends, issuer) = (next.timestamp(), list.issuer().as_raw().to_vec());
    Ok(Crl { der, ends, issuer })
}
