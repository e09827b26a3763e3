//! Which of several certificates is shown, and with what.

use tokio::process::Command;

use super::{EC, Pki, SAN, offer::shake_hands};
use crate::support::{
    Gateway, eventually,
    program::{run, stderr, stdout},
    value_of,
};

fn host(name: &str) -> String {
    format!("subjectAltName=DNS:{name}\n")
}

/// The text of a certificate's file is in what openssl prints.
fn is_shown(pki: &Pki, name: &str, told: &str) -> bool {
    told.contains(pki.read(name).trim())
}

#[tokio::test]
async fn the_certificate_is_the_one_for_the_name_and_the_signatures_that_a_client_can_check() {
    let pki = Pki::new().await;
    pki.leaf("ecdsa", EC, SAN, "-days 90").await;
    pki.leaf("rsa", "rsa:2048", SAN, "-days 60").await;
    pki.leaf("calls", EC, &host("calls.example"), "-days 90").await;
    pki.leaf("wild", EC, &host("*.example"), "-days 90").await;
    let path = |name: &str| pki.path(name).display().to_string();
    let more = ["rsa", "calls", "wild"].map(|name| {
        let [certificate, key] = [format!("{name}.pem"), format!("{name}.key")];
        format!("{{ certificate: {}, key: {} }}", path(&certificate), path(&key))
    });
    let gateway = Gateway::start_unready(&[
        ("listen.tls.certificate", &path("ecdsa.pem")),
        ("listen.tls.key", &path("ecdsa.key")),
        ("listen.tls.more", &format!("[{}]", more.join(", "))),
    ])
    .await;

    for (arguments, shown) in [
        ("-servername localhost", "ecdsa"),
        ("-servername localhost -sigalgs RSA-PSS+SHA256", "rsa"),
        ("-servername localhost -tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", "rsa"),
        ("-servername localhost -tls1_2", "ecdsa"),
        ("-servername calls.example", "calls"),
        ("-servername CALLS.example", "calls"),
        ("-servername other.example", "wild"),
        ("-servername a.b.example", "ecdsa"),
        ("-noservername", "ecdsa"),
        ("-noservername -sigalgs RSA-PSS+SHA256", "rsa"),
    ] {
        let (is_agreed, told) = shake_hands(gateway.address, arguments).await;
        assert!(is_agreed, "{arguments}: {told}");
        assert!(is_shown(&pki, &format!("{shown}.pem"), &told), "{arguments}: {told}");
    }
    // Who asks for a name wants a certificate for it, and gets none that is for another.
    let (_, told) =
        shake_hands(gateway.address, "-servername calls.example -sigalgs RSA-PSS+SHA256").await;
    assert!(told.contains("no peer certificate available"), "{told}");
    assert!(told.contains("alert handshake failure"), "{told}");
    let metrics = gateway.metrics().await;
    let ends = |index| {
        let name = "dialgate_tls_certificate_expiry_timestamp_seconds";
        value_of(&metrics, &format!("{name}{{index=\"{index}\",role=\"server\"}}"))
    };
    assert!(ends(1) < ends(0) && ends(1) > 0 && ends(3) >= ends(0));
    let first = "dialgate_certificate_expiry_timestamp_seconds{role=\"server\"}";
    assert_eq!(value_of(&metrics, first), ends(1));
}

#[tokio::test]
async fn with_strict_names_who_asks_for_another_name_or_none_is_refused() {
    let gateway = Gateway::start_unready(&[("listen.tls.strict_names", "true")]).await;

    let (is_agreed, told) = shake_hands(gateway.address, "-servername localhost").await;
    assert!(is_agreed, "{told}");
    for arguments in ["-noservername", "-servername other.example", "-noservername -tls1_2"] {
        let (is_agreed, told) = shake_hands(gateway.address, arguments).await;

        assert!(!is_agreed, "{arguments}: {told}");
        assert!(told.contains("alert number 112"), "{arguments}: {told}");
    }
}

/// Writes `leaf.ocsp`: what the CA says of the leaf, for so many minutes. `word`: `V` valid, `R` revoked.
async fn answer(pki: &Pki, leaf: &str, word: &str, minutes: u32) {
    let serial = pki.openssl(&format!("x509 -in {leaf}.pem -noout -serial")).await;
    let serial = serial.trim().trim_start_matches("serial=");
    let revoked = if word == "R" { "260101000000Z" } else { "" };
    let line = format!("{word}\t400101000000Z\t{revoked}\t{serial}\tunknown\t/CN=localhost\n");
    pki.write("ocsp-index.txt", &line);
    pki.openssl(&format!(
        "ocsp -index ocsp-index.txt -CA inter.pem -rsigner inter.pem -rkey inter.key -issuer inter.pem \
         -cert {leaf}.pem -no_nonce -nmin {minutes} -respout new.ocsp"
    ))
    .await;
    std::fs::rename(pki.path("new.ocsp"), pki.path("leaf.ocsp")).unwrap();
}

/// Has `leaf.ocsp` be of long ago; the signature is nothing that we, or this test, look at.
fn end_answer(pki: &Pki) {
    let mut der = std::fs::read(pki.path("leaf.ocsp")).unwrap();
    let times: Vec<_> = (0..der.len()).filter(|at| der[*at..].starts_with(b"\x18\x0f20")).collect();
    for at in times {
        der[at + 4..at + 6].copy_from_slice(b"20");
    }
    std::fs::write(pki.path("new.ocsp"), der).unwrap();
    std::fs::rename(pki.path("new.ocsp"), pki.path("leaf.ocsp")).unwrap();
}

#[tokio::test]
async fn the_word_of_the_ca_is_shown_with_the_certificate_until_it_ends() {
    let pki = Pki::new().await;
    pki.leaf("leaf", EC, SAN, "-days 90").await;
    pki.leaf("other", EC, SAN, "-days 90").await;
    answer(&pki, "leaf", "V", 60).await;
    let path = |name: &str| pki.path(name).display().to_string();
    let gateway = Gateway::start_unready(&[
        ("listen.tls.certificate", &path("leaf.pem")),
        ("listen.tls.key", &path("leaf.key")),
        ("listen.tls.ocsp", &path("leaf.ocsp")),
    ])
    .await;
    let is_stapled = || async {
        let (_, told) = shake_hands(gateway.address, "-status").await;
        told.contains("OCSP Response Status: successful")
    };
    let left = || async {
        let metrics = gateway.metrics().await;
        let name = "dialgate_tls_ocsp_next_update_timestamp_seconds";
        let now = value_of(&metrics, "dialgate_config_loaded_timestamp_seconds");
        value_of(&metrics, &format!("{name}{{index=\"0\",role=\"server\"}}")) - now
    };
    assert!(is_stapled().await);
    assert!((3000..=3600).contains(&left().await));

    // One that has ended counts as none, and one that is new at once.
    answer(&pki, "leaf", "R", 60).await;
    eventually("what says that it is revoked is not shown", || async { !is_stapled().await }).await;
    answer(&pki, "leaf", "V", 120).await;
    eventually("the new answer is shown", || async { is_stapled().await }).await;
    assert!(left().await > 3700);
    end_answer(&pki);
    eventually("what has ended is not shown", || async { !is_stapled().await }).await;
    let (_, status) = gateway.admin("/status.json").await;
    assert!(status.contains("the OCSP answer shown with our certificate has ended"), "{status}");

    // What is about another certificate is a finding, and nothing changes.
    answer(&pki, "leaf", "V", 60).await;
    eventually("it is shown again", || async { is_stapled().await }).await;
    answer(&pki, "other", "V", 60).await;
    eventually("the finding is told", || async {
        gateway.admin("/status.json").await.1.contains("is about another certificate")
    })
    .await;
    assert!(is_stapled().await);
}

#[tokio::test]
async fn what_everybody_could_exchange_is_a_finding() {
    use std::{fs, os::unix::fs::PermissionsExt};

    let folder = tempfile::tempdir().unwrap();
    let config = crate::support::gateway::write_config(folder.path(), super::NOWHERE, &[]);
    let set = |name: &str, mode: u32| {
        let file = folder.path().join(name);
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    };
    let checked = async || {
        let file = config.display().to_string();
        let done =
            run(Command::new(env!("CARGO_BIN_EXE_dialgate")).args(["check", "--config", &file]))
                .await;
        (done.status.success(), stdout(&done) + &stderr(&done))
    };
    for (name, mode, before, key) in [
        ("server-key.pem", 0o602, 0o600, "listen.tls.key"),
        ("server-key.pem", 0o622, 0o600, "listen.tls.key"),
        ("server.pem", 0o646, 0o644, "listen.tls.certificate"),
        ("sap-password", 0o602, 0o600, "sap.login.basic.password.file"),
        ("", 0o777, 0o700, "listen.tls.certificate"),
        ("", 0o777, 0o700, "sap.login.basic.password.file"),
    ] {
        set(name, mode);
        let (is_fine, told) = checked().await;
        set(name, before);

        assert!(!is_fine, "{name} {mode:o}: {told}");
        let told = told.replace('\n', " ");
        assert!(
            told.contains(key) && told.contains("can be changed by everybody on this machine"),
            "{name} {mode:o}: {told}"
        );
    }
    // As /tmp is: who has no part in a file cannot exchange it.
    set("", 0o1777);
    assert!(checked().await.0);
}
