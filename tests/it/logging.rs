//! The log of a process: what is written at its end and of its mistakes, and what is told of lines
//! that were lost.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::{Command, Stdio},
    thread,
};

use dialgate::telemetry::logging::{Format, Log};
use tokio::{io::AsyncBufReadExt, time::timeout};

use crate::support::{Gateway, PATIENCE, gateway::write_config, program::dialgate};

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
