//! SAP's certificate: pinned, signed by a CA, and wrong in each way.

use std::{fs, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use super::{EC, Pki, SAN};
use crate::support::{
    PATIENCE,
    gateway::write_config,
    program::{dialgate, run, stderr, stdout},
};

/// `openssl s_server` with a certificate; its port.
async fn s_server(pki: &Pki, name: &str) -> (tokio::process::Child, u16) {
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", &format!("{name}.pem")])
        .args(["-key", &format!("{name}.key"), "-cert_chain", "inter.pem"])
        .current_dir(pki.0.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        if let Some(port) = line.strip_prefix("ACCEPT 127.0.0.1:") {
            let port = port.parse().unwrap();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (server, port);
        }
    }
}

/// The line TLS of `check --connect` with SAP at a port.
async fn tls_station(folder: &Path, port: u16, changes: &[(&str, &str)]) -> String {
    let url = format!("https://127.0.0.1:{port}");
    let file = write_config(folder, &url, changes);
    let checked = run(dialgate().args(["check", "--connect", "--config"]).arg(file)).await;
    let told = stdout(&checked) + &stderr(&checked);
    told.lines().find(|line| line.contains("TLS (")).map(str::to_owned).unwrap_or(told)
}

#[tokio::test]
async fn a_sap_that_signs_its_own_certificate_is_trusted_by_its_fingerprint() {
    let pki = Pki::new().await;
    pki.openssl(
        "req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=sap -keyout self.key -out self.pem",
    )
    .await;
    let (_server, port) = s_server(&pki, "self").await;
    let folder = tempfile::tempdir().unwrap();
    fs::copy(pki.path("self.pem"), folder.path().join("sap-ca.pem")).unwrap();
    let fingerprint = pki.openssl("x509 -in self.pem -noout -fingerprint -sha256").await;
    let digits = fingerprint.trim().split('=').nth(1).unwrap().replace(':', "").to_lowercase();

    let untrusted = tls_station(folder.path(), port, &[]).await;
    let as_ca = tls_station(folder.path(), port, &[("sap.ca_file", "sap-ca.pem")]).await;
    let pins = format!("[\"sha256:{digits}\"]");
    let pinned = tls_station(folder.path(), port, &[("sap.pinned_certificates", &pins)]).await;
    let as_printed = format!("[\"{}\"]", fingerprint.trim());
    let by_openssl =
        tls_station(folder.path(), port, &[("sap.pinned_certificates", &as_printed)]).await;
    let other = format!("[\"sha256:{}\"]", "0".repeat(64));
    let mispinned = tls_station(folder.path(), port, &[("sap.pinned_certificates", &other)]).await;

    for line in [&untrusted, &as_ca, &mispinned] {
        assert!(line.starts_with("FAIL"), "{line}");
        let hint = format!("sap.pinned_certificates: [\"sha256:{digits}\"] trusts it");
        assert!(line.contains(&hint), "{line}");
    }
    assert!(as_ca.contains("signs itself, as `openssl req -x509` makes it"), "{as_ca}");
    assert!(mispinned.contains("not in `sap.pinned_certificates`"), "{mispinned}");
    for line in [&pinned, &by_openssl] {
        assert!(line.starts_with("OK") && line.contains(", pinned"), "{line}");
    }
}

#[tokio::test]
async fn a_ca_file_with_a_byte_order_mark_is_read_and_each_fault_has_an_advice() {
    let pki = Pki::new().await;
    pki.leaf("leaf", EC, SAN, "-days 90").await;
    pki.ended_leaf().await;
    pki.leaf("other", EC, "subjectAltName=DNS:other.example\n", "-days 90").await;
    pki.leaf("client", EC, &format!("{SAN}extendedKeyUsage=clientAuth\n"), "-days 90").await;
    let folder = tempfile::tempdir().unwrap();
    let trust = |name: &str| {
        fs::write(folder.path().join("sap-ca.pem"), format!("\u{feff}{}", pki.read(name))).unwrap();
        [("sap.ca_file", "sap-ca.pem")]
    };

    for (certificate, ca, mark, told) in [
        ("leaf", "root.pem", "OK", "TLSv1"),
        ("leaf", "inter.pem", "OK", "TLSv1"),
        ("ended", "inter.pem", "FAIL", "ended on 2020-02-01"),
        ("other", "inter.pem", "FAIL", "`sap.server_name`"),
        ("client", "inter.pem", "FAIL", "extended key usage"),
        ("leaf", "client.pem", "FAIL", "`sap.ca_file`"),
    ] {
        let (_server, port) = s_server(&pki, certificate).await;
        let line = tls_station(folder.path(), port, &trust(ca)).await;
        assert!(line.starts_with(mark) && line.contains(told), "{certificate} {ca}: {line}");
    }
}
