//! Diagnostics: what a person on call needs to know, through tracing, on stderr.
//!
//! The log is for us, the access records are for the auditor; they do not replace each other.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Text on a terminal, JSON anywhere else.
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is no level and no filter directive.
    #[error("`{level}` is no log level; write error, warn, info, debug or trace")]
    Level {
        /// What was configured.
        level: String,
        /// What the filter says.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody installed a subscriber before.
    #[error("the log was started twice")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Checks a level such as `info` or `info,dialgate::sap=debug`.
///
/// # Errors
///
/// [`LoggingError::Level`].
pub fn check_level(level: &str) -> Result<EnvFilter, LoggingError> {
    EnvFilter::builder()
        .parse(level)
        .map_err(|source| LoggingError::Level { level: level.to_owned(), source })
}

/// Starts the log of this process; once.
///
/// # Errors
///
/// See [`LoggingError`].
pub fn start(level: &str, format: Format) -> Result<(), LoggingError> {
    let terminal = io::stderr().is_terminal();
    let json = match format {
        Format::Auto => !terminal,
        Format::Text => false,
        Format::Json => true,
    };
    let filter = check_level(level)?;
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(terminal).with_target(true);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines).try_init()
    }
    .map_err(LoggingError::Twice)
}

/// An error and its causes in one line, for places that have no second one: a finding, a row of a
/// report.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_none_is_named() {
        let error = check_level("info,dialgate=loud").unwrap_err();

        assert!(error.to_string().contains("`info,dialgate=loud` is no log level"));
    }
}
