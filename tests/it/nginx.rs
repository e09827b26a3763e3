//! A SAP behind an nginx that lets in only who shows a client certificate.

use std::{fs, path::Path};

use dialgate::{
    app::{self, App},
    config::Environment,
};
use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::support::{
    Client,
    cap::{Cap, PASSWORD, USER},
    eventually,
    gateway::{CLIENT_PASSWORD, write_config, write_key},
    nginx::Nginx,
};

/// A CA as `CA.pem` and a certificate signed by it as `NAME.pem` and `NAME-key.pem`.
fn certificates(folder: &Path, ca_name: &str, name: &str) {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, ca_name);
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap().pem();
    fs::write(folder.join(format!("{ca_name}.pem")), ca_pem).unwrap();
    fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
    write_key(&folder.join(format!("{name}-key.pem")), &key.serialize_pem());
}

/// A gateway with this login in front of nginx: jtel's client, and the URL of its readiness.
fn gateway(folder: &Path, nginx: &Nginx, login: &str) -> (Client, String) {
    let changes =
        [("sap.login", login), ("sap.ca_file", "nginx-ca.pem"), ("sap.probe_interval", "100ms")];
    let file = write_config(folder, &nginx.url, &changes);
    let config = app::load(&file, &Environment::process()).unwrap_or_else(|e| panic!("{e}"));
    let app = App::new(config).unwrap();
    let jtel = Client::new(app.address(), "/onClickToDial", &folder.join("ca.pem"), false)
        .with_password("jtel", CLIENT_PASSWORD);
    let ready = format!("http://{}/readyz", app.admin_address());
    tokio::spawn(app.serve());
    (jtel, ready)
}

const LOGIN: &str = "{ certificate: { certificate: sap-client.pem, key: sap-client-key.pem } }";

#[tokio::test]
async fn a_client_certificate_opens_the_way_and_nothing_else_does() {
    let (cap, folder) = (Cap::start().await, tempfile::tempdir().unwrap());
    let folder = folder.path();
    certificates(folder, "nginx-ca", "nginx");
    certificates(folder, "client-ca", "sap-client");
    let nginx = Nginx::start(folder, &cap.url, USER, PASSWORD).await;

    let (jtel, _) = gateway(folder, &nginx, LOGIN);
    assert_eq!(jtel.ask("1001910").await.json()["contractNumber"], "Direct salesDE");
    assert_eq!(jtel.ask("4040404").await.outcome(), "404 partner_unknown");
    let record = || fs::read_to_string(folder.join("access.log")).unwrap_or_default();
    eventually("a record tells the way to SAP", || async { record().lines().count() == 2 }).await;
    for line in record().lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["sap.network.peer.address"], "127.0.0.1");
        assert_eq!(record["sap.tls.protocol.version"], "1.2");
        assert!(record["sap.tls.cipher"].as_str().unwrap().starts_with("TLS_ECDHE_"), "{record}");
        assert_eq!(record["sap.tls.curve"], "X25519");
    }

    let (stranger, ready) = gateway(folder, &nginx, "none");
    assert_eq!(stranger.ask("1001910").await.outcome(), "403 sap_unavailable");
    assert_eq!(stranger.send(http::Method::GET, &ready).await.status, 503);
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused_until_a_good_one_is_put_there() {
    let (cap, folder) = (Cap::start().await, tempfile::tempdir().unwrap());
    let folder = folder.path();
    certificates(folder, "nginx-ca", "nginx");
    certificates(folder, "client-ca", "good");
    certificates(folder, "other-ca", "sap-client");
    let nginx = Nginx::start(folder, &cap.url, USER, PASSWORD).await;
    let (jtel, ready) = gateway(folder, &nginx, LOGIN);
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 sap_unavailable");
    assert_eq!(jtel.send(http::Method::GET, &ready).await.status, 503);

    fs::copy(folder.join("good-key.pem"), folder.join("sap-client-key.pem")).unwrap();
    fs::copy(folder.join("good.pem"), folder.join("sap-client.pem")).unwrap();

    eventually("the new certificate is read", || async {
        jtel.ask("1001910").await.outcome() == "200"
    })
    .await;
}
