//! `dialgate top`: the status page in a terminal.

use std::io::IsTerminal;

use clap::Args;
use serde_json::Value;

use super::{
    Failure, block_on,
    live::{Live, harmless},
    output::{BAD, DOUBTFUL, GOOD, HEADING, painted, print},
    reach::Reach,
};

/// Clears the screen and begins at its top.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

#[derive(Args, Debug)]
pub(super) struct Top {
    #[command(flatten)]
    reach: Reach,
    /// Print the state once, and end.
    #[arg(long)]
    once: bool,
}

impl Top {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let gateway = self.reach.gateway()?;
        let is_terminal = std::io::stdout().is_terminal();
        block_on(async {
            let mut live = Live::to(&gateway, "status", &[]).await?;
            loop {
                let event = live.next().await?;
                if event.name != "status" {
                    continue;
                }
                let screen = screen(&event.data);
                let clear = if is_terminal && !self.once { CLEAR } else { "" };
                print(&format!("{clear}{screen}"))?;
                if self.once {
                    return Ok(());
                }
            }
        })?
    }
}

/// What a status says, by JSON pointers.
struct State<'s>(&'s Value);

impl State<'_> {
    fn text(&self, path: &str) -> String {
        harmless(self.0.pointer(path).and_then(Value::as_str).unwrap_or("–"))
    }

    /// With so many digits behind the point, and a unit.
    fn figure(&self, path: &str, digits: usize, unit: &str) -> String {
        let value = self.0.pointer(path).and_then(Value::as_f64);
        value.map_or("–".to_owned(), |value| format!("{value:.digits$}{unit}"))
    }

    fn list(&self, path: &str) -> impl Iterator<Item = State<'_>> {
        self.0.pointer(path).and_then(Value::as_array).into_iter().flatten().map(State)
    }

    fn is(&self, path: &str) -> bool {
        self.0.pointer(path).and_then(Value::as_bool) == Some(true)
    }
}

/// The state as a page of text.
fn screen(status: &Value) -> String {
    let state = State(status);
    let condition = state.text("/condition");
    let style = match condition.as_str() {
        "good" => GOOD,
        "bad" => BAD,
        _ => DOUBTFUL,
    };
    let mut lines = vec![
        format!("{}  {}", painted(style, condition.to_uppercase()), state.text("/sentence")),
        format!(
            "dialgate {}, configuration {} of {}; as of {}\n",
            state.text("/version"),
            state.text("/config/hash"),
            state.text("/config/loadedAt"),
            state.text("/at")
        ),
    ];
    lines.extend(flow(&state));
    lines.extend(figures(&state));
    lines.extend(lists(&state));
    lines.into_iter().map(|line| line + "\n").collect()
}

fn flow(state: &State<'_>) -> Vec<String> {
    let [name, rate, failed, p95] = ["", "a second", "failed", "p95"];
    let head = painted(HEADING, format!("{name:<22}{rate:>12}{failed:>12}{p95:>12}"));
    let arrows = [
        ("jtel → dialgate", "/flow/calls"),
        ("dialgate → memory", "/flow/memory"),
        ("dialgate → SAP", "/flow/sap"),
    ];
    let arrows = arrows.into_iter().map(|(name, at)| {
        let rate = state.figure(&format!("{at}/perSecond"), 1, "");
        let failed = state.figure(&format!("{at}/failedPercent"), 1, " %");
        let p95 = state.figure(&format!("{at}/p95Ms"), 1, " ms");
        format!("{name:<22}{rate:>12}{failed:>12}{p95:>12}")
    });
    [head].into_iter().chain(arrows).collect()
}

fn figures(state: &State<'_>) -> Vec<String> {
    let whole = |path| state.figure(path, 0, "");
    let mut lines = vec![
        format!(
            "\nSAP {}: {}, breaker {}; {} of {} requests under way, {} wait; {} today, {} by midnight (UTC)",
            state.text("/sap/host"),
            state.text("/sap/health"),
            state.text("/sap/breaker"),
            whole("/sap/inFlight"),
            whole("/sap/inFlightLimit"),
            whole("/sap/queue"),
            whole("/sap/dailyRequests"),
            whole("/sap/dailyForecast"),
        ),
        format!(
            "memory: {} of {} partners",
            whole("/memory/entries"),
            whole("/memory/entriesLimit")
        ),
    ];
    lines.extend(state.list("/certificates").map(|certificate| {
        let (role, ends) = (certificate.text("/role"), certificate.text("/ends"));
        format!(
            "certificate ({role}): ends {ends}, {} days left",
            certificate.figure("/daysLeft", 0, "")
        )
    }));
    lines
}

fn lists(state: &State<'_>) -> Vec<String> {
    let heading = |text: &str| format!("\n{}", painted(HEADING, text));
    let mut lines = Vec::new();
    for (place, problem) in state.list("/problems").enumerate() {
        if place == 0 {
            lines.push(heading("What is wrong now"));
        }
        let style = if problem.is("/isUrgent") { BAD } else { DOUBTFUL };
        let (todo, runbook) = (problem.text("/todo"), problem.text("/runbook"));
        lines.push(painted(style, problem.text("/what")));
        lines.push(format!("  {todo} (runbook: {runbook})"));
    }
    for (place, number) in state.list("/missing").enumerate() {
        if place == 0 {
            lines.push(heading("Contract numbers without a service number"));
        }
        lines.push(format!("  {}", number.text("/line")));
    }
    lines
}
