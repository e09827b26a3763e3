//! The log of a process: what is written at its end and of its mistakes, what is told of lines that
//! were lost, and its level.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::{Command, Stdio},
    thread,
};

use dialgate::telemetry::logging::{Format, Log};
use http::Method;
use tokio::{io::AsyncBufReadExt, time::timeout};

use crate::support::{
    Client, Gateway, PATIENCE,
    gateway::write_config,
    program::{dialgate, serve, terminate},
};

/// Set for the process that plays the program; the log can be started once per process.
const CHILD: &str = "DIALGATE_TEST_LOGGING";

/// More than can wait for the writer.
const LINES: i64 = 20_000;

/// Logs more than anybody reads, waits for its parent, and ends.
#[expect(clippy::print_stdout, reason = "a word to the parent")]
fn play_the_program() {
    let log = Log::start("info", Format::Json).unwrap();
    thread::spawn(|| panic!("a mistake on purpose")).join().unwrap_err();
    for number in 0..LINES {
        tracing::info!(number, "said to nobody");
    }
    println!("\nnow read");
    io::stdin().read_line(&mut String::new()).unwrap();
    tracing::info!("the last word");
    drop(log);
}

#[test]
fn lost_lines_are_told_when_the_reader_is_back_and_the_last_word_is_written() {
    let name = "logging::lost_lines_are_told_when_the_reader_is_back_and_the_last_word_is_written";
    if std::env::var_os(CHILD).is_some() {
        return play_the_program();
    }
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line == "now read"));

    let mut log = BufReader::new(program.stderr.take().unwrap());
    let mut text = String::new();
    loop {
        let begin = text.len();
        assert!(log.read_line(&mut text).unwrap() > 0, "it ended without a word of what was lost");
        if text[begin..].contains("lines of this log were lost") {
            break;
        }
    }
    drop(program.stdin.take());
    log.read_to_string(&mut text).unwrap();
    assert!(program.wait().unwrap().success());

    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mistake = lines[0]["message"].as_str().unwrap();
    assert!(mistake.contains("a mistake on purpose"), "{mistake}");
    let written = lines.iter().filter(|line| line["number"].is_i64()).count();
    let lost = lines.iter().find_map(|line| line["lost"].as_i64()).unwrap();
    assert_eq!(i64::try_from(written).unwrap() + lost, LINES);
    assert_eq!(lines.last().unwrap()["message"], "the last word");
}

#[tokio::test]
async fn a_line_for_people_begins_with_a_time_in_seconds() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sap.sap_url, &[("log.format", "text")]);
    let mut process = dialgate()
        .args(["run", "--config"])
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(process.stderr.take().unwrap()).lines();

    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let time = line.split(' ').next().unwrap();

    assert_eq!(time.len(), "2026-11-22T15:04:05Z".len(), "{line}");
    assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T', "{line}");
    assert!(line.contains(" INFO dialgate::cli::run: dialgate "), "{line}");
    process.kill().await.unwrap();
}

#[tokio::test]
async fn an_operator_on_this_machine_has_another_level_for_a_while() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &sap.sap_url, &[("log.format", "json")]);
    let (mut process, mut log) = serve(&config).await;
    let admin = Client::new(log.admin.parse().unwrap(), "", &sap.ca(), false);
    let url = format!("http://{}/log", log.admin);
    let ask = async |method, level: &str| {
        let answer = admin.send(method, &format!("{url}?level={level}")).await;
        (answer.status.as_u16(), answer.text)
    };

    let (status, told) = ask(Method::POST, "debug").await;
    assert_eq!(status, 200);
    let until = told.strip_prefix("log level debug until ").unwrap().trim_end().to_owned();
    log.until(&format!("127.0.0.1 wants log level debug, until {until}")).await;
    assert_eq!(ask(Method::POST, "configured").await.1, "log level info, as configured\n");
    log.until("log level info again, as configured: 127.0.0.1 wants so").await;
    assert_eq!(ask(Method::POST, "trace").await.0, 400);
    assert_eq!(ask(Method::GET, "debug").await.0, 405);

    terminate(&process).await;
    log.until("all calls are over").await;
    assert_eq!(timeout(PATIENCE, process.wait()).await.unwrap().unwrap().code(), Some(0));
}
