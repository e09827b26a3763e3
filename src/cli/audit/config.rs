//! `dialgate audit config`: a sound configuration, seen with an auditor's eyes. `check` says whether it
//! can run; this says whether it should.

use clap::{Args, ValueEnum};

use super::posture::{self, Observation, Severity};
use crate::{
    app,
    cli::{
        Failure, block_on,
        output::{BAD, DOUBTFUL, GOOD, HEADING, painted, print},
        reach::Reach,
    },
    config::Environment,
    telemetry::clock,
};

#[derive(Args, Debug)]
pub(in crate::cli) struct AuditConfig {
    #[command(flatten)]
    reach: Reach,
    /// How the findings are printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Exit with 1 where there is a finding as severe as this.
    #[arg(long, value_enum, default_value_t = Severity::Medium, value_name = "SEVERITY")]
    fail_on: Severity,
    /// Also ask the running gateway who has not come since its start.
    #[arg(long)]
    live: bool,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a program.
    Json,
    /// For a ticket.
    Markdown,
}

impl AuditConfig {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = app::load(&self.reach.file.config, &Environment::process())?;
        let mut all = posture::of(&config, &self.reach.file.config, clock::unix_seconds());
        if self.live {
            let gateway = self.reach.gateway()?;
            let metrics = block_on(gateway.get("/metrics"))??;
            all.extend(posture::unused_clients(&config, &metrics.body));
        }
        // Stable: of one severity they stay in the order of the file.
        all.sort_by_key(|observation| std::cmp::Reverse(observation.severity));
        print(&render(&all, self.format))?;
        let severe = all.iter().filter(|one| one.severity >= self.fail_on).count();
        match severe {
            0 => Ok(()),
            _ => Err(anyhow::anyhow!(
                "{severe} findings of severity {} and above",
                self.fail_on.label()
            )
            .into()),
        }
    }
}

/// The observations as a report.
pub(in crate::cli) fn render(all: &[Observation], format: Format) -> String {
    match format {
        Format::Json => {
            let findings: Vec<_> = all
                .iter()
                .map(|one| {
                    serde_json::json!({"severity": one.severity.label(), "key": one.key,
                        "finding": one.what, "advice": one.advice})
                })
                .collect();
            format!("{:#}\n", serde_json::json!({ "findings": findings }))
        }
        Format::Markdown => {
            let mut text =
                "| severity | key | finding | what to do |\n|---|---|---|---|\n".to_owned();
            for one in all {
                let cells = [one.severity.label(), &one.key, &one.what, &one.advice]
                    .map(|cell| cell.replace('|', "\\|"));
                text.extend(["| ", &cells.join(" | "), " |\n"]);
            }
            text
        }
        Format::Text => as_text(all),
    }
}

fn as_text(all: &[Observation]) -> String {
    if all.is_empty() {
        return format!("{} nothing to say against this configuration\n", painted(GOOD, "OK"));
    }
    let mut text = String::new();
    for one in all {
        let style = match one.severity {
            Severity::High => BAD,
            Severity::Medium => DOUBTFUL,
            Severity::Low | Severity::Info => HEADING,
        };
        let severity = painted(style, format!("{:<6}", one.severity.label()));
        text.extend([severity, format!(" {}: {}\n       {}\n", one.key, one.what, one.advice)]);
    }
    text
}
