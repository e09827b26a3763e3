//! TLS towards SAP, with a certificate authority made for the test.

use std::{path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use super::{super::LookupError, *};
use crate::config::Fingerprint;

/// A CA as PEM, and a server configuration with a certificate for `localhost` from it.
fn authority(name: &str) -> (String, Arc<ServerConfig>) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.distinguished_name.push(DnType::CommonName, name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (ca_pem, Arc::new(config))
}

/// A certificate that signs itself, and a server that shows it.
fn self_signed(name: &str, (from, to): (i32, i32)) -> (Fingerprint, Arc<ServerConfig>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let fingerprint = Fingerprint::of(certificate.der());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (fingerprint, Arc::new(config))
}

/// Speaks TLS in front of the simulator; tells which protocol was agreed on.
async fn in_front_of(
    simulator: &Simulator,
    config: Arc<ServerConfig>,
) -> (u16, mpsc::UnboundedReceiver<Option<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = simulator.local_address();
    let (agreed, protocols) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = TlsAcceptor::from(Arc::clone(&config)).accept(tcp).await else {
                continue;
            };
            agreed.send(tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)).unwrap();
            tokio::spawn(async move {
                let mut plain = TcpStream::connect(behind).await.unwrap();
                let _ended = copy_bidirectional(&mut tls, &mut plain).await;
            });
        }
    });
    (port, protocols)
}

fn trusting(port: u16, ca_file: &Path) -> Sap {
    Sap { ca_file: Some(ca_file.to_owned()), ..sap(&format!("https://localhost:{port}")) }
}

#[tokio::test]
async fn a_sap_with_a_certificate_of_the_ca_file_is_asked_over_http_1() {
    let simulator = simulator().await;
    let (ca, config) = authority("our CA");
    let (port, mut protocols) = in_front_of(&simulator, config).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, ca).unwrap();
    let (client, _) = client(&trusting(port, &file));

    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    assert_eq!(look_up(&client, "1001911").await, "Indirect sales|AT refused");

    assert_eq!(protocols.recv().await.unwrap().unwrap(), b"http/1.1");
    assert!(protocols.try_recv().is_err(), "the second lookup opened a connection of its own");
}

#[tokio::test]
async fn a_sap_with_another_ca_or_name_is_not_trusted() {
    let simulator = simulator().await;
    let (own_ca, config) = authority("our CA");
    let (other_ca, _) = authority("another CA");
    let (port, _protocols) = in_front_of(&simulator, config).await;
    let directory = tempfile::tempdir().unwrap();
    let [own, other] = [("own.pem", own_ca), ("other.pem", other_ca)].map(|(name, pem)| {
        let file = directory.path().join(name);
        std::fs::write(&file, pem).unwrap();
        file
    });
    let by_address = Sap { ca_file: Some(own), ..sap(&format!("https://127.0.0.1:{port}")) };
    for (sap, cause) in [
        (trusting(port, &other), "name it in `sap.ca_file`"),
        (sap(&format!("https://localhost:{port}")), "name it in `sap.ca_file`"),
        (by_address, "write the name it is for in `sap.server_name`"),
    ] {
        let (client, _) = client(&sap);

        let error = client.look_up(id("1001910"), None, Instant::now() + LONG).await.unwrap_err();

        assert!(matches!(error, LookupError::Tls { .. }), "{error:?}");
        assert!(error.to_string().contains(cause), "{error}");
    }
    assert_eq!(simulator.handle().requests(), 0);
}

#[tokio::test]
async fn a_sap_with_a_pinned_certificate_is_trusted_whatever_it_says_and_no_other_is() {
    let simulator = simulator().await;
    let (certificate, config) = self_signed("elsewhere.example", (2020, 2021));
    let (port, mut protocols) = in_front_of(&simulator, config).await;
    let (another, _) = self_signed("localhost", (2020, 4000));
    let pinned = |pins: &[Fingerprint]| Sap {
        pinned_certificates: pins.to_vec(),
        ..sap(&format!("https://127.0.0.1:{port}"))
    };

    let (pinning, _) = client(&pinned(&[another, certificate]));
    assert_eq!(look_up(&pinning, "1001910").await, "Direct sales|DE");
    assert_eq!(protocols.recv().await.unwrap(), None);
    let asked = simulator.handle().requests();
    for (pins, told) in [
        (&[another][..], "not in `sap.pinned_certificates`"),
        (&[Fingerprint::of(b"")], "not in `sap.pinned_certificates`"),
    ] {
        let (other, _) = client(&pinned(pins));
        let error = other.look_up(id("1001910"), None, Instant::now() + LONG).await.unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    assert_eq!(simulator.handle().requests(), asked);
}

#[test]
fn a_ca_file_without_certificates_is_a_problem() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "no certificate here").unwrap();

    let problems = crate::sap::check(&trusting(443, &file));

    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].key, "sap.ca_file");
    assert!(problems[0].message.contains("holds no certificate"), "{problems:?}");
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_by_the_connect_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let limit = Duration::from_millis(200);
    let (client, _) =
        client(&Sap { connect_timeout: limit, ..sap(&format!("https://localhost:{port}")) });
    let started = Instant::now();

    assert_eq!(look_up(&client, "1001910").await, "connect");

    assert!(started.elapsed() < limit + Duration::from_millis(150));
}
