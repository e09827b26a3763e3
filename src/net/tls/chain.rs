//! Whether a client can follow a certificate to a CA it trusts. Java does not fetch what is missing.

use std::sync::Arc;

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _, verify_server_name},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// How far a chain goes by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reach {
    /// To a root: one that is in it, or one of `roots`, whose name this is.
    Root(String),
    /// No farther than a certificate that somebody else has signed, whose name this is.
    Open(String),
    /// A certificate is signed by another one than that behind it: its place, from 1, and the name of its issuer.
    Broken(usize, String),
}

/// Looks how far a chain goes; `roots` are names of roots that clients are likely to trust.
pub fn reach(chain: &[CertificateDer<'_>], roots: &RootCertStore) -> Option<Reach> {
    let parsed: Vec<X509Certificate<'_>> = chain
        .iter()
        .map(|certificate| X509Certificate::from_der(certificate).map(|(_, parsed)| parsed))
        .collect::<Result<_, _>>()
        .ok()?;
    let broken = parsed.windows(2).position(|pair| match pair {
        [one, next] => one.issuer() != next.subject(),
        _ => false,
    });
    if let Some(place) = broken {
        let issuer = parsed.get(place)?.issuer().to_string();
        return Some(Reach::Broken(place + 1, issuer));
    }
    let last = parsed.last()?;
    let issuer = last.issuer().to_string();
    let is_root = last.issuer() == last.subject() || is_in(roots, last.issuer().as_raw());
    Some(if is_root { Reach::Root(issuer) } else { Reach::Open(issuer) })
}

/// Whether a root has this name, as it is encoded.
fn is_in(roots: &RootCertStore, name: &[u8]) -> bool {
    roots.subjects().iter().any(|subject| subject.as_ref() == name)
}

/// Whether a client that trusts these certificates, and nothing else, accepts a chain for a name, as
/// Java's trust manager and HTTP client do it: a trusted certificate is accepted as it is, any other by
/// its signatures up to a trusted one.
///
/// # Errors
///
/// Why not.
pub fn accepts(
    trusted: &[CertificateDer<'static>],
    chain: &[CertificateDer<'static>],
    name: &ServerName<'_>,
    provider: &Arc<CryptoProvider>,
) -> Result<(), Error> {
    let (leaf, rest) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    if trusted.contains(leaf) {
        return verify_server_name(&ParsedCertificate::try_from(leaf)?, name);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|_no_roots| Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
    verifier.verify_server_cert(leaf, rest, name, &[], UnixTime::now()).map(|_verified| ())
}
