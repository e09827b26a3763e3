//! Certificates that clients show: good, revoked, ended, foreign, or none.

use std::{net::SocketAddr, path::Path, sync::Arc};

use dialgate::{app, config::Environment};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};
use tokio_rustls::TlsConnector;

use super::{EC, NOWHERE, Pki, offer::shake_hands};
use crate::support::{
    Gateway, eventually,
    gateway::{CLIENT_PASSWORD, rewrite_config, write_config},
    program::{run, stdout},
    value_of,
};

const CLIENT: &str = "extendedKeyUsage=clientAuth\nsubjectAltName=DNS:jtel.example\n";

/// A CA with clients `good`, `lost` and `ended`, and another CA's `foreign`; nothing is revoked.
async fn clients() -> Pki {
    let pki = Pki::new().await;
    for name in ["good", "lost"] {
        pki.leaf(name, EC, CLIENT, "-days 90").await;
    }
    pki.ended_leaf().await;
    let foreign = Pki::of("Foreign").await;
    foreign.leaf("foreign", EC, CLIENT, "-days 90").await;
    for file in ["foreign.pem", "foreign.key"] {
        std::fs::copy(foreign.path(file), pki.path(file)).unwrap();
    }
    pki.write("cas.pem", &pki.joined(&["inter.pem", "root.pem"]));
    list(&pki, "-crldays 7").await;
    pki
}

/// Writes `ca.crl`, which lasts as `openssl ca` is told.
async fn list(pki: &Pki, lasts: &str) {
    pki.openssl(&format!(
        "ca -gencrl -config ca.cnf -cert inter.pem -keyfile inter.key {lasts} -out new.crl"
    ))
    .await;
    std::fs::rename(pki.path("new.crl"), pki.path("ca.crl")).unwrap();
}

async fn revoke(pki: &Pki, name: &str) {
    pki.openssl(&format!(
        "ca -config ca.cnf -cert inter.pem -keyfile inter.key -revoke {name}.pem"
    ))
    .await;
}

fn section(pki: &Pki, more: &str) -> String {
    let [ca, crl] = ["cas.pem", "ca.crl"].map(|name| pki.path(name).display().to_string());
    format!("{{ ca: {ca}, crls: [{crl}]{more} }}")
}

/// The status that curl gets with this certificate; 000: it was refused.
async fn asked(gateway: &Gateway, pki: &Pki, name: &str) -> String {
    let url = format!(
        "https://{}/onClickToDial?SAPBusinessPartnerID=1001910&SAPPhoneNumber=4989461495000",
        gateway.address
    );
    let login = format!("jtel:{CLIENT_PASSWORD}");
    status(&gateway.ca(), pki, name, &["-u", &login, &url]).await
}

async fn status(ca: &Path, pki: &Pki, name: &str, more: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"]).arg(ca).args(more);
    if !name.is_empty() {
        curl.arg("--cert").arg(pki.path(&format!("{name}.pem")));
        curl.arg("--key").arg(pki.path(&format!("{name}.key")));
    }
    stdout(&run(&mut curl).await)
}

/// The alert that this certificate is refused with. It is waited for without anything being sent: what
/// is sent to a socket that is closed can take the alert with it.
async fn refused(address: SocketAddr, pki: &Pki, name: &str, version: &str) -> String {
    let mut arguments = format!("-ign_eof {version}");
    if !name.is_empty() {
        let [certificate, key] = ["pem", "key"].map(|end| pki.path(&format!("{name}.{end}")));
        let (certificate, key) = (certificate.display(), key.display());
        arguments = format!("{arguments} -cert {certificate} -key {key}");
    }
    let (_, told) = shake_hands(address, &arguments).await;
    let alert = told.lines().find_map(|line| Some(line.split_once(" alert ")?.1.to_owned()));
    alert.unwrap_or_else(|| panic!("{name} {version}: {told}"))
}

#[tokio::test]
async fn a_good_certificate_is_let_in_and_every_other_is_refused_with_its_reason() {
    let pki = clients().await;
    revoke(&pki, "lost").await;
    list(&pki, "-crldays 7").await;
    for (ask, without) in [("", "000"), (", ask: optional", "200")] {
        let gateway = Gateway::start_with(&[("listen.tls.clients", &section(&pki, ask))]).await;
        assert_eq!(asked(&gateway, &pki, "good").await, "200");
        assert_eq!(asked(&gateway, &pki, "").await, without);
        for version in ["-tls1_2", "-tls1_3"] {
            for (name, expected) in [
                ("lost", "certificate revoked"),
                ("ended", "certificate expired"),
                ("foreign", "unknown ca"),
            ] {
                let alert = refused(gateway.address, &pki, name, version).await;
                assert!(alert.starts_with(expected), "{ask} {name} {version}: {alert}");
            }
        }
        if ask.is_empty() {
            let alert = refused(gateway.address, &pki, "", "-tls1_3").await;
            assert!(alert.starts_with("certificate required"), "{alert}");
        }
        let metrics = gateway.metrics().await;
        let name = "dialgate_tls_crl_next_update_timestamp_seconds{index=\"0\",role=\"server\"}";
        let left = value_of(&metrics, name)
            - value_of(&metrics, "dialgate_config_loaded_timestamp_seconds");
        assert!((6 * 86_400..=7 * 86_400).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_certificate_says_which_client_asks_and_another_one_does_not() {
    let pki = clients().await;
    let gateway = Gateway::start_with(&[
        ("listen.tls.clients", &section(&pki, ", ask: optional")),
        ("clients", "[{ name: jtel, certificates: [{ dns: jtel.example }] }]"),
    ])
    .await;
    pki.leaf(
        "other",
        EC,
        "subjectAltName=DNS:other.example\nextendedKeyUsage=clientAuth\n",
        "-days 9",
    )
    .await;
    let url = format!(
        "https://{}/onClickToDial?SAPBusinessPartnerID=1001910&SAPPhoneNumber=4989461495000",
        gateway.address
    );
    let mut told = Vec::new();
    for name in ["good", "other", ""] {
        told.push(status(&gateway.ca(), &pki, name, &[&url]).await);
    }
    // Somebody else's password is no reason to take the certificate for nothing, nor the other way round.
    told.push(asked(&gateway, &pki, "good").await);

    assert_eq!(told, ["200", "403", "403", "403"]);
    let records = gateway.until_records(4).await;
    let first = &records[0];
    assert_eq!((&first["client"], &first["client_by"]), (&"jtel".into(), &"certificate".into()));
    assert_eq!(first["tls.client.alternative_names"][0], "jtel.example");
    assert_eq!(first["tls.client.issuer"], "CN=Intermediate");
    assert!(first["tls.client.hash.sha256"].as_str().is_some_and(|hash| hash.len() == 64));
    assert!(records[1]["client"].is_null() && records[1].get("tls.client.subject").is_some());
    assert!(records[2].get("tls.client.subject").is_none(), "{}", records[2]);
}

#[tokio::test]
async fn clients_with_certificates_that_nobody_is_asked_for_are_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let clients = "[{ name: jtel, certificates: [{ dns: jtel.example }] }]";
    let file = write_config(folder.path(), "http://127.0.0.1:9", &[("clients", clients)]);

    let findings = app::load(&file, &Environment::process()).unwrap_err().to_string();

    assert!(findings.contains("listen.tls.clients"), "{findings}");
}

#[tokio::test]
async fn a_list_that_is_fetched_anew_counts_and_one_that_is_wrong_changes_nothing() {
    let pki = clients().await;
    let gateway = Gateway::start_with(&[("listen.tls.clients", &section(&pki, ""))]).await;
    assert_eq!(asked(&gateway, &pki, "lost").await, "200");

    revoke(&pki, "lost").await;
    list(&pki, "-crldays 7").await;

    eventually("the new list counts", || async { asked(&gateway, &pki, "lost").await == "000" })
        .await;
    assert_eq!(asked(&gateway, &pki, "good").await, "200");

    let list_of_other = Pki::new().await;
    list_of_other.ended_leaf().await;
    list(&list_of_other, "-crldays 7").await;
    for (text, told) in [
        ("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "it is damaged, or not whole"),
        ("nothing", "it needs a section `BEGIN X509 CRL`"),
        (&list_of_other.read("ca.crl"), "is none of the CAs in"),
    ] {
        pki.write("ca.crl", text);
        eventually("the finding is told", || async {
            gateway.admin("/status.json").await.1.contains(told)
        })
        .await;
        assert_eq!(asked(&gateway, &pki, "lost").await, "000");
        assert_eq!(asked(&gateway, &pki, "good").await, "200");
    }
}

#[tokio::test]
async fn a_list_that_has_ended_or_is_missing_refuses_unless_it_is_said_otherwise() {
    let pki = clients().await;
    revoke(&pki, "lost").await;
    list(&pki, "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z").await;
    for (more, good) in [("", "000"), (", crl_expired: accept", "200")] {
        let gateway = Gateway::start_with(&[("listen.tls.clients", &section(&pki, more))]).await;

        let told = asked(&gateway, &pki, "good").await;
        assert_eq!(told, good, "{more}");
        let told = asked(&gateway, &pki, "lost").await;
        assert_eq!(told, "000", "{more}");
        let (_, status) = gateway.admin("/status.json").await;
        assert!(
            status.contains("a revocation list for clients' certificates has ended"),
            "{status}"
        );
    }

    // Another CA of the bundle has no list.
    let other = Pki::of("Other").await;
    other.leaf("other", EC, CLIENT, "-days 90").await;
    for file in ["other.pem", "other.key"] {
        std::fs::copy(other.path(file), pki.path(file)).unwrap();
    }
    pki.write("cas.pem", &(pki.joined(&["inter.pem", "root.pem"]) + &other.read("inter.pem")));
    list(&pki, "-crldays 7").await;
    for (more, expected) in [("", "000"), (", crl_missing: accept", "200")] {
        let gateway = Gateway::start_with(&[("listen.tls.clients", &section(&pki, more))]).await;

        let told = asked(&gateway, &pki, "other").await;
        assert_eq!(told, expected, "{more}");
        let told = asked(&gateway, &pki, "lost").await;
        assert_eq!(told, "000", "{more}");
    }
}

#[tokio::test]
async fn a_revoked_intermediate_is_found_where_its_ca_has_a_list() {
    let pki = clients().await;
    pki.write("chain.pem", &pki.joined(&["good.pem", "inter.pem"]));
    std::fs::copy(pki.path("good.key"), pki.path("chain.key")).unwrap();
    // The root has a database of its own.
    pki.write("root.cnf", &pki.read("ca.cnf").replace("index.txt", "root-index.txt"));
    pki.write("root-index.txt", "");
    pki.write("root-index.txt.attr", "unique_subject = no\n");
    let root = "ca -config root.cnf -cert root.pem -keyfile root.key";
    let root_list = format!("{root} -gencrl -crldays 7 -out root.crl");
    pki.openssl(&root_list).await;
    pki.write("cas.pem", &pki.read("root.pem"));
    pki.write("lists.crl", &pki.joined(&["root.crl"]));
    let [ca, crl] = ["cas.pem", "lists.crl"].map(|name| pki.path(name).display().to_string());
    let section = format!("{{ ca: {ca}, crls: [{crl}], crl_missing: accept }}");
    let gateway = Gateway::start_with(&[("listen.tls.clients", &section)]).await;
    assert_eq!(asked(&gateway, &pki, "chain").await, "200");

    pki.openssl(&format!("{root} -revoke inter.pem")).await;
    pki.openssl(&root_list).await;
    pki.write("lists.crl", &pki.read("root.crl"));

    eventually("the intermediate one is revoked", || async {
        asked(&gateway, &pki, "chain").await == "000"
    })
    .await;
}

/// How a second handshake with the same memory of sessions goes, after an answer to the first.
async fn comes_back(address: SocketAddr, ca: &Path, pki: &Pki, version: usize) -> HandshakeKind {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_file(pki.path("good.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(pki.path("good.key")).unwrap();
    let versions = [&rustls::version::TLS12, &rustls::version::TLS13];
    let config = ClientConfig::builder_with_protocol_versions(&versions[version..=version])
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut kind = None;
    for _ in 0..2 {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = connector.connect(name, stream).await.unwrap();
        tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        let _closed = tls.read_to_end(&mut answer).await;
        assert!(answer.starts_with(b"HTTP/1.1 "));
        kind = tls.get_ref().1.handshake_kind();
    }
    kind.unwrap()
}

#[tokio::test]
async fn who_shows_a_certificate_does_not_come_back_without_showing_it_and_others_do() {
    let pki = clients().await;
    for (changes, expected) in [
        (&[("listen.tls.clients", section(&pki, ""))][..], HandshakeKind::Full),
        (&[("listen.tls.clients", section(&pki, ", ask: optional"))], HandshakeKind::Full),
        (&[("listen.tls.tickets", "false".to_owned())], HandshakeKind::Full),
        (&[], HandshakeKind::Resumed),
    ] {
        let changes: Vec<_> = changes.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let gateway = Gateway::start_unready(&changes).await;
        for version in [0, 1] {
            let kind = comes_back(gateway.address, &gateway.ca(), &pki, version).await;
            assert_eq!(kind, expected, "{changes:?} {version}");
        }
    }
}

#[tokio::test]
async fn operators_certificates_are_looked_up_in_lists_as_well() {
    let pki = clients().await;
    revoke(&pki, "lost").await;
    list(&pki, "-crldays 7").await;
    let [ca, crl] = ["cas.pem", "ca.crl"].map(|name| pki.path(name).display().to_string());
    let pair = "certificate: server.pem, key: server-key.pem";
    let section = format!("{{ {pair}, client_ca: {ca}, crls: [{crl}] }}");
    let gateway = Gateway::start_unready(&[("admin.tls", &section)]).await;
    let url = format!("https://{}/status.json", gateway.admin);

    assert_eq!(status(&gateway.ca(), &pki, "good", &[&url]).await, "200");
    let alert = refused(gateway.admin, &pki, "lost", "-tls1_3").await;
    assert!(alert.starts_with("certificate revoked"), "{alert}");

    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), NOWHERE, &[]);
    let wrong = format!("{{ {pair}, crls: [{crl}] }}");
    let file = rewrite_config(folder.path(), NOWHERE, &[("admin.tls", &wrong)]);
    let findings = app::load(&file, &Environment::process()).unwrap_err().to_string();
    assert!(findings.contains("admin.tls.crls: is of no use without client_ca"), "{findings}");
}
