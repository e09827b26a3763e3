//! `dialgate tls report`: which TLS is spoken on every side, what it shows, and what clients have really
//! agreed on since the start.

mod observed;
mod report;

use clap::{Args, Subcommand};

use super::{
    Failure,
    audit::posture,
    audit::{Format, render},
    block_on,
    output::print,
    reach::Reach,
};
use crate::{app, config::Environment, telemetry::clock};
use observed::observed;
use report::{Section, as_json, as_markdown, as_text};

#[derive(Debug, Subcommand)]
pub(super) enum TlsCommand {
    /// Listeners, policies, certificates, what clients have agreed on, and findings.
    Report(Report),
}

#[derive(Args, Debug)]
pub(super) struct Report {
    #[command(flatten)]
    reach: Reach,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl TlsCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Report(report) => report.execute(),
        }
    }
}

/// What the findings of a report are about.
const TOPICS: [&str; 6] =
    ["listen.tls", "listen.plaintext", "admin.tls", "admin.plaintext", "sap.", "traces."];

impl Report {
    fn execute(self) -> Result<(), Failure> {
        let file = &self.reach.file.config;
        let config = app::load(file, &Environment::process())?;
        let now = clock::unix_seconds();
        let mut sections = report::of(&config, now)?;
        let gateway = self.reach.gateway()?;
        let metrics = block_on(gateway.get("/metrics"))?;
        sections.push(match metrics {
            Ok(reply) if reply.status == 200 => observed(&reply.body),
            Ok(reply) => {
                nothing_observed(&format!("{} answers {}", gateway.url("/metrics"), reply.status))
            }
            Err(error) => nothing_observed(&format!("{error:#}")),
        });
        let mut findings = posture::of(&config, file, now);
        findings.retain(|one| TOPICS.iter().any(|topic| one.key.starts_with(topic)));
        findings.sort_by_key(|one| std::cmp::Reverse(one.severity));
        print(&match self.format {
            Format::Text => as_text(&sections) + "Findings\n" + &render(&findings, Format::Text),
            Format::Markdown => {
                as_markdown(&sections) + "## Findings\n\n" + &render(&findings, Format::Markdown)
            }
            Format::Json => as_json(&sections, &findings),
        })
    }
}

fn nothing_observed(why: &str) -> Section {
    Section::new("Since the start").with("observed", format!("nothing: {why}"))
}
