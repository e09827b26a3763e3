//! A certificate authority and a server certificate, made for the test run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use crate::config::{Tls, TlsOffer, TlsPolicy, TlsVersion};
use crate::net::tls::{ServerTls, server_config};

/// A CA, also as `ca.pem`, and files of a leaf for `localhost` and 127.0.0.1.
pub(in crate::net) struct Pki {
    pub(in crate::net) directory: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(in crate::net) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "dialgate test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let pki = Self { directory: TempDir::new().unwrap(), issuer };
        fs::write(pki.file("ca.pem"), pki.issuer.pem()).unwrap();
        pki.write_leaf("leaf", "gate.example");
        pki
    }

    /// The one that all tests share which do not change it.
    pub(in crate::net) fn shared() -> &'static Self {
        static SHARED: OnceLock<Pki> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// Writes `NAME.pem` and `NAME.key` of a new leaf.
    pub(in crate::net) fn write_leaf(&self, name: &str, common_name: &str) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{name}.pem")), leaf.pem()).unwrap();
        let key_file = self.file(&format!("{name}.key"));
        fs::write(&key_file, key.serialize_pem()).unwrap();
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(in crate::net) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(in crate::net) fn server(&self, min_version: TlsVersion) -> ServerTls {
        let policy = match min_version {
            TlsVersion::V1_2 => TlsPolicy::Intermediate,
            TlsVersion::V1_3 => TlsPolicy::Modern,
        };
        let tls = Tls::with(&self.file("leaf.pem"), &self.file("leaf.key"));
        server_config(&Tls { offer: TlsOffer::from(policy), ..tls }).unwrap()
    }

    /// A client that trusts this CA and offers `alpn`.
    pub(in crate::net) fn client(&self, alpn: &[&str]) -> ClientConfig {
        self.client_speaking(alpn, rustls::ALL_VERSIONS)
    }

    pub(in crate::net) fn client_speaking(
        &self,
        alpn: &[&str],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}
