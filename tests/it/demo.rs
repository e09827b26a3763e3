//! `dialgate demo`: what a newcomer and a script get.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::support::{
    PATIENCE,
    program::{Demo, dialgate, run, stderr, stdout, terminate},
    value_of,
};

async fn shell(line: &str) -> String {
    let ran = run(Command::new("sh").args(["-c", line])).await;
    assert!(ran.status.success(), "{line}: {}", stderr(&ran));
    stdout(&ran)
}

#[tokio::test]
async fn the_printed_curl_line_is_answered_with_the_service_number() {
    let demo = Demo::start().await;

    let answer = shell(&format!("{} -sS", demo.fact("curl"))).await;

    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["contractNumber"], "Direct salesDE");
    assert_eq!(answer["decision"], "dial");
}

#[tokio::test]
async fn every_fact_for_scripts_is_true() {
    let demo = Demo::start().await;

    let answer = shell(&format!(
        "curl -sS --cacert '{}' -u '{}:{}' '{}?SAPBusinessPartnerID=5000004&SAPPhoneNumber=498912345678'",
        demo.fact("ca_file"),
        demo.fact("user"),
        demo.fact("password"),
        demo.fact("url"),
    ))
    .await;
    assert!(answer.contains("Indirect salesAT") || answer.contains("contractNumber"), "{answer}");
    let metrics = shell(&format!("curl -sS {}/metrics", demo.fact("admin_url"))).await;
    assert_eq!(value_of(&metrics, "dialgate_ready"), 1);
    let simulator = shell(&format!("curl -sS {}/_sim", demo.fact("sim_url"))).await;
    assert!(simulator.contains("5000004"), "{simulator}");
}

#[tokio::test]
async fn its_configuration_file_serves_other_commands() {
    let demo = Demo::start().await;

    let checked =
        run(dialgate().args(["check", "--connect", "--config"]).arg(demo.config_file())).await;
    let explained =
        run(dialgate().args(["explain", "1001910", "--config"]).arg(demo.config_file())).await;

    assert!(checked.status.success(), "{}{}", stdout(&checked), stderr(&checked));
    assert!(explained.status.success(), "{}", stderr(&explained));
    assert!(stdout(&explained).contains("Direct salesDE"), "{}", stdout(&explained));
}

#[tokio::test]
async fn it_ends_with_0_on_sigterm_and_prints_no_secret_of_sap() {
    let mut demo = Demo::start().await;
    let config = std::fs::read_to_string(demo.config_file()).unwrap();

    terminate(&demo.process).await;
    let status = demo.process.wait().await.unwrap();

    assert_eq!(status.code(), Some(0));
    assert!(!config.contains(demo.fact("password")), "only the hash is in the file");
}

#[tokio::test]
async fn its_folder_goes_with_it_unless_it_is_kept() {
    for (more, is_kept) in [(&[][..], false), (&["--keep"], true)] {
        let mut demo = Demo::start_with(more).await;
        assert!(demo.config_file().exists());

        terminate(&demo.process).await;
        demo.process.wait().await.unwrap();

        let left = std::fs::read_dir(demo.folder.path()).unwrap().count();
        assert_eq!(left, usize::from(is_kept), "{more:?}");
    }
}

#[tokio::test]
async fn on_a_terminal_the_welcome_comes_first_and_in_colour() {
    let demo =
        format!("{} demo --port 0 --admin-port 0 --sim-port 0", env!("CARGO_BIN_EXE_dialgate"));
    let seen = async |no_color: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        // `script` makes a terminal of pipes.
        let mut script = Command::new("script");
        script.args(["-qec", &demo, "/dev/null"]).env("TMPDIR", folder.path()).env("TERM", "xterm");
        script.env_remove("NO_COLOR").envs(no_color.map(|value| ("NO_COLOR", value)));
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut script = script.spawn().unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let mut welcome = String::new();
        while !welcome.contains("curl -X DELETE") {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
            welcome += &line.unwrap_or_else(|| panic!("{welcome}"));
            welcome.push('\n');
        }
        // Ctrl-C, as somebody types it.
        script.stdin.as_mut().unwrap().write_all(b"\x03").await.unwrap();
        timeout(PATIENCE, script.wait()).await.unwrap().unwrap();
        welcome
    };

    let coloured = seen(None).await;
    let plain = seen(Some("1")).await;

    assert!(coloured.starts_with("\u{1b}[1m\u{1b}[32mdialgate is up"), "{coloured:?}");
    assert!(plain.starts_with("dialgate is up") && !plain.contains('\u{1b}'), "{plain:?}");
    for welcome in [&coloured, &plain] {
        assert!(welcome.contains(r#"{"decision":"dial""#), "{welcome}");
        assert!(!welcome.contains(r#""took_us""#), "{welcome}");
    }
}
