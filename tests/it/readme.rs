//! The README tells the truth: every command in it runs, and it names every metric and reason.

use std::{path::Path, process::Stdio};

use dialgate::domain::Reason;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::support::{
    PATIENCE,
    gateway::write_config,
    program::{Demo, dialgate, run, stderr, stdout, terminate},
};

const README: &str = include_str!("../../README.md");

/// The lines of all shell blocks.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in README.lines().map(str::trim) {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside => commands.push(command.to_owned()),
            _ => {}
        }
    }
    commands
}

/// A command as a newcomer types it, with the binary under test.
fn of_this_build(command: &str) -> Option<Vec<String>> {
    let arguments =
        command.strip_prefix("cargo run --release -- ").or(command.strip_prefix("dialgate "))?;
    Some(arguments.split(' ').map(str::to_owned).collect())
}

fn program(folder: &Path, arguments: &[String]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_dialgate"));
    program.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    program
}

#[tokio::test]
async fn every_command_that_ends_by_itself_does_what_it_is_for() {
    // The folder a reader stands in: a configuration with everything filled in, and a gateway.
    let demo = Demo::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(demo.config_file(), folder.path().join("config.yaml")).unwrap();
    let mut ran = 0;

    for command in commands() {
        let Some(arguments) = of_this_build(&command) else { continue };
        if ["demo", "run"].contains(&arguments[0].as_str()) {
            continue;
        }
        let output = run(&mut program(folder.path(), &arguments)).await;
        assert!(output.status.success(), "{command}: {}{}", stdout(&output), stderr(&output));
        assert!(!output.stdout.is_empty(), "{command} says nothing");
        ran += 1;
    }

    assert!(ran >= 8, "only {ran} commands were found");
}

#[tokio::test]
async fn the_demo_prints_a_curl_line_that_works_and_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let demo = commands().into_iter().find(|command| command.contains("-- demo")).unwrap();
    let mut arguments = of_this_build(&demo).unwrap();
    // The documented ports may be taken on a machine that runs tests.
    arguments.extend(["--port", "0", "--admin-port", "0", "--sim-port", "0"].map(str::to_owned));
    let mut process = program(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let (mut curl, mut answer) = (String::new(), String::new());
    timeout(PATIENCE, async {
        while answer.is_empty() {
            let line = lines.next_line().await.unwrap().unwrap();
            match line.trim_start() {
                line if line.starts_with("curl --cacert") => curl = line.to_owned(),
                line if line.starts_with(r#"{"decision":"dial""#) => answer = line.to_owned(),
                _ => {}
            }
        }
    })
    .await
    .unwrap();

    let asked = run(Command::new("sh").args(["-c", &format!("{curl} -sS")])).await;

    assert!(stdout(&asked).contains("Direct salesDE"), "{}", stderr(&asked));
    assert!(answer.contains("Direct salesDE"));
    terminate(&process).await;
    assert_eq!(timeout(PATIENCE, process.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_run_command_serves_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), "http://127.0.0.1:9", &[]);
    let command =
        commands().into_iter().find(|command| command.starts_with("dialgate run")).unwrap();
    let mut process = program(folder.path(), &of_this_build(&command).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();

    assert!(first.contains("answers calls on"), "{first}");
    terminate(&process).await;
    assert_eq!(timeout(PATIENCE, process.wait()).await.unwrap().unwrap().code(), Some(0));
}

#[test]
fn the_second_command_is_the_one_that_ci_runs() {
    let commands = commands();
    assert_eq!(commands[..2], ["cargo run --release -- demo", "tests/run"]);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ci = std::fs::read_to_string(root.join(".ci/run")).unwrap();
    assert!(ci.lines().any(|line| line == "exec tests/run"), "{ci}");
}

#[tokio::test]
async fn the_page_of_metrics_is_what_the_program_prints_and_names_each_of_them() {
    let page = include_str!("../../docs/metrics.md");
    let printed = stdout(&run(dialgate().arg("metrics")).await);
    assert!(printed == page, "docs/metrics.md is not what `dialgate metrics` prints");

    let gateway = crate::support::Gateway::start().await;
    let metrics = gateway.metrics().await;
    let names = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in names {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in docs/metrics.md");
    }
    // A gateway with one client; each further client has three more.
    let series = metrics.lines().filter(|line| !line.starts_with('#')).count();
    assert!((200..700).contains(&series), "{series} series");
}

#[test]
fn every_reason_is_in_its_table_and_every_metric_in_the_text_is_one() {
    for reason in Reason::ALL {
        assert!(README.contains(&format!("`{}`", reason.label())), "{reason:?}");
    }
    let page = include_str!("../../docs/metrics.md");
    let words = README.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    for word in words.filter(|word| word.starts_with("dialgate_")) {
        assert!(page.contains(&format!("| `{word}` |")), "{word} is no metric");
    }
}
