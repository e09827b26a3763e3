//! Writing to stdout and stderr, the only place that does.

use std::{
    fmt::Display,
    io::{self, Write},
};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::Failure;

/// What is well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What somebody should look at.
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// What is wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What the eye should find.
pub(super) const HEADING: Style = Style::new().bold();

/// A text in a style. Where [`print()`] and [`complain`] write to something else than a terminal, and where
/// `NO_COLOR` is set, nothing of the style is left.
pub(super) fn painted(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Whether stderr shows colours.
pub(super) fn stderr_has_colours() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Writes an answer to stdout.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::Failed(error.into()))
}

/// Writes something for the person at the terminal to stderr. Where stderr is gone there is nobody
/// left to tell.
pub(super) fn complain(text: &dyn Display) {
    writeln!(anstream::stderr().lock(), "{text}").unwrap_or_default();
}

/// The reader of our answer went away: it has seen what it wanted.
pub(super) fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
