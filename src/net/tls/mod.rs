//! TLS as this server speaks it, and the certificates it shows and asks for, which a reload can
//! exchange.
//!
//! [`read`] makes it from the files of a section: `policy` says what is offered, `resolver` which
//! certificate is shown (with its `staple`), `clients` which ones are good (by `crl`), `tickets` who may
//! come back without all that. [`TlsInForce`] is what a listener speaks with.

mod certificate;
pub mod chain;
mod clients;
mod crl;
mod error;
mod in_force;
pub mod pem;
mod pinned;
mod policy;
mod resolver;
pub mod roots;
mod staple;
mod tickets;

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ServerConfig, SignatureAlgorithm};

use crate::config::{CertificateFiles, Digest, Tls, TlsOffer};
pub use certificate::{CertificateFacts, SubjectName, first_end};
pub(super) use certificate::{hex, names_of};
pub use error::TlsError;
pub use in_force::TlsInForce;
pub(super) use in_force::turn_away;
pub use pinned::Pinned;
use resolver::{Certificate, Names, Shown};

/// A certificate that ends within so many days is worth a word: time to order a new one.
pub const SOON_DAYS: i64 = 30;

/// A listener's TLS: what rustls is configured with, and what its files say.
#[derive(Debug)]
pub struct ServerTls {
    /// What rustls is configured with.
    pub config: Arc<ServerConfig>,
    /// What the first certificate said when it was read.
    pub certificate: CertificateFacts,
    /// What the others said.
    pub more: Vec<CertificateFacts>,
    /// When the next revocation list of each file is due, in unix seconds.
    pub crl_ends: Vec<i64>,
    /// What somebody should know of files that are in use all the same.
    pub notes: Vec<Note>,
    /// Of all that was in the files but keys: whatever is changed changes it.
    pub content: Digest,
    shown: Arc<Shown>,
}

/// What somebody should know of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// The file.
    pub file: PathBuf,
    /// A sentence that goes on from its name.
    pub text: String,
}

impl ServerTls {
    /// All certificates, that for everybody first.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateFacts> {
        std::iter::once(&self.certificate).chain(&self.more)
    }
}

/// What was read of the files, as far as it could be.
#[derive(Default)]
struct Files {
    shown: Vec<Certificate>,
    facts: Vec<CertificateFacts>,
    kinds: Vec<SignatureAlgorithm>,
    content: Vec<Vec<u8>>,
    notes: Vec<Note>,
    errors: Vec<TlsError>,
}

/// Reads the files of a section and configures TLS with them: ALPN for HTTP/2 and HTTP/1.1, tickets
/// for resumption where no client is asked for a certificate, no early data.
///
/// Whether the certificates are valid today is left to the caller, who knows the clock
/// ([`CertificateFacts`]).
///
/// # Errors
///
/// All that is wrong; each names the file and what to do.
pub fn read(tls: &Tls) -> Result<ServerTls, Vec<TlsError>> {
    let provider = Arc::new(policy::provider(&tls.offer));
    let mut files = Files::default();
    for one in tls.certificates() {
        if let Err(error) = files.add(&one, &tls.offer, &provider) {
            files.errors.push(error);
        }
    }
    let clients = tls.clients.as_ref().map(|clients| clients::asked(clients, &provider));
    let clients = match clients.transpose() {
        Ok(clients) => clients,
        Err(errors) => {
            files.errors.extend(errors);
            None
        }
    };
    // What follows from a certificate that could not be read is no finding.
    if files.errors.is_empty()
        && let Err(error) = policy::check_kinds(&tls.offer, &files.kinds)
    {
        files.errors.push(error);
    }
    let Files { shown, facts, mut content, mut notes, errors, .. } = files;
    let mut facts = facts.into_iter();
    let (Some(certificate), true) = (facts.next(), errors.is_empty()) else {
        return Err(errors);
    };
    let mut crl_ends = Vec::new();
    let verifier = clients.map(|clients| {
        content.extend(clients.content);
        notes.extend(clients.notes);
        crl_ends = clients.crl_ends;
        clients.verifier
    });
    let shown = Arc::new(Shown::new(shown, tls.strict_names));
    let asks = verifier.is_some();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(policy::versions(&tls.offer))
        .map_err(|error| vec![TlsError::Setup(error)])?
        .with_client_cert_verifier(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
        .with_cert_resolver(Arc::clone(&shown) as _);
    // `http/1.0` is what a client names that speaks nothing newer (curl --http1.0); refusing the
    // name would refuse a caller whom plaintext HTTP/1.0 serves.
    config.alpn_protocols = ["h2", "http/1.1", "http/1.0"].map(Into::into).to_vec();
    // Ours decides: that order is what a policy is about.
    config.ignore_client_order = true;
    if tls.tickets && !asks {
        config.ticketer = tickets::ticketer(&tls.offer).map_err(|error| vec![error])?;
    } else {
        config.send_tls13_tickets = 0;
    }
    // With tickets nothing is kept on our side, neither memory nor its lock; without them nothing is to
    // be.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(ServerTls {
        config: Arc::new(config),
        certificate,
        more: facts.collect(),
        crl_ends,
        notes,
        content: digest_of(&content),
        shown,
    })
}

/// As [`read`], for whoever needs no more than one reason.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn server_config(tls: &Tls) -> Result<ServerTls, TlsError> {
    read(tls).map_err(|errors| {
        let none = || TlsError::Setup(rustls::Error::General("no certificate".to_owned()));
        errors.into_iter().next().unwrap_or_else(none)
    })
}

impl Files {
    fn add(
        &mut self,
        files: &CertificateFiles,
        offer: &TlsOffer,
        provider: &CryptoProvider,
    ) -> Result<(), TlsError> {
        let (key, mut facts, names) =
            certificate::read(&files.certificate, &files.key, offer.least_rsa_bits, provider)?;
        let staple = match (&files.ocsp, key.cert.first()) {
            (Some(file), Some(leaf)) => Some(certificate::staple(file, leaf, &files.certificate)?),
            _ => None,
        };
        self.kinds.push(key.key.algorithm());
        self.content.extend(key.cert.iter().map(|certificate| certificate.to_vec()));
        let stapled = staple.and_then(|staple| {
            facts.staple_ends = Some(staple.ends);
            self.content.push(staple.der.clone());
            if let Some(note) = staple.unfit {
                self.notes.push(note);
                return None;
            }
            let mut stapled = key.clone();
            stapled.ocsp = Some(staple.der);
            Some((Arc::new(stapled), staple.ends))
        });
        self.shown.push(Certificate { bare: Arc::new(key), stapled, names: Names::of(&names) });
        self.facts.push(facts);
        Ok(())
    }
}

fn digest_of(parts: &[Vec<u8>]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests;
