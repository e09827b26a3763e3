//! What the files may be, and what is said of those that may not.

use std::error::Error as _;
use std::fs;

use super::*;
use crate::net::tests::pki::Pki;

fn read(pki: &Pki, certificate: &str, key: &str) -> Result<ServerTls, TlsError> {
    server_config(&Tls::with(&pki.file(certificate), &pki.file(key)))
}

#[test]
fn a_certificate_tells_what_it_is_for() {
    let tls = read(Pki::shared(), "leaf.pem", "leaf.key").unwrap();

    let facts = tls.certificate;
    assert_eq!(facts.subject, "CN=gate.example");
    assert_eq!(facts.san, ["localhost", "127.0.0.1"]);
    assert!(facts.not_before < facts.not_after);
    assert_eq!(facts.fingerprint.len(), 64);
    assert_eq!(tls.config.max_early_data_size, 0);
    assert_eq!(tls.config.alpn_protocols, ["h2", "http/1.1", "http/1.0"].map(Vec::from));
    assert_eq!(
        tls.config.crypto_provider().cipher_suites[0].suite(),
        rustls::CipherSuite::TLS13_AES_128_GCM_SHA256
    );
}

#[test]
fn a_key_of_another_certificate_is_refused_by_both_names() {
    let pki = Pki::new();
    pki.write_leaf("other", "other.example");

    let text = read(&pki, "leaf.pem", "other.key").unwrap_err().to_string();

    assert!(text.contains("leaf.pem") && text.contains("other.key"), "{text}");
    assert!(text.contains("does not belong"), "{text}");
}

#[test]
fn every_wrong_file_is_named_with_what_is_wrong_and_nothing_of_its_content() {
    let pki = Pki::new();
    let key = fs::read_to_string(pki.file("leaf.key")).unwrap();
    let cut = &key[..key.len() / 2];
    let no_base64 = key.replacen('M', "?", 1).replace("PRIVATE?", "PRIVATE KEY");
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked_of_old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                         DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    for (name, text) in [
        ("empty", " \n"),
        ("text", "hello"),
        ("cut", cut),
        ("no_base64", &no_base64),
        ("locked", locked),
        ("locked_of_old", locked_of_old),
    ] {
        fs::write(pki.file(name), text).unwrap();
    }
    fs::write(pki.file("huge"), vec![b'x'; 1024 * 1024 + 1]).unwrap();
    for (certificate, key, about, says) in [
        ("absent", "leaf.key", "absent", "cannot be read"),
        ("leaf.pem", "absent", "absent", "cannot be read"),
        ("empty", "leaf.key", "empty", "is empty"),
        ("leaf.pem", "empty", "empty", "is empty"),
        ("text", "leaf.key", "text", "holds no certificate"),
        ("leaf.key", "leaf.key", "leaf.key", "holds no certificate"),
        ("leaf.pem", "text", "text", "holds no private key"),
        ("leaf.pem", "leaf.pem", "leaf.pem", "holds no private key"),
        ("leaf.pem", "cut", "cut", "an END line is missing"),
        ("leaf.pem", "no_base64", "no_base64", "is damaged"),
        ("leaf.pem", "locked", "locked", "is encrypted"),
        ("leaf.pem", "locked_of_old", "locked_of_old", "is encrypted"),
        ("leaf.pem", "huge", "huge", "is larger than 1 MiB"),
    ] {
        let error = read(&pki, certificate, key).unwrap_err();
        let text = format!("{error} {:?}", error.source().map(ToString::to_string));

        let file = pki.file(about);
        assert!(text.starts_with(&*file.to_string_lossy()) || text.contains(says), "{text}");
        assert!(text.contains(says) && text.contains(about), "{certificate} {key}: {text}");
        let secret = &fs::read_to_string(pki.file("leaf.key")).unwrap()[30..50];
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn all_listeners_share_one_ticket_key() {
    let one = read(Pki::shared(), "leaf.pem", "leaf.key").unwrap();
    let two = read(Pki::shared(), "leaf.pem", "leaf.key").unwrap();

    assert!(one.config.ticketer.enabled());
    assert!(Arc::ptr_eq(&one.config.ticketer, &two.config.ticketer));
}
