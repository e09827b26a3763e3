//! Our certificate: what curl and Java say to each set-up, and that `dialgate check` says the same.

use std::fs;

use dialgate::{
    app::{self, App},
    config::Environment,
};
use tokio::process::Command;

use super::{EC, NOWHERE, Pki, SAN};
use crate::support::{
    cap::folder,
    gateway::{CLIENT_PASSWORD, write_config},
    program::{dialgate, run, stderr, stdout},
};

/// One way to set our certificate up.
struct SetUp {
    name: &'static str,
    certificate: String,
    /// The file with the key.
    key: &'static str,
    trust: &'static str,
    /// What Java says to it, and `dialgate check --trust`.
    is_accepted: bool,
    /// Whether curl says the same. It looks at a common name where there is no other.
    by_curl_too: bool,
}

fn set_up(name: &'static str, certificate: String, key: &'static str) -> SetUp {
    SetUp { name, certificate, key, trust: "root.pem", is_accepted: true, by_curl_too: true }
}

/// What curl, Java and `dialgate check --trust` say to a set-up; all must say what it expects.
async fn asked(pki: &Pki, set_up: &SetUp) {
    let home = tempfile::tempdir().unwrap();
    let file = write_config(home.path(), NOWHERE, &[]);
    fs::write(home.path().join("server.pem"), &set_up.certificate).unwrap();
    fs::copy(pki.path(set_up.key), home.path().join("server-key.pem")).unwrap();
    let config = app::load(&file, &Environment::process())
        .unwrap_or_else(|findings| panic!("{}: {findings}", set_up.name));
    let app = App::new(config).unwrap();
    let url = format!("https://{}/onClickToDial", app.address());
    let _serving = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(app.serve()));

    let checked = run(dialgate()
        .args(["check", "--trust"])
        .arg(pki.path(set_up.trust))
        .arg("--config")
        .arg(&file))
    .await;
    let told = stdout(&checked);
    let line = told.lines().find(|line| line.contains("127.0.0.1: who trusts")).unwrap_or_default();
    assert_eq!(line.starts_with("OK"), set_up.is_accepted, "{}: {told}", set_up.name);

    let question = format!("{url}?SAPBusinessPartnerID=1&SAPPhoneNumber=4989461495000");
    let curl = run(Command::new("curl")
        .args(["-sS", "--cacert"])
        .arg(pki.path(set_up.trust))
        .args(["-u", &format!("jtel:{CLIENT_PASSWORD}"), &question]))
    .await;
    if set_up.by_curl_too {
        let is_answered = curl.status.success();
        assert_eq!(is_answered, set_up.is_accepted, "{}: curl {}", set_up.name, stderr(&curl));
    }
    let java = run(Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(folder("DIALGATE_TEST_JAVA_CLASSES"))
        .args(["Jtel", &url])
        .arg(pki.path(set_up.trust))
        .args(["jtel", CLIENT_PASSWORD, "1.1", "1", "1:4989461495000"]))
    .await;
    assert_eq!(
        java.status.success(),
        set_up.is_accepted,
        "{}: java {}",
        set_up.name,
        stdout(&java)
    );
}

#[tokio::test]
async fn chains_are_accepted_by_java_and_curl_as_check_says() {
    let pki = Pki::new().await;
    pki.leaf("leaf", EC, SAN, "-days 90").await;
    let leaf = || pki.read("leaf.pem");

    for set_up in [
        set_up("leaf and intermediate", pki.joined(&["leaf.pem", "inter.pem"]), "leaf.key"),
        set_up("with the root", pki.joined(&["leaf.pem", "inter.pem", "root.pem"]), "leaf.key"),
        set_up("in another order", pki.joined(&["leaf.pem", "root.pem", "inter.pem"]), "leaf.key"),
        SetUp { is_accepted: false, ..set_up("leaf alone", leaf(), "leaf.key") },
        SetUp { trust: "inter.pem", ..set_up("leaf of what is trusted", leaf(), "leaf.key") },
        SetUp { trust: "leaf.pem", ..set_up("the leaf itself is trusted", leaf(), "leaf.key") },
        SetUp {
            trust: "other.pem",
            is_accepted: false,
            ..set_up("another root", pki.joined(&["leaf.pem", "inter.pem"]), "leaf.key")
        },
    ] {
        if set_up.trust == "other.pem" {
            pki.openssl("req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=Other -keyout other.key -out other.pem").await;
        }
        asked(&pki, &set_up).await;
    }
}

#[tokio::test]
async fn files_are_read_as_editors_and_tools_leave_them() {
    let pki = Pki::new().await;
    pki.leaf("leaf", EC, SAN, "-days 90").await;
    pki.leaf("rsa", "rsa:2048", SAN, "-days 90").await;
    pki.openssl("rsa -in rsa.key -traditional -out pkcs1.key").await;
    pki.openssl("ec -in leaf.key -out sec1.key").await;
    let text = pki.openssl("x509 -in leaf.pem -text").await;
    let chain = pki.joined(&["leaf.pem", "inter.pem"]);

    for set_up in [
        set_up("byte order mark", format!("\u{feff}{chain}"), "leaf.key"),
        set_up("line ends of Windows", chain.replace('\n', "\r\n"), "leaf.key"),
        set_up("text of openssl", format!("{text}\n{}", pki.read("inter.pem")), "leaf.key"),
        set_up("RSA, PKCS #1", pki.joined(&["rsa.pem", "inter.pem"]), "pkcs1.key"),
        set_up("RSA, PKCS #8", pki.joined(&["rsa.pem", "inter.pem"]), "rsa.key"),
        set_up("EC, SEC 1", chain.clone(), "sec1.key"),
    ] {
        asked(&pki, &set_up).await;
    }
}

#[tokio::test]
async fn certificates_that_no_client_accepts_are_told_by_check() {
    let pki = Pki::new().await;
    pki.leaf("other", EC, "subjectAltName=IP:127.0.0.2,IP:127.0.0.1\n", "-days 90").await;
    pki.leaf("client", EC, &format!("{SAN}extendedKeyUsage=clientAuth\n"), "-days 90").await;
    pki.ended_leaf().await;
    pki.openssl("req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout self.key -out self.pem").await;
    let with_chain = |name: &str| pki.joined(&[name, "inter.pem"]);

    for set_up in [
        set_up("one of several names", with_chain("other.pem"), "other.key"),
        SetUp {
            is_accepted: false,
            ..set_up("for clients only", with_chain("client.pem"), "client.key")
        },
        SetUp { is_accepted: false, ..set_up("ended", with_chain("ended.pem"), "ended.key") },
        SetUp {
            trust: "self.pem",
            ..set_up("signs itself, trusted", pki.read("self.pem"), "self.key")
        },
        SetUp { is_accepted: false, ..set_up("signs itself", pki.read("self.pem"), "self.key") },
    ] {
        asked(&pki, &set_up).await;
    }
    pki.openssl("req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=localhost -keyout bare.key -out bare.pem").await;
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), NOWHERE, &[]);
    fs::copy(pki.path("bare.pem"), folder.path().join("server.pem")).unwrap();
    fs::copy(pki.path("bare.key"), folder.path().join("server-key.pem")).unwrap();
    let checked =
        run(dialgate().args(["check", "--trust"]).arg(pki.path("bare.pem")).arg("-c").arg(file))
            .await;
    assert!(stdout(&checked).contains("FAIL  the certificate has no name"), "{}", stdout(&checked));
}

#[tokio::test]
async fn a_chain_that_stops_short_is_told_without_knowing_what_jtel_trusts() {
    let pki = Pki::new().await;
    pki.leaf("leaf", EC, SAN, "-days 90").await;
    for (certificate, line) in [
        (pki.read("leaf.pem"), "WARN  chain of 1, signed by CN=Intermediate, which is neither"),
        (pki.joined(&["leaf.pem", "inter.pem"]), "WARN  chain of 2, signed by CN=Root"),
        (pki.joined(&["leaf.pem", "inter.pem", "root.pem"]), "OK    chain of 3, up to CN=Root"),
        (pki.joined(&["leaf.pem", "root.pem", "inter.pem"]), "WARN  chain of 3: certificate 1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = write_config(folder.path(), NOWHERE, &[]);
        fs::write(folder.path().join("server.pem"), certificate).unwrap();
        fs::copy(pki.path("leaf.key"), folder.path().join("server-key.pem")).unwrap();

        let checked = run(dialgate().args(["check", "--config"]).arg(file)).await;

        assert!(stdout(&checked).contains(line), "{line}: {}", stdout(&checked));
        assert!(checked.status.success());
    }
}

#[tokio::test]
async fn a_key_that_everybody_can_read_is_a_finding() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), NOWHERE, &[]);
    for (mode, is_found) in
        [(0o600, false), (0o640, false), (0o400, false), (0o644, true), (0o604, true)]
    {
        let key = folder.path().join("server-key.pem");
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();

        let checked = run(dialgate().args(["check", "--config"]).arg(&file)).await;

        let told = stderr(&checked);
        let finding =
            format!("can be read by everybody on this machine (mode {mode:03o}); run `chmod o= ");
        assert_eq!(told.contains(&finding), is_found, "{mode:o}: {told}");
        assert_eq!(checked.status.code(), Some(if is_found { 2 } else { 0 }), "{mode:o}");
    }
}

#[tokio::test]
async fn java_and_curl_accept_what_certs_dev_makes() {
    let pki = Pki::new().await;
    let done = run(dialgate().args(["certs", "dev", "--out"]).arg(pki.path(""))).await;
    assert!(done.status.success(), "{}", stderr(&done));

    let made = set_up("certs dev", pki.read("server.pem"), "server-key.pem");
    asked(&pki, &SetUp { trust: "ca.pem", ..made }).await;
}
