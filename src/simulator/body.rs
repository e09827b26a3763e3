//! Bodies of answers: whole, dripping, cut in the middle.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// One byte every so often: slow enough to miss every deadline, never quite silent.
const DRIP: Duration = Duration::from_millis(100);

/// What is still to be sent.
pub(super) struct Answer {
    pieces: VecDeque<Bytes>,
    pause: Option<Pin<Box<Sleep>>>,
    drips: bool,
    cut: bool,
    announced: Option<u64>,
}

impl Answer {
    /// In one go, with its length.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let announced = u64::try_from(bytes.len()).ok();
        Self { pieces: VecDeque::from([bytes]), pause: None, drips: false, cut: false, announced }
    }

    /// `times` the same piece, without saying how much it will be.
    pub(super) fn unannounced(piece: Bytes, times: usize) -> Self {
        let pieces = std::iter::repeat_n(piece, times).collect();
        Self { pieces, pause: None, drips: false, cut: false, announced: None }
    }

    /// All that is still to be sent.
    pub(super) fn into_bytes(self) -> Bytes {
        self.pieces.into_iter().flatten().collect()
    }

    /// Byte by byte.
    pub(super) fn dripping(bytes: &Bytes) -> Self {
        let pieces = bytes.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect();
        let announced = u64::try_from(bytes.len()).ok();
        Self { pieces, pause: None, drips: true, cut: false, announced }
    }

    /// Announces all, sends half and ends.
    pub(super) fn cut(bytes: &Bytes) -> Self {
        let half = bytes.slice(..bytes.len() / 2);
        Self { cut: true, pieces: VecDeque::from([half]), ..Self::whole(bytes.clone()) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.drips {
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(DRIP)));
            if pause.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.cut => {
                Poll::Ready(Some(Err(io::Error::other("cut, as the fault wants it"))))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
