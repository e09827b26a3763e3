//! HTTP/2 as it is spoken here: small, because a question has no body and an answer a few hundred bytes.
//!
//! What h2 can bound it is told to bound here; what it cannot, `watch` bounds by `frames`.

use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;
use tokio_util::task::TaskTracker;

use super::Limits;

/// Streams of one HTTP/2 connection at a time, as h2 implementations commonly allow.
const STREAMS: u32 = 100;

/// What a peer may send of one request's body before it is read, in bytes: questions have none, and the
/// forms of the admin listener are far shorter.
const STREAM_WINDOW: u32 = 16 * 1024;

/// The same for a whole connection, which holds that much for whoever fills it: the least that HTTP/2
/// allows (hyper's own: 1 MiB).
const CONNECTION_WINDOW: u32 = 65_535;

/// What is kept of one answer for a peer that does not read, in bytes (hyper's own: 400 KiB). An answer
/// to jtel has a few hundred.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Streams that a peer reset before we had looked at them; one more ends the connection (rapid reset,
/// CVE-2023-44487). It is h2's own number, named so that it stays.
const PENDING_RESETS: usize = 20;

/// Streams that we reset because of an error of the peer (CVE-2025-8671 makes a server reset them itself);
/// one more ends the connection. hyper's own is 1024; more than [`STREAMS`] at once are such errors, and a
/// client may have sent some before it knew.
const ERRORS: usize = 200;

/// What speaks it on the connections of a listener; `tasks` owns their streams.
pub(super) fn builder(tasks: TaskTracker, limits: &Limits) -> Builder<Streams> {
    let mut builder = Builder::new(Streams(tasks));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        // Counts 32 bytes for each field, whatever refers to it: fields that HPACK makes of one byte each
        // end there, and those that are too many all the same are counted by `wire`.
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERRORS)
        // Finds a peer that vanished while its request is in flight.
        .keep_alive_interval(limits.idle_timeout / 2)
        .keep_alive_timeout(limits.write_timeout);
    builder
}

/// Runs HTTP/2 streams as tasks that the listener waits for; a panic in one is its own.
#[derive(Clone)]
pub(super) struct Streams(TaskTracker);

impl<T> Executor<T> for Streams
where
    T: Future + Send + 'static,
    T::Output: Send + 'static,
{
    fn execute(&self, stream: T) {
        drop(self.0.spawn(stream));
    }
}
