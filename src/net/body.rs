//! Reads a body that somebody else sends, as far as we let it.
//!
//! There is no clock in here: who reads a body has a deadline for the whole exchange and puts this
//! future inside it.

use std::error::Error;
use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The body is longer than the reader allows.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// What was allowed, in bytes.
        limit: usize,
    },
    /// The connection failed, or the framing was wrong, before the body's end.
    #[error("the body ended early")]
    Transport(#[source] Box<dyn Error + Send + Sync>),
}

/// Reads `body` to its end, at most `limit` bytes.
///
/// A body that announces more than that is refused before a byte is read; one that does not
/// announce its length, as soon as it passes the limit. Trailers are read and dropped.
///
/// # Errors
///
/// [`BodyError::TooLarge`], or [`BodyError::Transport`] with what the connection said.
pub async fn read_bounded<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(BodyError::TooLarge { limit });
    }
    let mut body = pin!(body);
    // Nearly every answer comes in one piece, which is passed on without a copy.
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Transport(error.into()))?;
        let Ok(mut piece) = frame.into_data() else { continue };
        if first.len() + all.len() + piece.remaining() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        let piece = piece.copy_to_bytes(piece.remaining());
        if first.is_empty() && all.is_empty() {
            first = piece;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body_util::Full;
    use hyper::body::Frame;
    use proptest::prelude::*;

    use super::*;

    /// A body of unknown length in given pieces.
    struct Pieces(VecDeque<Result<Bytes, io::Error>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            Poll::Ready(self.0.pop_front().map(|piece| piece.map(Frame::data)))
        }
    }

    fn pieces(pieces: &[&'static str]) -> Pieces {
        Pieces(pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect())
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_read() {
        let body = read_bounded(pieces(&["", "ab", "", "cde"]), 5).await;

        assert_eq!(body.unwrap(), "abcde");
    }

    #[tokio::test]
    async fn an_announced_length_over_the_limit_is_refused() {
        let error = read_bounded(Full::new(Bytes::from_static(b"abcdef")), 5).await.unwrap_err();

        assert!(matches!(error, BodyError::TooLarge { limit: 5 }), "{error}");
    }

    #[tokio::test]
    async fn a_body_that_grows_past_the_limit_is_given_up() {
        let error = read_bounded(pieces(&["abc", "def", "ghi"]), 5).await.unwrap_err();

        assert!(matches!(error, BodyError::TooLarge { limit: 5 }), "{error}");
    }

    #[tokio::test]
    async fn a_cut_body_is_an_error_and_keeps_its_cause() {
        let cut = Pieces(VecDeque::from([
            Ok(Bytes::from_static(b"abc")),
            Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        ]));

        let error = read_bounded(cut, 100).await.unwrap_err();

        assert!(matches!(&error, BodyError::Transport(_)), "{error}");
        assert!(error.source().is_some());
    }

    proptest! {
        #[test]
        fn pieces_come_out_as_they_went_in(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9),
            limit in 0_usize..40,
        ) {
            let whole = pieces.concat();
            let body = Pieces(pieces.into_iter().map(|piece| Ok(Bytes::from(piece))).collect());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

            let read = runtime.block_on(read_bounded(body, limit));

            if whole.len() <= limit {
                prop_assert_eq!(read.unwrap(), whole);
            } else {
                prop_assert!(read.is_err());
            }
        }
    }
}
