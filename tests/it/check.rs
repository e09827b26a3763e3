//! `dialgate check`: all findings at once, nothing written, and what a start would need.

use std::{fs, net::TcpListener, os::unix::process::CommandExt as _};

use crate::support::{
    Gateway,
    gateway::write_config,
    program::{dialgate, run, stderr, stdout},
};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A mistake in one section: what is replaced by what, and how its finding begins.
const MISTAKES: [(&str, &str, &str); 21] = [
    ("\n  preset: c4c\n", "\n  preset: c4d\n", "sap.preset: is unknown"),
    ("  max_age: 60s", "  ca_file: none.pem\n  max_age: 60s", "sap.ca_file: "),
    ("language: EN", "language: english", "sap.language: "),
    ("{ file: sap-password }", "{ file: no-password }", "sap.login.basic.password.file: "),
    ("total_timeout: 5s", "total_timeout: 5", "sap.total_timeout: "),
    ("max_answer: 256KiB", "max_answer: 256", "sap.max_answer: "),
    ("    failure_percent: 60", "    failure_percent: 0", "sap.breaker.failure_percent: "),
    ("  probe_interval: 10s", "  probe_intervall: 10s", "sap.probe_intervall: "),
    ("certificate: server.pem", "certificate: none.pem", "listen.tls.certificate: "),
    ("  path: /onClickToDial", "  path: onClickToDial", "listen.path: "),
    ("    headers: 64", "    headers: many", "listen.limits.headers: "),
    ("answers: jtel", "answers: sip", "answers: "),
    ("deadline: 2500ms", "deadline: soon", "deadline: "),
    ("default_country: DE", "default_country: XX", "query.default_country: "),
    ("found_ttl: 1h", "found_ttl: 1hh", "cache.found_ttl: "),
    ("snapshot: ~", "snapshot: { path: /nowhere/memory.snapshot }", "cache.snapshot: needs"),
    ("\"4922147100000\"", "\"+4922147100000\"", "rules.service_numbers[0].service_number: "),
    ("partner_blocked: refuse", "partner_blocked: maybe", "rules.partner_blocked: "),
    ("  level: info", "  levle: info", "log.levle: "),
    ("{ file: access.log }", "{ file: /nowhere/access.log }", "log.access.file: "),
    ("drain_timeout: 10s", "drain_timeout: -1s", "shutdown.drain_timeout: "),
];

#[tokio::test]
async fn mistakes_in_all_sections_are_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), "https://sap.invalid", &[]);
    let mut text = fs::read_to_string(&file).unwrap();
    for (right, wrong, _) in MISTAKES {
        assert!(text.contains(right), "{right}");
        text = text.replacen(right, wrong, 1);
    }
    fs::write(&file, &text).unwrap();

    let output = run(dialgate().args(["check", "--config"]).arg(&file)).await;

    let told = stderr(&output);
    for (.., finding) in MISTAKES {
        let is_told = told
            .lines()
            .any(|line| line.split_once(": ").is_some_and(|(_, rest)| rest.starts_with(finding)));
        assert!(is_told, "no `{finding}` in {told}");
    }
    let count = format!("{} findings; nothing was started", MISTAKES.len());
    assert!(told.trim_end().ends_with(&count), "{told}");
}

#[tokio::test]
async fn a_mistake_hides_no_other_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), "https://sap.invalid", &[]);
    let plain = fs::read_to_string(&file).unwrap();
    // Those of other sections and rooms that a wrong key of the same section could hide.
    for (one, other) in
        [(0, 1), (2, 1), (3, 1), (4, 0), (7, 0), (7, 1), (9, 8), (17, 18), (6, 0), (5, 1)]
    {
        let mut text = plain.clone();
        for (right, wrong, _) in [MISTAKES[one], MISTAKES[other]] {
            text = text.replacen(right, wrong, 1);
        }
        fs::write(&file, &text).unwrap();

        let output = run(dialgate().args(["check", "--config"]).arg(&file)).await;

        let told = stderr(&output);
        for place in [one, other] {
            assert!(told.contains(MISTAKES[place].2), "{one} {other}: {told}");
        }
        assert!(
            told.trim_end().ends_with("2 findings; nothing was started"),
            "{one} {other}: {told}"
        );
    }
}

#[tokio::test]
async fn nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), NOWHERE, &[]);
    let files = || {
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();

    for arguments in [&["check"][..], &["check", "--connect"], &["config", "show"], &["jtel"]] {
        run(dialgate().args(arguments).arg("--config").arg(&file)).await;
        assert_eq!(files(), before, "{arguments:?}");
    }
}

#[tokio::test]
async fn ports_are_looked_at_as_a_start_would() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let file = write_config(folder.path(), NOWHERE, &[("listen.address", &address)]);

    let stranger = run(dialgate().args(["check", "--config"]).arg(&file)).await;

    assert_eq!(stranger.status.code(), Some(1));
    let told = stdout(&stranger);
    assert!(
        told.contains(&format!("FAIL  listen.address: {address} is taken by another")),
        "{told}"
    );
    assert!(told.contains("OK    admin.address: 127.0.0.1:0 is free"), "{told}");

    let gateway = Gateway::start().await;
    let changes = [
        ("listen.address", gateway.address.to_string()),
        ("admin.address", gateway.admin.to_string()),
    ];
    let changes: Vec<_> = changes.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let file = write_config(folder.path(), NOWHERE, &changes);
    let ours = run(dialgate().args(["check", "--config"]).arg(&file)).await;

    let told = stdout(&ours);
    assert!(ours.status.success(), "{told}");
    for key in ["listen.address", "admin.address"] {
        let line = told.lines().find(|line| line.contains(key)).unwrap();
        assert!(line.starts_with("OK") && line.ends_with("by a dialgate that runs"), "{line}");
    }
}

#[tokio::test]
async fn descriptors_that_are_too_few_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), NOWHERE, &[]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -n 256; exec \"$0\" check --config \"$1\""])
        .arg(env!("CARGO_BIN_EXE_dialgate"))
        .arg(&file);
    let output = tokio::task::spawn_blocking(move || command.process_group(0).output()).await;

    let told = stdout(&output.unwrap().unwrap());
    let line = told.lines().find(|line| line.contains("file descriptors")).unwrap();
    assert!(line.starts_with("WARN  256 file descriptors: no more than 182"), "{line}");
}

#[tokio::test]
async fn the_paths_of_a_dialect_are_compared_with_a_partners_record() {
    let gateway = Gateway::start().await;
    let file = gateway.folder.path().join("config.yaml");
    let check = async |partner: &str| {
        let mut command = dialgate();
        command.args(["check", "--connect", "--partner", partner, "--config"]).arg(&file);
        run(&mut command).await
    };

    let good = stdout(&check("1001910").await);
    assert!(good.contains("has every path that the rules need"), "{good}");
    let unknown = stdout(&check("4040404").await);
    assert!(unknown.contains("SAP knows no such partner"), "{unknown}");
    let shown = stdout(&run(dialgate().args(["presets", "show", "c4c-individual"])).await);
    let custom =
        shown.strip_prefix("sap:\n").unwrap().replace("LifeCycleStatusCode,", "NoSuchMember,");
    let text = fs::read_to_string(&file).unwrap().replace("  preset: c4c\n", &custom);
    fs::write(&file, text).unwrap();
    let wrong = check("1001910").await;

    assert_eq!(wrong.status.code(), Some(1));
    assert!(stdout(&wrong).contains("a record without `NoSuchMember`"), "{}", stdout(&wrong));
    let bad = check("x' or '").await;
    assert!(stderr(&bad).contains("--partner has the character"), "{}", stderr(&bad));
}
