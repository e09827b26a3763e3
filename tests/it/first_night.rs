//! `docs/first-night.md` is walked as it stands: each command is run in one shell, in order, and what
//! it is said to print is printed.

use std::{fs, net::TcpListener, path::Path, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout},
};

use crate::support::{PATIENCE, eventually};

const WALK: &str = include_str!("../../docs/first-night.md");

/// The longest wait for what takes a scrape, an evaluation and a delivery, five seconds each.
const SEEN_WITHIN: Duration = Duration::from_mins(2);

/// Ports as the text has them; the ones of a machine that runs tests may be taken.
const PORTS: [&str; 5] = ["8443", "9464", "9480", "9090", "9093"];

/// What ends the output of a step.
const END: &str = "--- end of step";

#[derive(Debug, Default)]
struct Step {
    commands: String,
    /// It goes on in a terminal of its own.
    goes_on: bool,
    prints: Vec<String>,
}

/// The blocks of the text: commands, and what they print.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block = None;
    for line in WALK.lines() {
        match (line, block) {
            ("```sh" | "```sh terminal", None) => {
                block = Some("sh");
                steps.push(Step { goes_on: line.ends_with("terminal"), ..Step::default() });
            }
            ("```text", None) => block = Some("text"),
            ("```", Some(_)) => block = None,
            (command, Some("sh")) => {
                let step = steps.last_mut().unwrap();
                step.commands += command;
                step.commands.push('\n');
            }
            (printed, Some(_)) => steps.last_mut().unwrap().prints.push(printed.to_owned()),
            (_, None) => {}
        }
    }
    steps
}

/// One shell for all steps, in a folder that looks like the repository's.
struct Shell {
    folder: TempDir,
    ports: Vec<(&'static str, String)>,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    processes: Vec<Child>,
}

impl Shell {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // All at once, so that no two are the same.
        let taken = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let free = taken.iter().map(|port| port.local_addr().unwrap().port().to_string());
        let ports: Vec<_> = PORTS.into_iter().zip(free).collect();
        drop(taken);
        let mut shell = Command::new("bash")
            .current_dir(folder.path())
            .env("PATH", path(folder.path()))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = shell.stdin.take().unwrap();
        let output = BufReader::new(shell.stdout.take().unwrap()).lines();
        let shell = Self { folder, ports, input, output, processes: vec![shell] };
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in [
            "config.yaml",
            "grafana/prometheus/prometheus.yml",
            "grafana/prometheus/alertmanager.yml",
            "grafana/alerts/recording.yaml",
            "grafana/alerts/alerts.yaml",
        ] {
            let to = shell.folder.path().join(file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            let text = fs::read_to_string(project.join(file)).unwrap();
            fs::write(to, shell.here(&text)).unwrap();
        }
        shell
    }

    /// A text with the ports of this walk.
    fn here(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (from, to)| {
            text.replace(&format!("127.0.0.1:{from}"), &format!("127.0.0.1:{to}"))
        })
    }

    fn port(&self, of: &str) -> &str {
        &self.ports.iter().find(|(from, _)| *from == of).unwrap().1
    }

    /// A terminal of its own.
    fn begin(&mut self, commands: &str) {
        let mut commands = format!("exec {}", self.here(commands));
        if commands.contains("dialgate demo") {
            let ports = [("--port", "8443"), ("--admin-port", "9464"), ("--sim-port", "9480")]
                .map(|(option, of)| format!("{option} {}", self.port(of)))
                .join(" ");
            commands = commands.replace("dialgate demo", &format!("dialgate demo {ports}"));
        }
        let process = Command::new("bash")
            .args(["-c", &commands])
            .current_dir(self.folder.path())
            .env("PATH", path(self.folder.path()))
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.processes.push(process);
    }

    /// Runs commands and returns what they print.
    async fn run(&mut self, commands: &str) -> String {
        let commands = format!("{{\n{}}} 2>&1\necho; echo '{END}'\n", self.here(commands));
        self.input.write_all(commands.as_bytes()).await.unwrap();
        self.input.flush().await.unwrap();
        let mut printed = String::new();
        loop {
            let line = timeout(PATIENCE, self.output.next_line()).await.unwrap().unwrap().unwrap();
            if line == END {
                return printed;
            }
            printed += &line;
            printed.push('\n');
        }
    }
}

/// With the program under test in front.
fn path(folder: &Path) -> String {
    let programs = folder.join("bin");
    fs::create_dir_all(&programs).unwrap();
    let program = programs.join("dialgate");
    if !program.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dialgate"), program).unwrap();
    }
    format!("{}:{}", programs.display(), std::env::var("PATH").unwrap())
}

#[test]
fn the_walk_asks_what_the_tile_of_the_dashboard_asks() {
    let overview: serde_json::Value =
        serde_json::from_str(include_str!("../../grafana/dashboards/overview.json")).unwrap();
    let name = overview["title"].as_str().unwrap();
    let panels = overview["panels"].as_array().unwrap();
    let tile = panels.iter().find(|panel| panel["title"] == "SAP").unwrap();
    let shown = tile["targets"][0]["expr"].as_str().unwrap();
    let plain = shown.replace(r#"{job=~"$job",instance=~"$instance"}"#, "");

    assert!(WALK.contains(&format!("*{name}*")), "{name}");
    assert_eq!(WALK.matches(&format!("query={plain}'")).count(), 3, "{plain}");
    let provider = include_str!("../../grafana/provisioning/dashboards/dialgate.yaml");
    assert!(provider.contains("path: /etc/grafana/dashboards/dialgate\n"));
    assert!(WALK.contains("`/etc/grafana/dashboards/dialgate`"));
}

#[tokio::test]
async fn whoever_walks_the_first_night_sees_what_it_says() {
    let steps = steps();
    assert!(steps.len() > 12, "{steps:?}");
    let mut shell = Shell::start();

    for step in &steps {
        if step.goes_on {
            shell.begin(&step.commands);
            continue;
        }
        // What changes something is done once; what only looks sees it after a while.
        let changes = ["POST", "PUT", "DELETE"].iter().any(|word| step.commands.contains(word));
        let until = Instant::now() + SEEN_WITHIN;
        if step.commands.contains("demo.json") {
            let demo = shell.folder.path().join("demo.json");
            eventually("the demo has begun", || async {
                fs::metadata(&demo).is_ok_and(|file| file.len() > 0)
            })
            .await;
        }
        loop {
            let printed = shell.run(&step.commands).await;
            let missing = step.prints.iter().find(|wanted| !printed.contains(wanted.as_str()));
            let Some(missing) = missing else { break };
            assert!(
                !changes && Instant::now() < until,
                "{} does not print {missing}, but:\n{printed}",
                step.commands
            );
        }
    }
}
