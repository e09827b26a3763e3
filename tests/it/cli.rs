//! The commands: what they print, where, and with which exit code.

use std::fs;

use http::Method;
use tokio::process::Command;

use crate::support::{
    Client, Gateway, SAP_PASSWORD,
    gateway::{CLIENT_PASSWORD, write_config},
    program::{Demo, dialgate, run, stderr, stdout},
};

#[tokio::test]
async fn a_configuration_with_findings_starts_nothing_and_names_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), "http://127.0.0.1:9", &[]);
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("  found_ttl:", "  foundttl:")
        .replace("answers: jtel", "answers: sip")
        .replace("preset: c4c", "preset: c5c")
        .replace("key: server-key.pem", "key: ca.pem");
    fs::write(&file, &text).unwrap();

    for command in ["run", "check", "explain"] {
        let mut arguments = vec![command];
        arguments.extend((command == "explain").then_some("1001910"));
        let output = run(dialgate().args(arguments).arg("--config").arg(&file)).await;

        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {told}");
        assert_eq!(stdout(&output), "", "{command}");
        for finding in ["cache.foundttl", "found_ttl", "answers", "sap.preset", "c4c", "listen.tls"]
        {
            assert!(told.contains(finding), "{command}: no {finding} in {told}");
        }
        let line = 1 + text.lines().position(|line| line.contains("foundttl:")).unwrap();
        assert!(told.contains(&format!("config.yaml:{line}:")), "{command}: {told}");
        assert!(told.contains("4 findings"), "{command}: {told}");
    }
}

#[tokio::test]
async fn a_key_that_does_not_match_its_certificate_is_a_finding_with_both_file_names() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = write_config(one.path(), "http://127.0.0.1:9", &[]);
    write_config(other.path(), "http://127.0.0.1:9", &[]);
    fs::copy(other.path().join("server-key.pem"), one.path().join("server-key.pem")).unwrap();

    let output = run(dialgate().args(["check", "--config"]).arg(&file)).await;

    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("server-key.pem") && told.contains("server.pem"), "{told}");
    assert!(told.contains("does not belong to"), "{told}");
}

#[tokio::test]
async fn the_shipped_configuration_names_what_is_left_to_fill_in_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let example = run(dialgate().args(["config", "example"])).await;
    fs::write(folder.path().join("config.yaml"), stdout(&example)).unwrap();

    let output = run(dialgate().arg("check").current_dir(folder.path())).await;

    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for hint in ["dialgate secret new", "dialgate certs dev"] {
        assert!(told.contains(hint), "no {hint} in {told}");
    }
}

#[tokio::test]
async fn what_certs_dev_writes_serves_tls_and_is_never_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let certs = |more: &[&str]| {
        let mut command = dialgate();
        command.args(["certs", "dev"]).args(more).current_dir(folder.path());
        command
    };

    let made = run(&mut certs(&[])).await;
    let refused = run(&mut certs(&[])).await;
    let forced = run(&mut certs(&["--force"])).await;

    assert!(made.status.success() && forced.status.success());
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("--force"));
    let verified = run(Command::new("openssl")
        .args(["verify", "-CAfile", "certs/ca.pem", "certs/server.pem"])
        .current_dir(folder.path()))
    .await;
    assert_eq!(stdout(&verified), "certs/server.pem: OK\n", "{}", stderr(&verified));
}

#[tokio::test]
async fn a_new_secret_lets_its_client_in_and_is_nowhere_in_the_configuration() {
    let made = run(dialgate().args(["secret", "new", "jtel", "--json"])).await;
    let secret: serde_json::Value = serde_json::from_str(&stdout(&made)).unwrap();
    let text = |field: &str| secret[field].as_str().unwrap().to_owned();
    let client = format!("[{{ name: jtel, secrets: [\"{}\"] }}]", text("hash"));
    let gateway = Gateway::start_with(&[("clients", &client)]).await;

    let mut jtel = gateway.jtel();
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 unauthorized");
    jtel.authorization = Some(format!("Basic {}", text("token")));
    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
    let by_password = gateway.jtel().with_password("jtel", &text("password"));
    assert_eq!(by_password.ask("1001910").await.outcome(), "200");
}

#[tokio::test]
async fn a_new_secret_of_an_operator_says_what_operators_need_and_nothing_of_jtel() {
    let made = run(dialgate().args(["secret", "new", "--operator", "oncall"])).await;
    let told = stdout(&made);
    let entry =
        told.split_once("admin:\n  operators:\n    - name: oncall\n      secrets: [").unwrap();
    let password = told.lines().next().unwrap().strip_prefix("Password  ").unwrap();
    assert!(told.contains(&format!("DIALGATE_OPERATOR=oncall:{password}\n")), "{told}");
    assert!(!told.contains("jtel") && !told.contains("clients:"), "{told}");
    let operators = format!("[{{ name: oncall, secrets: [{} }}]", entry.1.trim());
    let gateway = Gateway::start_with(&[("admin.operators", &operators)]).await;

    let url = format!("http://{}/status.json", gateway.admin);
    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    assert_eq!(admin.send(Method::GET, &url).await.status.as_u16(), 401);
    let admin = admin.with_password("oncall", password);
    assert_eq!(admin.send(Method::GET, &url).await.status.as_u16(), 200);
}

#[tokio::test]
async fn no_command_prints_a_secret_of_the_configuration() {
    let gateway = Gateway::start().await;
    let file = gateway.folder.path().join("config.yaml");

    for arguments in [
        vec!["config", "show"],
        vec!["check", "--connect"],
        vec!["explain", "1001910", "4989461495000"],
        vec!["explain", "1001910", "--json"],
    ] {
        let output = run(dialgate().args(&arguments).arg("--config").arg(&file)).await;
        let told = stdout(&output) + &stderr(&output);
        assert!(output.status.success(), "{arguments:?}: {told}");
        for secret in [SAP_PASSWORD, CLIENT_PASSWORD] {
            assert!(!told.contains(secret), "{arguments:?}: {told}");
        }
    }
}

#[tokio::test]
async fn explain_tells_every_step_and_the_reason() {
    let gateway = Gateway::start().await;
    let file = gateway.folder.path().join("config.yaml");

    for (partner, decision, reason, steps) in [
        ("1001910", "dial", serde_json::Value::Null, 1),
        ("2000001", "dial", serde_json::Value::Null, 2),
        ("1001912", "refuse", "partner_blocked".into(), 1),
        ("1001915", "refuse", "partner_ambiguous".into(), 1),
        ("3000001", "dial", serde_json::Value::Null, 4),
        ("4040404", "refuse", "partner_unknown".into(), 3),
    ] {
        let output =
            run(dialgate().args(["explain", partner, "--json", "--config"]).arg(&file)).await;
        let story: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(story["decision"], decision, "{story}");
        assert_eq!(story["reason"], reason, "{story}");
        assert_eq!(story["steps"].as_array().unwrap().len(), steps, "{story}");
        assert!(story["because"].as_str().unwrap().len() > 10, "{story}");
    }
    for (partner, reason, advice) in [
        ("1001913", "no_channel", "SAP has no sales area for the partner"),
        ("1001914", "no_country", "SAP has no country for the partner"),
    ] {
        let output = run(dialgate().args(["explain", partner, "--config"]).arg(&file)).await;
        let told = stdout(&output);
        assert!(told.contains(advice), "{told}");
        assert!(told.contains(&format!("403, do not dial: {reason}")), "{told}");
    }
    gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);
    let silent = run(dialgate().args(["explain", "1001910", "--config"]).arg(&file)).await;
    assert_eq!(silent.status.code(), Some(1), "{}", stdout(&silent));
}

#[tokio::test]
async fn check_connect_fails_with_the_reason_when_sap_refuses_us() {
    let gateway = Gateway::start().await;
    fs::write(gateway.folder.path().join("sap-password"), "wrong").unwrap();
    let file = gateway.folder.path().join("config.yaml");

    let output = run(dialgate().args(["check", "--connect", "--config"]).arg(&file)).await;

    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("FAIL  "), "{}", stdout(&output));
    assert!(stdout(&output).contains("sap.login"), "{}", stdout(&output));
}

#[tokio::test]
async fn healthcheck_tells_a_running_gateway_from_a_dead_one() {
    let demo = Demo::start().await;
    let admin = demo.fact("admin_url").trim_start_matches("http://").to_owned();

    let alive =
        run(dialgate().args(["healthcheck", "--ready", "--config"]).arg(demo.config_file())).await;
    let by_address = run(dialgate().args(["healthcheck", "--admin", &admin])).await;
    drop(demo);
    let dead = run(dialgate().args(["healthcheck", "--admin", "127.0.0.1:9"])).await;

    assert!(alive.status.success(), "{}", stderr(&alive));
    assert!(by_address.status.success());
    assert_eq!(dead.status.code(), Some(1));
}

#[tokio::test]
async fn healthcheck_needs_none_of_the_secrets_that_the_configuration_names() {
    let demo = Demo::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let text = fs::read_to_string(demo.config_file()).unwrap();
    let password = text.lines().find(|line| line.contains("sap-password")).unwrap();
    let unset = "  login: { basic: { user: X, password: { env: NOT_SET_ANYWHERE } } }";
    fs::write(&file, text.replace(password, unset)).unwrap();

    let alive = run(dialgate().args(["healthcheck", "--config"]).arg(&file)).await;

    assert!(alive.status.success(), "{}", stderr(&alive));
}

#[tokio::test]
async fn a_file_for_access_records_that_cannot_be_written_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let changes = [("log.access", "{ file: /nonexistent/access.log }")];
    let file = write_config(folder.path(), "http://127.0.0.1:9", &changes);

    let output = run(dialgate().args(["check", "--config"]).arg(&file)).await;

    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("log.access"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_demo_that_cannot_tell_where_it_is_ends_with_an_error() {
    let line = format!(
        "exec {} demo --json --port 0 --admin-port 0 --sim-port 0 >/dev/full",
        env!("CARGO_BIN_EXE_dialgate")
    );

    let output = run(Command::new("sh").args(["-c", &line])).await;

    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let gateway = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let taken = gateway.address.to_string();
    let file = write_config(folder.path(), "http://127.0.0.1:9", &[("listen.address", &taken)]);

    let output = run(dialgate().args(["run", "--config"]).arg(&file)).await;

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&taken), "{}", stderr(&output));
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_help_with_0() {
    for (arguments, code) in [
        (vec!["runn"], 2),
        (vec!["explain"], 2),
        (vec!["secret", "new", "Not A Name"], 2),
        (vec!["--help"], 0),
    ] {
        let output = run(dialgate().args(&arguments)).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_reader_that_closes_the_pipe_is_no_error() {
    let binary = env!("CARGO_BIN_EXE_dialgate");

    for command in ["config schema", "man", "completions bash", "config example"] {
        let line = format!("{binary} {command} | head -n 1; exit ${{PIPESTATUS[0]}}");
        let output = run(Command::new("bash").args(["-c", &line])).await;
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
        assert_eq!(stderr(&output), "", "{command}");
    }
}

#[tokio::test]
async fn the_manual_the_completions_and_the_version_are_for_their_readers() {
    for (arguments, told) in [
        (vec!["man"], ".TH dialgate"),
        (vec!["completions", "bash"], "complete -F _dialgate"),
        (vec!["completions", "zsh"], "#compdef dialgate"),
        (vec!["version"], concat!("dialgate ", env!("CARGO_PKG_VERSION"))),
        (vec!["version"], "\ncommit "),
        (vec!["version"], "\nrustc 1."),
        (vec!["--version"], "\ntarget "),
        (vec!["version", "--json"], r#""commit":""#),
        (vec!["config", "schema"], r#""$schema""#),
    ] {
        let output = run(dialgate().args(&arguments)).await;
        assert!(stdout(&output).contains(told), "{arguments:?}: {}", stdout(&output));
    }
}
