//! Answers of the admin listener, with the headers that keep a browser from doing anything else with
//! them.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use serde::Serialize;

use super::events::Events;

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const STYLE: &str = "text/css; charset=utf-8";
pub(super) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(super) const EVENTS: &str = "text/event-stream";

/// What Prometheus asks for since 0.0.4 of its text format.
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Nothing from outside, nothing written into the page but its icon, nowhere else to send a form.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An answer's body.
pub enum Reply {
    /// All of it.
    Whole(Full<Bytes>),
    /// Goes on.
    Events(Box<Events>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Events(events) => {
                events.poll_next(context).map(|next| next.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// An answer of this kind.
pub(super) fn of_kind(
    kind: &'static str,
    status: StatusCode,
    body: impl Into<Bytes>,
) -> Response<Reply> {
    with_headers(kind, status, Reply::Whole(Full::new(body.into())))
}

/// A text for people.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Reply> {
    of_kind(TEXT, status, body)
}

/// For programs.
pub(super) fn json(body: &impl Serialize) -> Response<Reply> {
    // Texts, numbers and lists: there is nothing that cannot be written.
    of_kind(JSON, StatusCode::OK, serde_json::to_vec(body).unwrap_or_default())
}

/// One that goes on.
pub(super) fn events(events: Events) -> Response<Reply> {
    with_headers(EVENTS, StatusCode::OK, Reply::Events(Box::new(events)))
}

/// The path is there, and not by this method.
pub(super) fn allow(method: &'static str) -> Response<Reply> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "not by this method\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    response
}

fn with_headers(kind: &'static str, status: StatusCode, body: Reply) -> Response<Reply> {
    const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), SAME_ORIGIN);
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), SAME_ORIGIN);
    response
}
