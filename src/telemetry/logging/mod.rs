//! Diagnostics: what a person on call needs to know, through tracing, on stderr.
//!
//! The log is for us, the access records are for the auditor; they do not replace each other. A
//! line is made where it is logged and written by a thread of its own ([`Lines`]): a reader that
//! stalls costs lines and never a call.

mod control;
mod output;
mod warnings;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env,
    io::{self, IsTerminal},
    panic,
    time::Duration,
};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::lines::{Lines, Standard};
use output::{LogLine, Seconds, ToLines};

pub use control::{LogControl, PassingLevel};
pub use warnings::{Warning, Warnings};

/// The longest wait at the end for a reader that does not read.
const CLOSE_WITHIN: Duration = Duration::from_millis(700);

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
    /// No descriptor or thread is left for it.
    #[error("the log on stderr cannot be started")]
    Output(#[source] io::Error),
    /// A mistake in this program.
    #[error("the metric of lost lines cannot be declared")]
    Metric(#[source] prometheus::Error),
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

/// The log of this process. What was logged is written, within 0.7 s, when this is dropped.
pub struct Log {
    lines: Lines<LogLine>,
    control: LogControl,
}

impl Log {
    /// Starts the log of this process; once. Panics are told there, too.
    ///
    /// # Errors
    ///
    /// See [`LoggingError`].
    pub fn start(level: &str, format: Format) -> Result<Self, LoggingError> {
        let terminal = io::stderr().is_terminal();
        // As <https://no-color.org> wants it.
        let colours = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let json = match format {
            Format::Auto => !terminal,
            Format::Text => false,
            Format::Json => true,
        };
        let (control, filter) = LogControl::new(level)?;
        let stderr = Standard::error().map_err(LoggingError::Output)?;
        let lines = Lines::start(control.losses().clone(), stderr).map_err(LoggingError::Output)?;
        let layer =
            fmt::layer().with_writer(ToLines(lines.clone())).with_ansi(colours).with_target(true);
        let registry = tracing_subscriber::registry().with(filter).with(control.warnings().clone());
        if json {
            registry.with(layer.json().flatten_event(true)).try_init()
        } else {
            registry.with(layer.with_timer(Seconds)).try_init()
        }
        .map_err(LoggingError::Twice)?;
        panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(tracing::field::display);
            let said = panic.payload_as_str().unwrap_or("without a word");
            // Only where RUST_BACKTRACE asks for one.
            let trace = Backtrace::capture();
            let trace = (trace.status() == BacktraceStatus::Captured)
                .then(|| tracing::field::display(trace));
            tracing::error!(place, trace, "a mistake in this program ended a task: {said}");
        }));
        Ok(Self { lines, control })
    }

    /// What can be changed and asked while it runs.
    pub fn control(&self) -> LogControl {
        self.control.clone()
    }

    /// Adds a text that is no event, such as the error that ends the process.
    pub fn say(&self, text: &str) {
        self.lines.record(LogLine::of(format!("{text}\n").into_bytes()));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Nobody is left to be told what was lost now.
        self.lines.close(CLOSE_WITHIN);
    }
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
