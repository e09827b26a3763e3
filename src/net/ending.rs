//! How connections end, and the one place that counts it.

use super::watch::Watch;

use super::metrics::NetMetrics;

pub(super) use super::metrics::Ending;

impl Ending {
    /// Reads `result`, how hyper's connection ended; `told_to_end` is why we had asked it to.
    pub(super) fn of(result: &hyper::Result<()>, told_to_end: Option<Self>, watch: &Watch) -> Self {
        match result {
            Err(error) if error.is_parse() => Self::ProtocolError,
            _ if watch.has_flooded() => Self::Flood,
            _ if told_to_end.is_some() => told_to_end.unwrap_or(Self::Error),
            Ok(()) if watch.was_turned_away() => Self::ProtocolError,
            Ok(()) => Self::Peer,
            Err(error) if error.is_timeout() => Self::WriteTimeout,
            Err(error) if watch.has_peer_left() || error.is_incomplete_message() => Self::Peer,
            Err(_) => Self::ProtocolError,
        }
    }
}

/// Counts the end of a connection when it is dropped, also when a panic drops it.
pub(super) struct Closing<'a> {
    /// How the connection ended; an error of ours until somebody says otherwise.
    pub(super) ending: Ending,
    metrics: &'a NetMetrics,
}

impl<'a> Closing<'a> {
    pub(super) fn new(metrics: &'a NetMetrics) -> Self {
        Self { ending: Ending::Error, metrics }
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.metrics.closed(self.ending);
    }
}
