//! Tools that were written to find something: what they find here is nothing.
//!
//! Each is asked about the policies of `POLICIES`; a row more asks all of them about it.

use std::{fs, path::PathBuf, process::Output, time::Duration};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tokio::{
    process::Command,
    time::{interval, timeout},
};

use super::{OTHERS, SOON, attacked, closed};
use crate::support::{Process, gateway::write_key, program::stdout};

/// A way to speak TLS, and what is to be found of it.
struct Policy {
    /// Keys of the configuration.
    changes: &'static [(&'static str, &'static str)],
    /// Mozilla's name of it, which sslyze knows.
    mozilla: &'static str,
    versions: &'static [&'static str],
}

const POLICIES: [Policy; 2] = [
    Policy { changes: &[], mozilla: "intermediate", versions: &["TLSv1.2", "TLSv1.3"] },
    Policy {
        changes: &[("listen.tls.policy", "modern")],
        mozilla: "modern",
        versions: &["TLSv1.3"],
    },
];

/// A gateway whose certificate is valid for as long as Mozilla wants it to be.
async fn with_policy(policy: &Policy) -> Process {
    let (process, sap) = attacked(policy.changes).await;
    drop(sap);
    let folder = process.folder.path();
    let day = |days: i64| {
        let date = Timestamp::now().to_zoned(TimeZone::UTC).date() + days.days();
        let part = |part: i8| u8::try_from(part).unwrap();
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "dialgate audit CA");
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    (ca.not_before, ca.not_after) = (day(-1), day(80));
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let mut leaf =
        CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned).to_vec()).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    (leaf.not_before, leaf.not_after) = (day(-1), day(80));
    let key = KeyPair::generate().unwrap();
    let pem = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap().pem();
    fs::write(folder.join("audit-ca.pem"), ca_pem).unwrap();
    write_key(&folder.join("audit-key.pem"), &key.serialize_pem());
    fs::write(folder.join("audit.pem"), pem).unwrap();
    let new = [("listen.tls.certificate", "audit.pem"), ("listen.tls.key", "audit-key.pem")];
    let changes: Vec<_> = policy.changes.iter().chain(&new).copied().collect();
    process.rewrite(&changes);
    let reloaded = process.admin(http::Method::POST, "/reload").await;
    assert_eq!(reloaded.0, 200, "{}", reloaded.1);
    process
}

async fn runs(command: &mut Command) -> Output {
    let ran = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output();
    let ran = timeout(Duration::from_secs(100), ran).await.expect("a tool ends");
    ran.unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"))
}

#[tokio::test]
async fn sslyze_finds_mozillas_policy_kept_and_no_vulnerability() {
    let folder = std::env::var("DIALGATE_TEST_SSLYZE");
    let sslyze = PathBuf::from(folder.expect("start the tests by tests/run")).join("bin/sslyze");
    for policy in &POLICIES {
        let process = with_policy(policy).await;
        let report = process.folder.path().join("sslyze.json");

        let ran = runs(
            Command::new(&sslyze)
                .arg("--certinfo_ca_file")
                .arg(process.folder.path().join("audit-ca.pem"))
                .args([
                    &format!("--mozilla_config={}", policy.mozilla),
                    "--early_data",
                    "--resum",
                    &format!("--json_out={}", report.display()),
                    &format!("localhost:{}", process.address.port()),
                ]),
        )
        .await;

        let said = stdout(&ran);
        assert!(said.contains("OK - Compliant"), "{}: {said}", policy.mozilla);
        let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
        let results = &report["server_scan_results"][0]["scan_result"];
        for (scan, finding, expected) in [
            ("heartbleed", "is_vulnerable_to_heartbleed", false),
            ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", false),
            ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos", false),
            ("tls_compression", "supports_compression", false),
            ("tls_1_3_early_data", "supports_early_data", false),
            ("ssl_2_0_cipher_suites", "is_tls_version_supported", false),
            ("ssl_3_0_cipher_suites", "is_tls_version_supported", false),
            ("tls_1_0_cipher_suites", "is_tls_version_supported", false),
            ("tls_1_1_cipher_suites", "is_tls_version_supported", false),
            (
                "tls_1_2_cipher_suites",
                "is_tls_version_supported",
                policy.versions.contains(&"TLSv1.2"),
            ),
            ("tls_1_3_cipher_suites", "is_tls_version_supported", true),
        ] {
            assert_eq!(results[scan]["result"][finding], expected, "{}: {scan}", policy.mozilla);
        }
    }
}

#[tokio::test]
async fn nmap_grades_every_cipher_suite_a_and_has_no_warning() {
    for policy in &POLICIES {
        let process = with_policy(policy).await;

        let ran = runs(Command::new("nmap").args([
            "--script",
            "ssl-enum-ciphers",
            "-Pn",
            "-p",
            &process.address.port().to_string(),
            "127.0.0.1",
        ]))
        .await;

        let said = stdout(&ran);
        let versions: Vec<_> = said
            .lines()
            .filter_map(|line| line.trim_start_matches(['|', ' ']).strip_suffix(": "))
            .filter(|line| line.starts_with("TLSv") || line.starts_with("SSLv"))
            .collect();
        assert_eq!(versions, policy.versions, "{said}");
        assert!(said.contains("least strength: A\n"), "{said}");
        assert!(
            !said.contains("warnings:") && !said.contains("cipher preference: client"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn testssl_finds_none_of_the_weaknesses_it_knows() {
    let process = with_policy(&POLICIES[0]).await;
    let report = process.folder.path().join("testssl.json");

    let ran = runs(
        Command::new("testssl")
            // Versions, Heartbleed, CCS, Ticketbleed; the rest of its list takes a minute, and is of suites that
            // are not there or of what the others look at as well.
            .args(["--quiet", "--color", "0", "--warnings", "off", "--ip", "one"])
            .args(["-p", "-H", "-I", "-T", "--jsonfile"])
            .arg(&report)
            .arg(process.address.to_string()),
    )
    .await;

    let report = fs::read_to_string(report).unwrap_or_else(|_| panic!("{}", stdout(&ran)));
    let findings: Vec<Value> = serde_json::from_str(&report).unwrap();
    let told = |id: &str| {
        let finding = findings.iter().find(|finding| finding["id"] == id);
        finding.unwrap_or_else(|| panic!("{id} was not looked at: {report}"))
    };
    for id in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] {
        assert!(told(id)["finding"].as_str().unwrap().contains("not offered"), "{}", told(id));
    }
    for id in ["TLS1_2", "TLS1_3", "heartbleed", "CCS", "ticketbleed"] {
        assert_eq!(told(id)["severity"], "OK", "{}", told(id));
    }
    for finding in &findings {
        let severity = finding["severity"].as_str().unwrap();
        // A WARN is about the tool itself: what its own openssl cannot do.
        assert!(["OK", "INFO", "WARN"].contains(&severity), "{finding}");
    }
}

/// Limits that the tool's connections run into long before its own end.
const LIMITS: [(&str, &str); 4] = [
    ("listen.limits.handshake_timeout", "2s"),
    ("listen.limits.head_timeout", "2s"),
    ("listen.limits.idle_timeout", "2s"),
    ("listen.limits.write_timeout", "2s"),
];

/// Lets the tool open 100 connections in this mode; the mode, and what it said.
async fn slowhttptest(process: &Process, mode: &'static [&'static str]) -> (&'static str, String) {
    let url = format!("https://{}/onClickToDial", process.address);
    let mut command = Command::new("slowhttptest");
    command.args(mode).args(["-c", "100", "-r", "100", "-p", "3", "-u", &url]);
    (mode[0], stdout(&runs(&mut command).await))
}

/// Asks as others do while `attacks` last.
async fn meanwhile<T>(process: &Process, attacks: impl Future<Output = T>) -> T {
    let others = async {
        let mut pace = interval(Duration::from_millis(200));
        loop {
            pace.tick().await;
            let answer = timeout(SOON, process.jtel(false).ask(OTHERS)).await;
            assert_eq!(answer.expect("others are answered soon").outcome(), "200");
        }
    };
    tokio::select! {
        ended = attacks => ended,
        () = others => unreachable!("they go on for ever"),
    }
}

#[tokio::test]
async fn slowhttptest_in_none_of_its_modes_keeps_others_waiting_or_its_connections() {
    let (process, _sap) = attacked(&LIMITS).await;
    // Slow heads (slowloris), slow bodies (R-U-Dead-Yet), overlapping ranges (Apache killer).
    let attacks = async {
        tokio::join!(
            slowhttptest(&process, &["-H", "-i", "1", "-l", "15"]),
            slowhttptest(&process, &["-B", "-i", "1", "-s", "8192", "-l", "15"]),
            slowhttptest(&process, &["-R", "-l", "15"]),
        )
    };

    let (heads, bodies, ranges) = meanwhile(&process, attacks).await;

    for (mode, said) in [heads, bodies, ranges] {
        assert!(said.contains("No open connections left"), "{mode}: {said}");
        assert!(!said.contains("service available:   NO"), "{mode}: {said}");
    }
    assert!(closed(&process, "head_timeout").await >= 100);
}

#[tokio::test]
async fn slowhttptest_that_reads_slowly_keeps_nobody_waiting_and_no_connection() {
    let (process, _sap) = attacked(&LIMITS).await;
    let mode = &["-X", "-k", "10", "-w", "10", "-y", "20", "-n", "1", "-z", "8", "-l", "8"];

    let (_, said) = meanwhile(&process, slowhttptest(&process, mode)).await;

    assert!(!said.contains("service available:   NO"), "{said}");
    // The tool has not read so far by its own end, and says that they are open.
    let ended = closed(&process, "write_timeout").await + closed(&process, "idle_timeout").await;
    assert!(ended >= 100, "{ended}");
}
