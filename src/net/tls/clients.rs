//! Which certificates of clients are good.
//!
//! With revocation lists two things are asked of a chain. Of the client's own certificate it has to be
//! known whether it is revoked: its CA has a list here, which has not ended. Of those between it and
//! the root it is asked only where there is a list, because most operators have none of the root. One
//! verifier of rustls can ask either, so there are two, and both must agree.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::crl::{self, Crl};
use super::{Note, TlsError, pem};
use crate::config::TlsClients;
use crate::telemetry::clock;

/// What clients are asked for.
pub(super) struct Asked {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// When the next list of each file is due, in unix seconds.
    pub(super) crl_ends: Vec<i64>,
    pub(super) notes: Vec<Note>,
    /// The CAs and lists.
    pub(super) content: Vec<Vec<u8>>,
}

/// Reads CAs and lists.
///
/// # Errors
///
/// All that is wrong with them.
pub(super) fn asked(
    clients: &TlsClients,
    provider: &Arc<CryptoProvider>,
) -> Result<Asked, Vec<TlsError>> {
    let cas = pem::certificates(&clients.ca).map_err(|error| vec![error])?;
    let mut roots = RootCertStore::empty();
    for certificate in &cas {
        roots
            .add(certificate.clone())
            .map_err(|source| vec![TlsError::ClientCa { file: clients.ca.clone(), source }])?;
    }
    let making = Making { clients, roots: Arc::new(roots), provider };
    let mut errors = Vec::new();
    let (mut lists, mut crl_ends, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for file in &clients.crls {
        let read = crl::read(file, &clients.ca, &cas).and_then(|lists| {
            // One by one, to know which it is that rustls does not take.
            let refused = making.verifier(&lists, true).err();
            refused.map_or(Ok(lists), |what| Err(TlsError::Crl { file: file.clone(), what }))
        });
        match read {
            Err(error) => errors.push(error),
            Ok(read) => {
                let ends = read.iter().map(|list| list.ends).min().unwrap_or_default();
                notes.extend((ends <= clock::unix_seconds()).then(|| ended(file, clients)));
                crl_ends.push(ends);
                lists.extend(read);
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    notes.extend(making.without_list(&cas, &lists));
    let verifier = making.all(&lists).map_err(|what| {
        let source = Error::General(what);
        vec![TlsError::ClientCa { file: clients.ca.clone(), source }]
    })?;
    let content = cas.iter().map(|ca| ca.to_vec());
    let content = content.chain(lists.iter().map(|list| list.der.to_vec())).collect();
    Ok(Asked { verifier, crl_ends, notes, content })
}

fn ended(file: &std::path::Path, clients: &TlsClients) -> Note {
    let what = if clients.accepts_ended_crl {
        "has ended and counts all the same (crl_expired)"
    } else {
        "has ended, so that the certificates of its CA are refused"
    };
    Note { file: file.into(), text: format!("{what}; fetch a new one, it counts at once") }
}

struct Making<'m> {
    clients: &'m TlsClients,
    roots: Arc<RootCertStore>,
    provider: &'m Arc<CryptoProvider>,
}

impl Making<'_> {
    fn all(&self, lists: &[Crl]) -> Result<Arc<dyn ClientCertVerifier>, String> {
        let chain = self.verifier(lists, true)?;
        if lists.is_empty() || self.clients.accepts_missing_crl {
            return Ok(chain);
        }
        let own = self.verifier(lists, false)?;
        Ok(Arc::new(Both { own, chain }))
    }

    /// `whole_chain`: whatever is known of any certificate counts, and what is not known is good;
    /// otherwise the client's own is looked at alone, and has to be known.
    fn verifier(
        &self,
        lists: &[Crl],
        whole_chain: bool,
    ) -> Result<Arc<dyn ClientCertVerifier>, String> {
        let (roots, provider) = (Arc::clone(&self.roots), Arc::clone(self.provider));
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider)
            .with_crls(lists.iter().map(|list| list.der.clone()));
        builder = if whole_chain {
            builder.allow_unknown_revocation_status()
        } else {
            builder.only_check_end_entity_revocation()
        };
        if !self.clients.accepts_ended_crl {
            builder = builder.enforce_revocation_expiration();
        }
        if !self.clients.is_required {
            builder = builder.allow_unauthenticated();
        }
        builder.build().map_err(|error| error.to_string())
    }

    /// CAs of which nobody could tell what they have revoked, where that is asked.
    fn without_list(&self, cas: &[CertificateDer<'_>], lists: &[Crl]) -> Option<Note> {
        if lists.is_empty() || self.clients.accepts_missing_crl {
            return None;
        }
        let names = cas.iter().filter_map(|ca| {
            let (_, ca) = X509Certificate::from_der(ca).ok()?;
            let is_known = lists.iter().any(|list| list.issuer == ca.subject().as_raw());
            (!is_known).then(|| ca.subject().to_string())
        });
        let names = names.collect::<Vec<_>>().join("; ");
        let text = format!(
            "has CAs without a revocation list in crls, and certificates that they have signed \
             themselves are refused (crl_missing): {names}"
        );
        (!names.is_empty()).then(|| Note { file: self.clients.ca.clone(), text })
    }
}

/// Agrees where both do.
#[derive(Debug)]
struct Both {
    /// Looks at the client's own certificate.
    own: Arc<dyn ClientCertVerifier>,
    /// Looks at the whole chain, and answers everything else.
    chain: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Both {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.chain.verify_client_cert(end_entity, intermediates, now)?;
        self.own.verify_client_cert(end_entity, intermediates, now)
    }

    fn offer_client_auth(&self) -> bool {
        self.chain.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
