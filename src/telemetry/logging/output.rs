//! From a formatted event to the thread that writes it.

use std::io::{self, Write};

use tracing_subscriber::fmt::{MakeWriter, format, time::FormatTime};

use crate::telemetry::{
    clock::Moment,
    lines::{Lines, Record},
};

/// One event, formatted.
pub(super) struct LogLine(Box<[u8]>);

impl LogLine {
    pub(super) fn of(text: impl Into<Box<[u8]>>) -> Self {
        Self(text.into())
    }
}

impl Record for LogLine {
    const THREAD: &'static str = "log";

    /// About 1 MiB. An outage is told in a few lines; at `trace` one call makes a hundred.
    const QUEUE: usize = 4096;

    fn render(&self, batch: &mut Vec<u8>) {
        batch.extend_from_slice(&self.0);
    }

    fn tell_lost(count: u64) {
        tracing::warn!(
            lost = count,
            "{count} lines of this log were lost, because nobody read it in time"
        );
    }
}

/// Takes events as tracing formats them: one call of `write` each.
pub(super) struct ToLines(pub(super) Lines<LogLine>);

impl<'a> MakeWriter<'a> for ToLines {
    type Writer = OneEvent<'a>;

    fn make_writer(&'a self) -> OneEvent<'a> {
        OneEvent(&self.0)
    }
}

pub(super) struct OneEvent<'a>(&'a Lines<LogLine>);

impl Write for OneEvent<'_> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.record(LogLine::of(event));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The time in a line for people: `2026-11-22T15:04:05Z`. Machines get microseconds.
pub(super) struct Seconds;

impl FormatTime for Seconds {
    fn format_time(&self, line: &mut format::Writer<'_>) -> std::fmt::Result {
        write!(line, "{}", Moment::now().to_the_second())
    }
}
