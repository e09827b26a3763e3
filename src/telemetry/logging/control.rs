//! What can be changed and asked of the log while it runs.

use crate::telemetry::lines::Losses;

/// The running log. Its clones are the same log.
#[derive(Clone)]
pub struct LogControl {
    losses: Losses,
}

impl LogControl {
    /// Of a log that does not exist, for programs and tests that start none.
    ///
    /// # Errors
    ///
    /// A name that prometheus does not accept: a mistake in this program that a test finds.
    pub fn detached() -> Result<Self, prometheus::Error> {
        let losses = Losses::new(
            "dialgate_log_lines_lost_total",
            "Lines of the log that were not written.",
        )?;
        Ok(Self { losses })
    }

    /// Counts lines that were not written.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }
}
