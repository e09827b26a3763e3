//! Which TLS is spoken: what each policy offers and what it refuses, as openssl and rustls find out.

use std::{net::SocketAddr, path::Path, sync::Arc};

use dialgate::{app, config::Environment};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{net::TcpStream, process::Command};
use tokio_rustls::TlsConnector;

use super::{NOWHERE, Pki};
use crate::support::{
    Gateway,
    gateway::{rewrite_config, write_config},
    program::{run, stderr, stdout},
};

/// What `openssl s_client` says of a handshake, and whether there was one.
pub(super) async fn shake_hands(address: SocketAddr, arguments: &str) -> (bool, String) {
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-connect", &address.to_string()]);
    let done = run(openssl.args(arguments.split(' '))).await;
    let told = stdout(&done) + &stderr(&done);
    (!told.contains("Cipher is (NONE)") && told.contains("Cipher is "), told)
}

/// The group that rustls agrees on when it could use these.
async fn group(address: SocketAddr, ca: &Path, groups: &[&'static dyn SupportedKxGroup]) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = CryptoProvider { kx_groups: groups.to_vec(), ..aws_lc_rs::default_provider() };
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let group = shaken.ok().and_then(|tls| tls.get_ref().1.negotiated_key_exchange_group());
    group.map_or_else(String::new, |group| format!("{:?}", group.name()))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn each_policy_offers_what_it_says_and_nothing_else() {
    use aws_lc_rs::kx_group::{SECP256R1, SECP256R1MLKEM768, SECP384R1, X25519, X25519MLKEM768};

    let old = "-tls1_1 -cipher DEFAULT@SECLEVEL=0";
    let chacha = "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256";
    let old_chacha = "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305";
    let cbc = "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA";
    let [aes128, aes256] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];
    let old_aes128 = "ECDHE-ECDSA-AES128-GCM-SHA256";
    let all: &[&'static dyn SupportedKxGroup] =
        &[X25519MLKEM768, SECP256R1MLKEM768, X25519, SECP256R1, SECP384R1];
    for (changes, probes, pq, classical) in [
        (
            &[][..],
            &[
                ("-tls1_3", Some(aes128)),
                (chacha, Some("TLS_CHACHA20_POLY1305_SHA256")),
                ("-tls1_2", Some(old_aes128)),
                (old_chacha, Some("ECDHE-ECDSA-CHACHA20-POLY1305")),
                ("-groups P-384", Some(aes128)),
                (cbc, None),
                (old, None),
                ("-groups P-521", None),
            ][..],
            "X25519MLKEM768",
            "X25519",
        ),
        (
            &[("listen.tls.policy", "modern")],
            &[("-tls1_3", Some(aes128)), ("-tls1_2", None), (old, None)],
            "X25519MLKEM768",
            "X25519",
        ),
        (
            &[("listen.tls.policy", "bsi")],
            &[
                ("-tls1_3", Some(aes128)),
                ("-tls1_2", Some(old_aes128)),
                ("-groups P-384", Some(aes128)),
                (chacha, None),
                (old_chacha, None),
                ("-groups X25519", None),
                (cbc, None),
                (old, None),
            ],
            "secp256r1MLKEM768",
            "secp256r1",
        ),
        (
            &[
                ("listen.tls.min_version", "\"1.3\""),
                ("listen.tls.cipher_suites", "[TLS_AES_256_GCM_SHA384]"),
                ("listen.tls.groups", "[secp384r1, SecP256r1MLKEM768]"),
            ],
            &[
                ("-tls1_3", Some(aes256)),
                ("-tls1_2", None),
                ("-ciphersuites TLS_AES_128_GCM_SHA256", None),
                ("-groups P-256", None),
            ],
            // Of groups the client's order counts.
            "secp256r1MLKEM768",
            "secp384r1",
        ),
    ] {
        let gateway = Gateway::start_unready(changes).await;
        for (arguments, expected) in probes {
            let (is_agreed, told) = shake_hands(gateway.address, arguments).await;
            assert_eq!(is_agreed, expected.is_some(), "{changes:?} {arguments}: {told}");
            let cipher = format!("Cipher is {}", expected.unwrap_or("(NONE)"));
            assert!(told.contains(&cipher), "{changes:?} {arguments}: {told}");
        }
        let ca = gateway.ca();
        assert_eq!(group(gateway.address, &ca, all).await, pq, "{changes:?}");
        let without = all.get(2..).unwrap();
        assert_eq!(group(gateway.address, &ca, without).await, classical, "{changes:?}");
    }
}

#[tokio::test]
async fn an_offer_that_nobody_could_take_is_a_finding() {
    let pki = Pki::new().await;
    pki.leaf("rsa", "rsa:2048", super::SAN, "-days 90").await;
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), NOWHERE, &[]);
    let rsa = ["rsa.pem", "rsa.key"].map(|name| pki.path(name).display().to_string());
    let [certificate, key] = [("listen.tls.certificate", &*rsa[0]), ("listen.tls.key", &*rsa[1])];
    for (changes, expected) in [
        (
            &[("listen.tls.cipher_suites", "[TLS_AES_128_GCM_SHA265]")][..],
            "did you mean `TLS_AES_128_GCM_SHA256`?",
        ),
        (&[("listen.tls.groups", "[secp265r1]")], "did you mean `secp256r1`?"),
        (&[("listen.tls.policy", "moderne")], "did you mean `modern`?"),
        (
            &[("listen.tls.cipher_suites", "[TLS_AES_128_GCM_SHA256]")],
            "listen.tls.cipher_suites: has none for TLS 1.2, which is spoken",
        ),
        (
            &[
                ("listen.tls.policy", "modern"),
                ("listen.tls.cipher_suites", "[TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"),
            ],
            "listen.tls.cipher_suites[0]: is for TLS 1.2, which is not spoken",
        ),
        (
            &[("listen.tls.cipher_suites", "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]")],
            "listen.tls.cipher_suites: has none for TLS 1.3",
        ),
        (
            &[(
                "listen.tls.cipher_suites",
                "[TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            )],
            "listen.tls.cipher_suites: has none for TLS 1.2 that the certificates' keys can be used with; \
             add one of ECDHE_ECDSA",
        ),
        (
            &[("listen.tls.groups", "[X25519MLKEM768]")],
            "listen.tls.groups: has none for TLS 1.2, which is spoken",
        ),
        (&[("listen.tls.groups", "[]")], "listen.tls.groups: is empty"),
        (
            &[("listen.tls.groups", "[x25519, x25519]")],
            "listen.tls.groups[1]: is in the list already",
        ),
        (
            &[("listen.tls.policy", "bsi"), certificate, key],
            "is RSA with 2048 bits; the policy wants 3000",
        ),
        (
            &[(
                "admin.tls",
                "{ certificate: server.pem, key: server-key.pem, policy: modern, min_version: \"1.2\", \
                 groups: [SecP256r1MLKEM768] }",
            )],
            "admin.tls.groups: has none for TLS 1.2",
        ),
    ] {
        let file = rewrite_config(folder.path(), NOWHERE, changes);
        let findings = app::load(&file, &Environment::process()).unwrap_err().to_string();
        assert!(findings.contains(expected), "{changes:?}: {findings}");
    }
}
