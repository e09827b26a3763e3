//! The dialgate binary and other programs, as a person would start them.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use super::PATIENCE;

/// The binary under test. Ends with the test.
pub(crate) fn dialgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dialgate"));
    command.kill_on_drop(true).stdin(Stdio::null()).env_remove("DIALGATE_CONFIG");
    command
}

/// Runs a command to its end.
pub(crate) async fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true);
    timeout(PATIENCE * 4, command.output()).await.unwrap().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A `dialgate demo --json` on free ports.
pub(crate) struct Demo {
    pub(crate) process: Child,
    /// Where it makes its folder: one that is killed leaves it behind.
    pub(crate) folder: TempDir,
    pub(crate) facts: serde_json::Value,
}

impl Demo {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = dialgate()
            .args(["demo", "--json", "--port", "0", "--admin-port", "0", "--sim-port", "0"])
            .args(more)
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        Self { process, folder, facts: serde_json::from_str(&line).unwrap() }
    }

    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.facts))
    }

    pub(crate) fn config_file(&self) -> &Path {
        Path::new(self.fact("config_file"))
    }
}

/// Sends SIGTERM to a process of ours.
pub(crate) async fn terminate(process: &Child) {
    signal(process, "-TERM").await;
}

/// Sends a signal to a process of ours.
pub(crate) async fn signal(process: &Child, signal: &str) {
    let id = process.id().expect("the process lives").to_string();
    let sent = Command::new("kill").args([signal, &id]).status().await.unwrap();
    assert!(sent.success());
}

/// The log of a `dialgate run` with `log.format: json`.
pub(crate) struct Log {
    lines: Lines<BufReader<ChildStderr>>,
    pub(crate) first: String,
    pub(crate) address: String,
    pub(crate) admin: String,
}

impl Log {
    /// The next line; `None` when the process has ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.lines.next_line().await.unwrap()
    }

    /// Waits for a line that contains `text`.
    pub(crate) async fn until(&mut self, text: &str) {
        let found = async {
            while !self.lines.next_line().await.unwrap().expect("a line").contains(text) {}
        };
        timeout(PATIENCE, found).await.unwrap();
    }
}

/// Starts `dialgate run` with a file whose `log.format` is `json`, and waits until it serves.
pub(crate) async fn serve(config: &Path) -> (Child, Log) {
    let mut command = dialgate();
    command.args(["run", "--config"]).arg(config);
    serve_with(command).await
}

/// The same with a command of one's own.
pub(crate) async fn serve_with(mut command: Command) -> (Child, Log) {
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = until_it_serves(process.stderr.take().unwrap()).await;
    (process, log)
}

/// Reads the log until the line that says where calls are answered.
pub(crate) async fn until_it_serves(stderr: ChildStderr) -> Log {
    let mut lines = BufReader::new(stderr).lines();
    let serving = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the process serves");
            if line.contains("answers calls on") {
                return line;
            }
        }
    };
    let first = timeout(PATIENCE, serving).await.unwrap();
    let facts: serde_json::Value = serde_json::from_str(&first).unwrap();
    let fact = |name: &str| facts[name].as_str().unwrap().to_owned();
    let (address, admin) = (fact("address"), fact("admin"));
    Log { lines, first, address, admin }
}
