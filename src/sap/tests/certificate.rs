//! A SAP that lets in who has a client certificate, and another name in SAP's certificate.

use std::{path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer, server::WebPkiClientVerifier};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{config::KeyFiles, sap::testing::write_key};

/// A CA that signs servers and clients.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    roots: RootCertStore,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.distinguished_name.push(DnType::CommonName, "a CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = ca.self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        Self { pem: certificate.pem(), issuer: Issuer::new(ca, key), roots }
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (leaf.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Writes a client's certificate and key into `folder`.
    fn write_client(&self, folder: &Path) -> KeyFiles {
        let (certificate, key) = self.sign("dialgate");
        let files =
            KeyFiles { certificate: folder.join("client.pem"), key: folder.join("client-key.pem") };
        write_key(&files.key, &key.serialize_pem());
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        files
    }
}

/// TLS in front of the simulator for those with a certificate of `authority`.
async fn guarded(simulator: &Simulator, authority: &Authority) -> u16 {
    let (certificate, key) = authority.sign("localhost");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(
        Arc::new(authority.roots.clone()),
        Arc::clone(&provider),
    );
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = simulator.local_address();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            tokio::spawn(async move {
                let mut plain = TcpStream::connect(behind).await.unwrap();
                let _ended = copy_bidirectional(&mut tls, &mut plain).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_client_certificate_is_the_login_and_is_read_again_when_it_changes() {
    let simulator = Simulator::start(SimulatorOptions {
        address: ([127, 0, 0, 1], 0).into(),
        user: "nobody".to_owned(),
        password: None,
        delay: Duration::ZERO,
    })
    .await
    .unwrap();
    let (ours, others) = (Authority::new(), Authority::new());
    let port = guarded(&simulator, &ours).await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &ours.pem).unwrap();
    let files = others.write_client(folder.path());
    // By address: the name in the certificate is told apart from it.
    let sap = Sap {
        ca_file: Some(ca_file),
        server_name: Some("localhost".to_owned()),
        login: Login::Certificate(files.clone()),
        ..sap(&format!("https://127.0.0.1:{port}"))
    };
    let (client, _) = client(&sap);
    let refused = look_up(&client, "1001910").await;
    assert!(["cut", "connect"].contains(&refused.as_str()), "{refused}");

    // Half of a change does not count.
    std::fs::write(&files.certificate, "half written").unwrap();
    client.reread_secrets();
    let refused = look_up(&client, "1001910").await;
    assert!(["cut", "connect"].contains(&refused.as_str()), "{refused}");
    ours.write_client(folder.path());
    client.reread_secrets();

    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
}
