//! The dialgate binary and other programs, as a person would start them.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
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
    timeout(PATIENCE * 2, command.output()).await.unwrap().unwrap()
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
    pub(crate) facts: serde_json::Value,
}

impl Demo {
    pub(crate) async fn start() -> Self {
        let mut process = dialgate()
            .args(["demo", "--json", "--port", "0", "--admin-port", "0", "--sim-port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        Self { process, facts: serde_json::from_str(&line).unwrap() }
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
    let id = process.id().expect("the process lives").to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
    assert!(sent.success());
}
