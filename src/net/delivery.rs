//! The answer to one request on its way to the peer, and that it is taken in time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use hyper::body::{Body, Frame, SizeHint};

use super::AnswerBody;
use super::watch::InFlight;

/// Waits for the handler's answer and hands it over together with what watches its delivery.
pub(super) async fn deliver<F, A>(
    in_flight: InFlight,
    is_bodiless: bool,
    answer: F,
) -> Result<Response<Delivery<A>>, Infallible>
where
    F: Future<Output = Response<A>>,
    A: AnswerBody,
{
    let mut response = answer.await;
    if response.status().is_client_error() && says_close(response.headers()) {
        in_flight.turned_away();
    }
    if in_flight.is_last() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let in_flight = in_flight.answered();
    Ok(response.map(|answer| Delivery { answer, current: Bytes::new(), is_bodiless, in_flight }))
}

fn says_close(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONNECTION)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// An answer's body; the request is in flight for as long as hyper holds it.
///
/// It is handed over in pieces: hyper (HTTP/2) takes a body's whole next frame as soon as the peer
/// makes room for a byte, and nobody would see that the peer takes no more.
pub(super) struct Delivery<A: AnswerBody> {
    answer: A,
    current: Bytes,
    /// Nobody asks for the body.
    is_bodiless: bool,
    in_flight: InFlight,
}

impl<A: AnswerBody> Drop for Delivery<A> {
    fn drop(&mut self) {
        if self.is_bodiless || self.is_end_stream() {
            self.in_flight.taken();
        }
    }
}

/// The largest piece, in bytes; as large as the frames of HTTP/2. Answers to jtel are far smaller.
const PIECE_BYTES: usize = 16 * 1024;

impl<A: AnswerBody> Body for Delivery<A> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.current.is_empty() {
            let polled = Pin::new(&mut self.answer).poll_frame(context);
            // Where there is nothing to send yet it is not the peer who keeps us waiting.
            self.in_flight.has_something(polled.is_ready());
            match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.current = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.current.len().min(PIECE_BYTES);
        self.in_flight.hands_over();
        Poll::Ready(Some(Ok(Frame::data(self.current.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.current.is_empty() && self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let current = self.current.len() as u64;
        let hint = self.answer.size_hint();
        match hint.exact() {
            Some(rest) => SizeHint::with_exact(rest + current),
            None => hint,
        }
    }
}
