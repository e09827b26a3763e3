//! A stream that writes down what happens on it, and that ends in a way the peer can follow.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use super::watch::Watch;

/// What is read and thrown away at the end, at most, in bytes. Somebody who sends more than this
/// after being turned away does not listen.
const DISCARD_BYTES: usize = 64 * 1024;

/// A stream whose reads and writes are noted in a [`Watch`].
///
/// When it is shut down while the peer may still be sending, it closes its own direction first and
/// throws away what comes until the peer has closed too: closing a socket with unread bytes resets
/// the connection, and a reset can overtake the very answer that said what was wrong. The watchdog
/// bounds that wait by the write limit.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
    write_closed: bool,
    discarded: usize,
    /// HTTP/2's.
    frames: Option<Frames>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self { stream, watch, write_closed: false, discarded: 0, frames: None }
    }

    /// One that speaks HTTP/2, whose frames are counted.
    pub(super) fn with_frames(stream: S, watch: Arc<Watch>) -> Self {
        Self { frames: Some(Frames::new()), ..Self::new(stream, watch) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if let Some(frames) = &mut self.frames {
            let begun = frames.begun_in(buffer.filled().get(before..).unwrap_or_default())?;
            if !self.watch.may_go_on_after(begun) {
                return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
            }
        }
        if result.is_ok() && buffer.filled().len() > before {
            self.watch.arrived();
        } else {
            self.watch.peer_left();
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.note_write(&flushed);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.watch.write_drained();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.write_closed {
            let closed = Pin::new(&mut self.stream).poll_shutdown(context);
            self.note_write(&closed);
            ready!(closed)?;
            self.write_closed = true;
        }
        let mut scrap = [0; 2048];
        while self.watch.lingers() && self.discarded < DISCARD_BYTES {
            let mut buffer = ReadBuf::new(&mut scrap);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            self.discarded += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> Watched<S> {
    fn note_write<T>(&self, result: &Poll<io::Result<T>>) {
        match result {
            Poll::Pending => self.watch.write_blocked(),
            Poll::Ready(Err(_)) => self.watch.peer_left(),
            Poll::Ready(Ok(_)) => {}
        }
    }
}
