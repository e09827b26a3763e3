//! What is said of which configuration.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{Observation, Severity, of, unused_clients};
use crate::{
    app,
    config::{self, Config, Environment},
    telemetry::audit::Keys,
};

const DAY: i64 = 24 * 60 * 60;

/// The shipped configuration in a folder, with a certificate of its own and some keys changed.
fn in_folder(folder: &Path, edits: &[(&str, &str)]) -> Config {
    let hash = "[\"sha256:4b2c3c9b7e6ad2c9ff6f1dcb5c4e4d87b1c5f1ff7f2b9a6f1e9a6c0f5a0a1b2c\"]";
    let mut all = vec![
        ("clients[0].secrets", hash),
        ("listen.tls.certificate", "server.pem"),
        ("listen.tls.key", "server-key.pem"),
        ("sap.url", "https://sap.example"),
        ("sap.login", "{ basic: { user: GW, password: { env: SAP_PASSWORD } } }"),
    ];
    // What is edited as a whole has no parts to be edited.
    all.retain(|(key, _)| edits.iter().all(|(edited, _)| !key.starts_with(edited)));
    all.extend_from_slice(edits);
    let edits: Vec<_> = all.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    // Shipped as a comment.
    let example = format!("{}\naudit: ~\n", config::EXAMPLE);
    let text = config::edit(&example, &edits).unwrap();
    fs::write(folder.join("config.yaml"), text).unwrap();
    let password = "a-long-password-of-nobody";
    let environment = Environment::of([("SAP_PASSWORD", password)]);
    app::load(&folder.join("config.yaml"), &environment).unwrap_or_else(|e| panic!("{e}"))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["gate.example".to_owned()]).unwrap();
    fs::write(folder.path().join("server.pem"), certified.cert.pem()).unwrap();
    let key = folder.path().join("server-key.pem");
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

/// Those at least so severe, by key.
fn keys(all: &[Observation], least: Severity) -> Vec<&str> {
    all.iter().filter(|one| one.severity >= least).map(|one| one.key.as_str()).collect()
}

fn looked_at(edits: &[(&str, &str)]) -> Vec<Observation> {
    let folder = folder();
    let config = in_folder(folder.path(), edits);
    of(&config, &folder.path().join("config.yaml"), 1_800_000_000)
}

#[test]
fn a_configuration_as_it_is_recommended_has_nothing_severe() {
    assert_eq!(keys(&looked_at(&[]), Severity::Medium), [""; 0]);
}

#[test]
fn what_is_open_weak_or_in_plain_text_is_named_by_its_key() {
    let plain = "listen.plaintext_behind_a_tls_load_balancer";
    let common = "[\"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"]";
    for (edits, key, severity) in [
        (vec![("listen.tls", "~"), (plain, "true")], plain, Severity::High),
        (vec![("clients", "[]"), ("anybody_may_ask", "true")], "anybody_may_ask", Severity::High),
        (vec![("clients[0].secrets", common)], "clients[0]", Severity::High),
        (vec![("sap.url", "http://sap.example"), ("sap.login", "none")], "sap.url", Severity::High),
        (vec![("sap.login", "none")], "sap.login", Severity::Medium),
        (vec![("log.access", "off")], "log.access", Severity::Medium),
        (vec![("log.level", "debug")], "log.level", Severity::Low),
        (
            vec![("traces", "{ otlp: { url: \"http://collector.example/v1/traces\" } }")],
            "traces.otlp.url",
            Severity::Medium,
        ),
    ] {
        let all = looked_at(&edits);

        let found = all.iter().find(|one| one.key == key);
        assert_eq!(found.map(|one| one.severity), Some(severity), "{key}: {all:#?}");
    }
}

#[test]
fn a_certificate_that_ends_soon_has_ended_or_lasts_too_long_is_said() {
    let folder = folder();
    let config = in_folder(folder.path(), &[]);
    let file = folder.path().join("config.yaml");
    // What rcgen makes by default lasts until 4096.
    let ends = crate::net::tls::pem::certificates(&folder.path().join("server.pem"))
        .map(|chain| crate::net::tls::first_end(&chain).unwrap())
        .unwrap();

    for (now, severity, told) in [
        (ends + DAY, Severity::High, "ended on"),
        (ends - 3 * DAY, Severity::Medium, "in 3 days"),
        (ends - 100 * DAY, Severity::Low, "days in all"),
    ] {
        let all = of(&config, &file, now);
        let of_certificate: Vec<_> =
            all.iter().filter(|one| one.key == "listen.tls.certificate").collect();
        let found = of_certificate.iter().find(|one| one.what.contains(told));
        assert_eq!(found.map(|one| one.severity), Some(severity), "{of_certificate:#?}");
    }
}

#[test]
fn files_that_others_can_change_and_keys_that_nobody_uses_are_named() {
    let folder = folder();
    let config = in_folder(folder.path(), &[]);
    let file = folder.path().join("config.yaml");
    let old = folder.path().join("old-key.pem");
    fs::copy(folder.path().join("server-key.pem"), &old).unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();

    let all = of(&config, &file, 1_800_000_000);

    let severe = keys(&all, Severity::Medium);
    for path in [file.as_path(), folder.path(), &old] {
        let path = path.canonicalize().unwrap();
        assert!(
            severe.iter().any(|key| Path::new(key).canonicalize().unwrap() == path),
            "{all:#?}"
        );
    }
    // Nothing of a key is ever told.
    assert!(!format!("{all:?}").contains("BEGIN"), "{all:#?}");
}

#[test]
fn a_snapshot_that_others_can_read_change_or_replace_is_named() {
    let folder = folder();
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o700)).unwrap();
    let key = folder.path().join("memory.key");
    fs::write(&key, "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let edits = [
        ("cache.keys", "[{ file: memory.key }]"),
        ("cache.snapshot", "{ path: kept/memory.snapshot }"),
    ];
    let config = in_folder(folder.path(), &edits);
    let file = kept.join("memory.snapshot");
    fs::write(&file, "").unwrap();
    let severities = |of_file: u32, of_folder: u32| {
        fs::set_permissions(&file, fs::Permissions::from_mode(of_file)).unwrap();
        fs::set_permissions(&kept, fs::Permissions::from_mode(of_folder)).unwrap();
        let all = of(&config, &folder.path().join("config.yaml"), 1_800_000_000);
        let all = all.into_iter().filter(|one| one.key == "cache.snapshot.path");
        all.map(|one| one.severity).collect::<Vec<_>>()
    };

    assert_eq!(severities(0o600, 0o700), []);
    assert_eq!(severities(0o640, 0o700), [Severity::Low]);
    assert_eq!(severities(0o620, 0o700), [Severity::High]);
    assert_eq!(severities(0o600, 0o770), [Severity::Medium]);
}

#[test]
fn a_trail_is_looked_at_with_its_second_place_and_its_folders() {
    let folder = folder();
    let (trail, keys) = (folder.path().join("trail"), folder.path().join("keys"));
    fs::create_dir(&trail).unwrap();
    Keys::make(&keys).unwrap();
    fs::set_permissions(&trail, fs::Permissions::from_mode(0o755)).unwrap();
    let with_trail = |anchors: &str| {
        let audit =
            format!("{{ folder: trail, keys: keys, when_unwritable: refuse, anchors: {anchors} }}");
        let config = in_folder(folder.path(), &[("audit", &audit)]);
        of(&config, &folder.path().join("config.yaml"), 1_800_000_000)
    };

    let alone = with_trail("[]");
    let beside = with_trail("[{ file: trail/anchor }]");

    assert_eq!(keys_of_trail(&alone), ["audit.anchors", "audit.folder"]);
    assert_eq!(keys_of_trail(&beside), ["audit.anchors[0]", "audit.folder"]);
    assert_eq!(keys_of_trail(&with_trail("[{ syslog_udp: \"127.0.0.1:514\" }]")), ["audit.folder"]);
}

fn keys_of_trail(all: &[Observation]) -> Vec<&str> {
    let mut keys = keys(all, Severity::Medium);
    keys.retain(|key| key.starts_with("audit"));
    keys
}

#[test]
fn a_client_that_has_not_come_is_unused() {
    let folder = folder();
    let config = in_folder(folder.path(), &[]);
    let series = |calls: u32| {
        format!("dialgate_client_calls_total{{client=\"jtel\",decision=\"dial\"}} {calls}\n")
    };

    assert_eq!(unused_clients(&config, &series(3)), []);
    assert_eq!(keys(&unused_clients(&config, &series(0)), Severity::Low), ["clients[0]"]);
}
