//! `log:` what is written, how, and where to.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::{findings::shown, resolve::Reading, suggest::nearest};

/// The words for how much is written.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What is written, how, and where to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Log {
    /// A filter of tracing, known to be readable: `info`, `info,dialgate::sap=debug`.
    pub level: String,
    /// How diagnostics look.
    pub format: LogFormat,
    /// Where the access records go.
    pub access: AccessLog,
    /// They have what was decided on as well.
    pub facts: bool,
}

/// How diagnostics look.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Where the access records go, one JSON object per call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AccessLog {
    /// Standard output.
    Stdout,
    /// Standard error, among the diagnostics.
    Stderr,
    /// Nowhere.
    Off,
    /// Appended to a file.
    File(PathBuf),
}

/// `log:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct LogFile {
    /// How much is written: off, error, warn, info, debug or trace; for one part of the program
    /// e.g. `info,dialgate::sap=debug`.
    level: String,
    /// How diagnostics look.
    format: LogFormat,
    /// Where the access records go.
    access: AccessFile,
    /// The access records have what was decided on as well, for `dialgate replay`.
    facts: bool,
}

/// `log.access` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum AccessFile {
    /// Standard output.
    Stdout,
    /// Standard error, among the diagnostics.
    Stderr,
    /// Nowhere.
    Off,
    /// Appended to this file.
    File(String),
}

impl Default for LogFile {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Auto,
            access: AccessFile::Stdout,
            facts: false,
        }
    }
}

impl LogFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Log> {
        let level = self.level(reading);
        let access = match &self.access {
            AccessFile::Stdout => Some(AccessLog::Stdout),
            AccessFile::Stderr => Some(AccessLog::Stderr),
            AccessFile::Off => Some(AccessLog::Off),
            AccessFile::File(path) if path.is_empty() => {
                reading.at("log.access.file", "is empty; write the path of a file");
                None
            }
            AccessFile::File(path) => Some(AccessLog::File(reading.path(path))),
        };
        Some(Log { level: level?, format: self.format, access: access?, facts: self.facts })
    }

    fn level(&self, reading: &mut Reading<'_>) -> Option<String> {
        for directive in self.level.split(',').map(str::trim) {
            let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
            // A single unknown word would be read as a part of the program, and all of it shown.
            if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
                let told = match nearest(level, &LEVELS) {
                    Some((close, _)) => format!("did you mean `{close}`?"),
                    None => format!("write one of {}", LEVELS.join(", ")),
                };
                reading.at("log.level", format!("`{}` is not a level; {told}", shown(level)));
                return None;
            }
        }
        if let Err(error) = EnvFilter::builder().parse(&self.level) {
            reading.at("log.level", format!("cannot be read: {error}"));
            return None;
        }
        Some(self.level.clone())
    }
}
