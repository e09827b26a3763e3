//! What an auditor would say about a configuration that has no findings. Each observation names the key,
//! says what is seen and what to do; none of them shows a secret.

mod files;
mod listening;
mod people;
mod sap;
mod trail;

use std::path::Path;

use clap::ValueEnum;

use crate::config::{AccessLog, Config};

/// How much it matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(in crate::cli) enum Severity {
    /// Good to know.
    Info,
    /// Could be better.
    Low,
    /// Should be mended.
    Medium,
    /// Somebody can do harm with it.
    High,
}

impl Severity {
    pub(in crate::cli) fn label(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One thing that was seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct Observation {
    pub(in crate::cli) severity: Severity,
    /// The key of the configuration, or the file.
    pub(in crate::cli) key: String,
    pub(in crate::cli) what: String,
    pub(in crate::cli) advice: String,
}

/// Collects them.
#[derive(Default)]
struct Seen(Vec<Observation>);

impl Seen {
    fn note(
        &mut self,
        severity: Severity,
        key: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.0.push(Observation {
            severity,
            key: key.into(),
            what: what.into(),
            advice: advice.into(),
        });
    }
}

/// Everything there is to say; `now`: in seconds since 1970.
pub(in crate::cli) fn of(config: &Config, file: &Path, now: i64) -> Vec<Observation> {
    let mut seen = Seen::default();
    listening::look(config, now, &mut seen);
    people::look(config, &mut seen);
    sap::look(config, now, &mut seen);
    kept(config, &mut seen);
    trail::look(config, &mut seen);
    files::look(config, file, &mut seen);
    for note in &config.notes {
        seen.note(Severity::Info, "note", note.clone(), "see `dialgate check`");
    }
    seen.0
}

/// The clients that have not come since the start of the gateway whose metrics these are.
pub(in crate::cli) fn unused_clients(config: &Config, metrics: &str) -> Vec<Observation> {
    let mut seen = Seen::default();
    for (index, client) in config.clients.iter().enumerate() {
        let name = client.name.as_str();
        let label = format!("client=\"{name}\"");
        let calls: f64 = metrics
            .lines()
            .filter(|line| line.starts_with("dialgate_client_calls_total{"))
            .filter(|line| line.contains(&label))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        if calls == 0.0 {
            seen.note(
                Severity::Low,
                format!("clients[{index}]"),
                format!("`{name}` has not asked since the gateway was started"),
                "remove it where nobody needs it any more: a password that nobody uses is one that \
                 nobody misses when it is stolen",
            );
        }
    }
    seen.0
}

fn kept(config: &Config, seen: &mut Seen) {
    if config.log.access == AccessLog::Off {
        seen.note(
            Severity::Medium,
            "log.access",
            "no access records are written: nobody can tell afterwards who asked and what was decided",
            "write `stdout`, or a file",
        );
    }
    if ["debug", "trace"].iter().any(|level| config.log.level.contains(level)) {
        seen.note(
            Severity::Low,
            "log.level",
            format!("`{}` writes far more than is needed", config.log.level),
            "write `info`; for ten minutes of more, POST /log?level=debug",
        );
    }
    if config.tests.is_empty() {
        seen.note(
            Severity::Low,
            "tests",
            "no case says which decision the rules must lead to",
            "write the cases that must never go wrong: a change that breaks one is then refused",
        );
    }
    if let Some(otlp) = &config.traces.otlp
        && otlp.url.scheme_str() == Some("http")
        && !is_this_machine(&otlp.url)
    {
        seen.note(
            Severity::Medium,
            "traces.otlp.url",
            "spans leave this machine in plain text",
            "take https, or a collector on this machine",
        );
    }
}

/// Whether a URL leads no farther than this machine.
fn is_this_machine(url: &http::Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
