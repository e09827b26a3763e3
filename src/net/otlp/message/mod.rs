//! OTLP as it goes over the wire: the few messages and fields of `opentelemetry/proto/trace/v1` and
//! `collector/trace/v1` that are needed here. A test reads them with the published types.

use prost::Message;

use crate::net::otlp::span::{Kind, Span, Value};

/// The flags of a span that is recorded.
const SAMPLED: u32 = 0x001;
/// It is said whether the parent, or the linked span, is somebody else's.
const HAS_REMOTE: u32 = 0x100;
/// It is.
const IS_REMOTE: u32 = 0x200;

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

/// Who sends spans: the attributes of the resource, which are the same for all of them.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    resource: ResourceMessage,
    scope: Scope,
}

impl Sender {
    /// `instance` names this process among those that run the same program.
    pub(super) fn new(instance: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let attributes = [
            ("service.name", env!("CARGO_PKG_NAME")),
            ("service.version", version),
            ("service.instance.id", instance),
        ];
        Self {
            resource: ResourceMessage {
                attributes: attributes
                    .map(|(key, value)| KeyValue::of(key, Value::from(value)))
                    .into(),
            },
            scope: Scope { name: env!("CARGO_PKG_NAME").to_owned(), version: version.to_owned() },
        }
    }

    /// The body of a request.
    pub(super) fn encode(&self, spans: Vec<Span>) -> Vec<u8> {
        let spans = spans.into_iter().map(SpanMessage::from).collect();
        let scope_spans = vec![ScopeSpans { scope: Some(self.scope.clone()), spans }];
        let resource_spans =
            vec![ResourceSpans { resource: Some(self.resource.clone()), scope_spans }];
        Request { resource_spans }.encode_to_vec()
    }
}

/// What a collector says of spans that it took, if it says anything: how many it did not, and why.
pub(super) fn rejected(answer: &[u8]) -> Option<(u64, String)> {
    let partly = Response::decode(answer).ok()?.partial_success?;
    let rejected = u64::try_from(partly.rejected_spans).unwrap_or_default();
    (rejected > 0 || !partly.error_message.is_empty()).then_some((rejected, partly.error_message))
}

/// Why a collector refused, in its own words, where there are any.
pub(super) fn refusal(answer: &[u8]) -> Option<String> {
    Some(RpcStatus::decode(answer).ok()?.message).filter(|message| !message.is_empty())
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<ResourceMessage>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceMessage {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct SpanMessage {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "13")]
    links: Vec<Link>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(fixed32, tag = "6")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "OneValue", tags = "1, 2, 3")]
    value: Option<OneValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OneValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Truth(bool),
    #[prost(int64, tag = "3")]
    Number(i64),
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(string, tag = "2")]
    message: String,
}

impl From<Span> for SpanMessage {
    fn from(span: Span) -> Self {
        let remote = if span.is_parent_remote { IS_REMOTE } else { 0 };
        let link = span.link.map(|(trace, span)| Link {
            trace_id: trace.bytes().into(),
            span_id: span.bytes().into(),
            flags: SAMPLED | HAS_REMOTE,
        });
        Self {
            trace_id: span.trace.bytes().into(),
            span_id: span.id.bytes().into(),
            parent_span_id: span.parent.map(|parent| parent.bytes().into()).unwrap_or_default(),
            name: span.name,
            kind: match span.kind {
                Kind::Internal => 1,
                Kind::Server => 2,
                Kind::Client => 3,
            },
            start_time_unix_nano: span.start,
            end_time_unix_nano: span.end,
            attributes: span
                .attributes
                .into_iter()
                .map(|(key, value)| KeyValue::of(key, value))
                .collect(),
            links: link.into_iter().collect(),
            // Without an error it is left to those who look at it.
            status: span.error.map(|_why| Status { code: ERROR }),
            flags: SAMPLED | HAS_REMOTE | remote,
        }
    }
}

impl KeyValue {
    fn of(key: &str, value: Value) -> Self {
        let value = match value {
            Value::Text(text) => OneValue::Text(text),
            Value::Number(number) => OneValue::Number(number),
            Value::Truth(truth) => OneValue::Truth(truth),
        };
        Self { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
    }
}

#[cfg(test)]
mod tests;
