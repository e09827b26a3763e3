//! `listen.tls:` and `admin.tls:` the certificates that are shown, which TLS is spoken, and which
//! certificates clients show.

mod clients;
mod offer;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resolve::Reading;
pub use clients::TlsClients;
use clients::{TlsClientsFile, crl_files};
use offer::OfferFile;
pub use offer::{CipherSuite, Group, TlsOffer, TlsPolicy, TlsVersion};

/// More of them are a mistake.
const MOST_FILES: usize = 64;

/// The TLS of a listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// PEM file with the certificate and the chain up to, but without, the root.
    pub certificate: PathBuf,
    /// PEM file with the private key of that certificate.
    pub key: PathBuf,
    /// DER file with what the CA says of that certificate (OCSP).
    pub ocsp: Option<PathBuf>,
    /// Others: for clients who cannot use the first, or who ask for another name.
    pub more: Vec<CertificateFiles>,
    /// Who asks for no name, or for one that no certificate has, is refused.
    pub strict_names: bool,
    /// Sessions can be resumed.
    pub tickets: bool,
    /// Versions, cipher suites and groups.
    pub offer: TlsOffer,
    /// Clients are asked for a certificate; `None`: they are not.
    pub clients: Option<TlsClients>,
}

/// A certificate with its key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFiles {
    /// PEM file with the certificate and the chain up to, but without, the root.
    pub certificate: PathBuf,
    /// PEM file with the private key of that certificate.
    pub key: PathBuf,
    /// DER file with what the CA says of that certificate (OCSP).
    pub ocsp: Option<PathBuf>,
}

impl Tls {
    /// With this certificate, and everything else as it is by default.
    pub fn with(certificate: &Path, key: &Path) -> Self {
        Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            ocsp: None,
            more: Vec::new(),
            strict_names: false,
            tickets: true,
            offer: TlsPolicy::default().into(),
            clients: None,
        }
    }

    /// All certificates, that for everybody first.
    pub fn certificates(&self) -> Vec<CertificateFiles> {
        let first = CertificateFiles {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            ocsp: self.ocsp.clone(),
        };
        std::iter::once(first).chain(self.more.iter().cloned()).collect()
    }

    /// Every file with the key, below that of the section, under which it is named.
    pub fn files(&self) -> Vec<(String, &Path)> {
        let mut files = vec![("certificate".to_owned(), &*self.certificate)];
        files.push(("key".to_owned(), &self.key));
        files.extend(self.ocsp.iter().map(|file| ("ocsp".to_owned(), &**file)));
        for (place, more) in self.more.iter().enumerate() {
            files.push((format!("more[{place}].certificate"), &more.certificate));
            files.push((format!("more[{place}].key"), &more.key));
            files.extend(more.ocsp.iter().map(|file| (format!("more[{place}].ocsp"), &**file)));
        }
        if let Some(clients) = &self.clients {
            files.push(("clients.ca".to_owned(), &clients.ca));
            let crls = clients.crls.iter().enumerate();
            files.extend(crls.map(|(place, file)| (format!("clients.crls[{place}]"), &**file)));
        }
        files
    }
}

/// `listen.tls:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["certificate", "key"]))]
pub(in crate::config) struct TlsFile {
    /// PEM file: the certificate first, then the intermediate ones, without the root.
    #[schemars(with = "String")]
    certificate: Option<String>,
    /// PEM file with the certificate's private key.
    #[schemars(with = "String")]
    key: Option<String>,
    /// DER file with the CA's OCSP answer about the certificate, which is shown with it.
    ocsp: Option<String>,
    /// Other certificates: with a key of another kind, or for other names.
    #[schemars(with = "Vec<CertificateFile>")]
    more: Vec<Option<CertificateFile>>,
    /// True: who asks for no name (SNI), or for one that no certificate has, is refused.
    strict_names: bool,
    /// True: sessions can be resumed, by tickets whose keys change every 6 hours.
    tickets: bool,
    /// Which versions, cipher suites and groups are spoken.
    policy: TlsPolicy,
    /// The oldest version of TLS that is spoken, where it is not the policy's.
    min_version: Option<TlsVersion>,
    /// The cipher suites that are spoken, the best first, where they are not the policy's.
    cipher_suites: Option<Vec<CipherSuite>>,
    /// The groups for the exchange of keys, where they are not the policy's. The client's order counts.
    groups: Option<Vec<Group>>,
    /// Which certificates clients show.
    clients: Option<TlsClientsFile>,
}

/// `admin.tls:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["certificate", "key"]))]
pub(in crate::config) struct AdminTlsFile {
    /// PEM file: the certificate first, then the intermediate ones, without the root.
    #[schemars(with = "String")]
    certificate: Option<String>,
    /// PEM file with the certificate's private key.
    #[schemars(with = "String")]
    key: Option<String>,
    /// Which versions, cipher suites and groups are spoken.
    policy: TlsPolicy,
    /// The oldest version of TLS that is spoken, where it is not the policy's.
    min_version: Option<TlsVersion>,
    /// The cipher suites that are spoken, the best first, where they are not the policy's.
    cipher_suites: Option<Vec<CipherSuite>>,
    /// The groups for the exchange of keys, where they are not the policy's. The client's order counts.
    groups: Option<Vec<Group>>,
    /// PEM file with the CA of operators' certificates: who shows one needs no password.
    pub(in crate::config) client_ca: Option<String>,
    /// PEM or DER files with the certificates that CA has revoked. One that has ended refuses all.
    crls: Vec<String>,
}

/// An entry of `listen.tls.more`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["certificate", "key"]))]
struct CertificateFile {
    /// PEM file: the certificate first, then the intermediate ones, without the root.
    #[schemars(with = "String")]
    certificate: Option<String>,
    /// PEM file with the certificate's private key.
    #[schemars(with = "String")]
    key: Option<String>,
    /// DER file with the CA's OCSP answer about the certificate.
    ocsp: Option<String>,
}

impl Default for TlsFile {
    fn default() -> Self {
        Self {
            certificate: None,
            key: None,
            ocsp: None,
            more: Vec::new(),
            strict_names: false,
            tickets: true,
            policy: TlsPolicy::default(),
            min_version: None,
            cipher_suites: None,
            groups: None,
            clients: None,
        }
    }
}

impl TlsFile {
    /// `section`: its key.
    pub(in crate::config) fn resolve(
        &self,
        section: &str,
        reading: &mut Reading<'_>,
    ) -> Option<Tls> {
        let mut path = |key: &str, path| pem_file(&format!("{section}.{key}"), path, reading);
        let certificate = path("certificate", self.certificate.as_deref());
        let key = path("key", self.key.as_deref());
        let ocsp = path("ocsp", self.ocsp.as_deref());
        let key_of_more = format!("{section}.more");
        if self.more.len() > MOST_FILES {
            reading.at(&key_of_more, format!("has more than {MOST_FILES} entries"));
        }
        let more = self.more.iter().enumerate();
        // What could not be read is a finding already.
        let more = more.filter_map(|(place, more)| {
            more.as_ref()?.resolve(&format!("{key_of_more}[{place}]"), reading)
        });
        let more = more.collect();
        let offer = OfferFile {
            policy: self.policy,
            min_version: self.min_version,
            cipher_suites: self.cipher_suites.as_deref(),
            groups: self.groups.as_deref(),
        };
        let offer = offer.resolve(section, reading);
        let clients = match &self.clients {
            None => None,
            Some(clients) => Some(clients.resolve(&format!("{section}.clients"), reading)?),
        };
        Some(Tls {
            certificate: certificate?,
            key: key?,
            ocsp,
            more,
            strict_names: self.strict_names,
            tickets: self.tickets,
            offer,
            clients,
        })
    }
}

impl AdminTlsFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Tls> {
        let mut path = |key: &str, path| pem_file(&format!("admin.tls.{key}"), path, reading);
        let certificate = path("certificate", self.certificate.as_deref());
        let key = path("key", self.key.as_deref());
        let ca = path("client_ca", self.client_ca.as_deref());
        let crls = crl_files("admin.tls.crls", &self.crls, reading);
        if self.client_ca.is_none() && !self.crls.is_empty() {
            reading.at("admin.tls.crls", "is of no use without client_ca");
        }
        let offer = OfferFile {
            policy: self.policy,
            min_version: self.min_version,
            cipher_suites: self.cipher_suites.as_deref(),
            groups: self.groups.as_deref(),
        };
        let offer = offer.resolve("admin.tls", reading);
        let clients = ca.map(|ca| TlsClients {
            is_required: false,
            ca,
            crls,
            accepts_ended_crl: false,
            accepts_missing_crl: false,
        });
        Some(Tls { offer, clients, ..Tls::with(&certificate?, &key?) })
    }
}

impl CertificateFile {
    fn resolve(&self, section: &str, reading: &mut Reading<'_>) -> Option<CertificateFiles> {
        let mut path = |key: &str, path| pem_file(&format!("{section}.{key}"), path, reading);
        let certificate = path("certificate", self.certificate.as_deref());
        let key = path("key", self.key.as_deref());
        let ocsp = path("ocsp", self.ocsp.as_deref());
        Some(CertificateFiles { certificate: certificate?, key: key?, ocsp })
    }
}

/// The path of a file whose content is part of the configuration; `None`: not given, or nothing.
pub(in crate::config) fn pem_file(
    key: &str,
    path: Option<&str>,
    reading: &mut Reading<'_>,
) -> Option<PathBuf> {
    match path? {
        "" => {
            reading.at(key, "is empty; write the path of a PEM file");
            None
        }
        path => Some(reading.file(path)),
    }
}
