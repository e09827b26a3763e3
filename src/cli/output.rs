//! Writing to stdout and stderr, the only place that does.

use std::{
    fmt::Display,
    io::{self, Write},
};

use super::Failure;

/// Writes an answer to stdout.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::Failed(error.into()))
}

/// Writes something for the person at the terminal to stderr. Where stderr is gone there is nobody
/// left to tell.
pub(super) fn complain(text: &dyn Display) {
    writeln!(io::stderr().lock(), "{text}").unwrap_or_default();
}

/// The reader of our answer went away: it has seen what it wanted.
pub(super) fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
