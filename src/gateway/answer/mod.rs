//! What leaves `/onClickToDial`: one table of statuses, and the two bodies jtel gets to see.
//!
//! jtel documents 200, 400, 403 and 404 and no others, so with `answers: jtel` nothing else leaves
//! the path; with `answers: http` each case has its own status.

mod described;

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
        WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    },
};
use http_body_util::Full;
use schemars::JsonSchema;
use serde::Serialize;

use super::facts::{Told, Verdict};
use crate::{
    config::Answers,
    domain::{CallerId, Dial, Reason, Source},
    net::wire::WireFault,
    telemetry::clock::CallIdText,
};

pub(super) use described::{Asked, NOT_HERE, describe, describe_refusal, of_one_status};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// No answer has more header fields than these, with hyper's `Date`.
const FIELDS: usize = 10;

/// Seconds after which a caller may ask again while SAP is silent: the default probe interval.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// The body of a 200.
#[derive(Debug)]
pub(super) enum Text {
    /// The rendered head, see [`dial_head`]; source and call are still to come.
    Head(Bytes),
    /// All of it, in SAP's own form.
    Whole(Bytes),
}

/// Everything a request can be answered with.
#[derive(Debug)]
pub(super) enum Answer {
    /// Dial.
    Dial(Text, Source, CallerId),
    /// What SAP knows of who calls.
    Caller(Bytes, Told, Source),
    /// Do not dial.
    Refuse(Reason, Source),
    /// Do not dial, and do not look who it is for so long: the address has shown too much that is wrong.
    Barred(Duration),
    /// Do not dial: SAP gave no usable answer and none is remembered.
    SapUnavailable {
        /// SAP did not answer at all before the deadline.
        timed_out: bool,
    },
    /// Do not dial: the question is not readable, and this is why.
    BadQuery(String),
    /// This is not proper HTTP.
    Malformed(WireFault),
    /// There is no such path.
    NotFound,
    /// The path takes GET and HEAD only.
    MethodNotAllowed,
}

impl Answer {
    pub(super) const UNAUTHORIZED: Self = Self::Refuse(Reason::Unauthorized, Source::None);
    pub(super) const OVERLOADED: Self = Self::Refuse(Reason::Overloaded, Source::None);
    pub(super) const UNRECORDED: Self = Self::Refuse(Reason::AuditUnwritable, Source::None);

    /// No SAP is asked about such a partner.
    pub(super) const NOT_ROUTED: Self = Self::Refuse(Reason::NotRouted, Source::None);

    /// How the request ends with this answer.
    pub(super) fn verdict(&self) -> Verdict {
        let refuse = |reason, source| Verdict::Refuse { reason, source };
        match self {
            Self::Dial(_, source, caller_id) => {
                Verdict::Dial { source: *source, caller_id: *caller_id }
            }
            Self::Caller(_, told, source) => Verdict::Caller { told: *told, source: *source },
            Self::Refuse(reason, source) => refuse(*reason, *source),
            Self::Barred(_) => refuse(Reason::Unauthorized, Source::None),
            Self::SapUnavailable { .. } => refuse(Reason::SapUnavailable, Source::None),
            Self::BadQuery(_) => refuse(Reason::BadQuery, Source::None),
            Self::Malformed(fault) => Verdict::Malformed(*fault),
            Self::NotFound => Verdict::NoSuchPath,
            Self::MethodNotAllowed => Verdict::MethodNotAllowed,
        }
    }

    /// The table of `design.md`, both columns.
    fn status(&self, answers: Answers) -> StatusCode {
        let reason = match self {
            Self::Dial(..) | Self::Caller(..) => return StatusCode::OK,
            Self::BadQuery(_) | Self::Malformed(_) => return StatusCode::BAD_REQUEST,
            Self::NotFound => return StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => return StatusCode::METHOD_NOT_ALLOWED,
            Self::Barred(_) => {
                return match answers {
                    Answers::Jtel => StatusCode::FORBIDDEN,
                    Answers::Http => StatusCode::TOO_MANY_REQUESTS,
                };
            }
            Self::SapUnavailable { timed_out: true } => {
                return match answers {
                    Answers::Jtel => StatusCode::FORBIDDEN,
                    Answers::Http => StatusCode::GATEWAY_TIMEOUT,
                };
            }
            Self::SapUnavailable { timed_out: false } => Reason::SapUnavailable,
            Self::Refuse(reason, _) => *reason,
        };
        status_of(reason, answers)
    }

    /// For the person who reads the answer; never personal data.
    fn detail(&self) -> &str {
        match self {
            Self::Dial(..) | Self::Caller(..) => "",
            Self::BadQuery(fault) => fault,
            Self::Malformed(fault) => fault.text(),
            Self::Barred(_) => "too many wrong credentials came from this address; ask again later",
            Self::NotFound => "there is no such path",
            Self::MethodNotAllowed => "only GET and HEAD are answered here",
            Self::SapUnavailable { .. } => "SAP gave no usable answer and none is remembered",
            Self::Refuse(reason, _) => match reason {
                Reason::BadQuery => "the question is not readable",
                Reason::Unauthorized => "the credentials are missing or wrong",
                Reason::Overloaded => "too many calls at once",
                Reason::AuditUnwritable => "nothing is decided that cannot be recorded",
                Reason::NotRouted => "no route sends the question to an SAP",
                Reason::PartnerUnknown => "SAP knows no such business partner",
                Reason::PartnerAmbiguous => "more than one record in SAP matches",
                Reason::PartnerBlocked => "the business partner is blocked in SAP",
                Reason::ContactNotAllowed => "the business partner does not want to be contacted",
                Reason::NoChannel => "the business partner has no sales channel in SAP",
                Reason::NoCountry => "the business partner has no country in SAP",
                Reason::NoServiceNumber => "no service number is configured for this partner",
                Reason::SapUnavailable => "SAP gave no usable answer and none is remembered",
                Reason::NumberNotAllowed => "a rule forbids this number",
                Reason::CallerIdNotAllowed => {
                    "the service number is foreign where this number rings"
                }
            },
        }
    }

    /// The answer as HTTP.
    pub(super) fn response<B>(
        &self,
        answers: Answers,
        call: &CallIdText,
        request: &Request<B>,
    ) -> Response<Full<Bytes>> {
        let status = self.status(answers);
        let body = match self {
            Self::Dial(Text::Head(head), source, _) => dial_body(head, *source, call),
            Self::Dial(Text::Whole(body), ..) | Self::Caller(body, ..) => body.clone(),
            _ => self.problem(status, call),
        };
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        // Taken at once: grown field by field they would be taken three times.
        headers.reserve(FIELDS);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(match self {
                Self::Dial(..) | Self::Caller(..) => "application/json",
                _ => "application/problem+json",
            }),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        if let Ok(id) = HeaderValue::from_str(call.as_str()) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(status) = self.cache_status() {
            headers.insert(CACHE_STATUS, HeaderValue::from_static(status));
        }
        match self {
            Self::MethodNotAllowed => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            // What follows on this connection cannot be told from the body of this request.
            // HTTP/2 has frames for that and forbids the header.
            Self::Malformed(_) if request.version() < Version::HTTP_2 => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        match status {
            StatusCode::UNAUTHORIZED => {
                let challenge =
                    HeaderValue::from_static(r#"Basic realm="dialgate", charset="UTF-8""#);
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            StatusCode::TOO_MANY_REQUESTS => {
                if let Self::Barred(left) = self {
                    headers.insert(RETRY_AFTER, HeaderValue::from(left.as_secs() + 1));
                }
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            _ => {}
        }
        if request.method() != Method::HEAD {
            *response.body_mut() = Full::new(body);
        }
        response
    }

    /// RFC 9211; absent where nothing was looked up.
    fn cache_status(&self) -> Option<&'static str> {
        match (self.verdict().source(), self) {
            (Source::Memory, _) => Some("dialgate; hit"),
            (Source::Refreshing, _) => Some("dialgate; hit; detail=refreshing"),
            (Source::Shared, _) => Some("dialgate; hit; detail=shared"),
            (Source::Stale, _) => Some("dialgate; hit; detail=stale"),
            (Source::Sap, _) | (Source::None, Self::SapUnavailable { .. }) => {
                Some("dialgate; fwd=miss")
            }
            (Source::LastGood, _) => Some("dialgate; hit; detail=last_good"),
            (Source::Default, _) => Some("dialgate; fwd=miss; detail=default"),
            (Source::None, _) => None,
        }
    }

    /// RFC 9457, with the members that a refusal of jtel's has besides.
    fn problem(&self, status: StatusCode, call: &CallIdText) -> Bytes {
        let verdict = self.verdict();
        let reason = verdict.reason();
        let problem = Problem {
            decision: Some(verdict.decision()).filter(|decision| *decision == "refuse"),
            reason,
            status: status.as_u16(),
            detail: self.detail(),
            kind: format!("urn:dialgate:{reason}"),
            title: status.canonical_reason().unwrap_or("Refused"),
            instance: format!("urn:uuid:{}", call.as_str()),
            call_id: call.as_str(),
        };
        // Texts and a number: there is nothing that cannot be written.
        serde_json::to_vec(&problem).unwrap_or_default().into()
    }
}

/// A refusal (RFC 9457), in the order in which a person reads it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Refusal")]
#[serde(rename_all = "camelCase")]
struct Problem<'p> {
    /// `refuse`: the call is not to go out. Absent where nothing was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["refuse"]), with = "&str")]
    decision: Option<&'static str>,
    /// Why, as one word, which is also in records and metrics.
    #[schemars(schema_with = "described::why")]
    reason: &'p str,
    /// The status of the answer.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// Why, for the person who reads it. Has nothing of the question.
    detail: &'p str,
    /// `urn:dialgate:` and the reason.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = "^urn:dialgate:[a-z_]+$"))]
    kind: String,
    /// The name of the status.
    title: &'p str,
    /// `urn:uuid:` and the call's name.
    #[schemars(extend("format" = "uri"))]
    instance: String,
    /// The call's name, also in X-Request-Id, in records and in the log.
    #[schemars(extend("format" = "uuid"))]
    call_id: &'p str,
}

/// The status of a refusal: one table, both columns.
pub fn status_of(reason: Reason, answers: Answers) -> StatusCode {
    let (jtel, http) = match reason {
        Reason::BadQuery => (400, 400),
        Reason::Unauthorized => (403, 401),
        Reason::Overloaded | Reason::AuditUnwritable | Reason::SapUnavailable => (403, 503),
        Reason::PartnerUnknown => (404, 404),
        Reason::PartnerAmbiguous => (403, 409),
        Reason::NotRouted
        | Reason::PartnerBlocked
        | Reason::ContactNotAllowed
        | Reason::NoChannel
        | Reason::NoCountry
        | Reason::NoServiceNumber
        | Reason::NumberNotAllowed
        | Reason::CallerIdNotAllowed => (403, 403),
    };
    let status = match answers {
        Answers::Jtel => jtel,
        Answers::Http => http,
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN)
}

/// Everything of a 200 that is the same for each call about one partner under one rule set. What
/// differs comes at the end, so that a call only adds two short texts.
pub(super) fn dial_head(dial: &Dial<'_>) -> Bytes {
    let mut head = Vec::with_capacity(192);
    let mut member = |before: &str, value: &str| {
        head.extend_from_slice(before.as_bytes());
        // A quoted JSON string; serde_json cannot fail on a str, and memory takes it.
        serde_json::to_writer(&mut head, value).unwrap_or_default();
    };
    member(r#"{"decision":"dial","distributionChannelCodeText":"#, dial.channel.as_str());
    member(r#","countryCode":"#, dial.country.as_str());
    member(r#","contractNumber":"#, dial.contract_number.as_str());
    if let Some(number) = &dial.service_number {
        member(r#","serviceNumber":"#, number.as_str());
    }
    head.extend_from_slice(br#","source":""#);
    head.into()
}

fn dial_body(head: &[u8], source: Source, call: &CallIdText) -> Bytes {
    const BETWEEN: &[u8] = br#"","callId":""#;
    const AFTER: &[u8] = br#""}"#;
    let parts = [head, source.label().as_bytes(), BETWEEN, call.as_str().as_bytes(), AFTER];
    parts.concat().into()
}

#[cfg(test)]
mod tests;
