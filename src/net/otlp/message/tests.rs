//! What is sent, read with the types that OpenTelemetry publishes.

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    },
    common::v1::any_value,
    trace::v1::{span::SpanKind, status::StatusCode},
};
use proptest::prelude::*;

use super::*;
use crate::telemetry::{
    clock::{CallId, Moment},
    trace::{SpanId, Trace},
};

fn span() -> Span {
    let trace = Trace::new(CallId::new(Moment::now()));
    Span {
        trace: trace.id,
        id: trace.span,
        parent: Some(SpanId::new()),
        is_parent_remote: true,
        name: "GET /onClickToDial".to_owned(),
        kind: Kind::Server,
        start: 1_795_359_845_123_456_789,
        end: 1_795_359_845_124_456_789,
        attributes: vec![
            ("http.response.status_code", Value::from(200_u16)),
            ("dialgate.source", Value::from("sap")),
            ("dialgate.under_way", Value::from(true)),
        ],
        error: None,
        link: Some((trace.id, SpanId::new())),
    }
}

#[test]
fn a_span_is_read_as_it_was_meant() {
    let (one, mut other) = (span(), Span { kind: Kind::Client, ..span() });
    other.fail("cut");

    let body = Sender::new("019ab0c1").encode(vec![one.clone(), other.clone()]);

    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let [resource_spans] = request.resource_spans.as_slice() else { panic!("{request:?}") };
    let resource: Vec<_> = resource_spans
        .resource
        .iter()
        .flat_map(|resource| &resource.attributes)
        .map(|attribute| (attribute.key.as_str(), attribute.value.clone().unwrap().value.unwrap()))
        .collect();
    let text = |text: &str| any_value::Value::StringValue(text.to_owned());
    assert_eq!(
        resource,
        [
            ("service.name", text("dialgate")),
            ("service.version", text(env!("CARGO_PKG_VERSION"))),
            ("service.instance.id", text("019ab0c1")),
        ]
    );
    let scope = &resource_spans.scope_spans[0];
    assert_eq!(scope.scope.as_ref().unwrap().name, "dialgate");
    let [first, second] = scope.spans.as_slice() else { panic!("{scope:?}") };
    assert_eq!(first.trace_id, one.trace.bytes());
    assert_eq!(first.span_id, one.id.bytes());
    assert_eq!(first.parent_span_id, one.parent.unwrap().bytes());
    assert_eq!(first.kind(), SpanKind::Server);
    assert_eq!((first.start_time_unix_nano, first.end_time_unix_nano), (one.start, one.end));
    assert_eq!(first.flags, 0x301, "sampled, and the parent is somebody else's");
    assert_eq!(first.status, None);
    let values: Vec<_> = first.attributes.iter().map(|a| a.value.clone().unwrap().value).collect();
    assert_eq!(
        values,
        [
            Some(any_value::Value::IntValue(200)),
            Some(text("sap")),
            Some(any_value::Value::BoolValue(true)),
        ]
    );
    assert_eq!(first.links[0].span_id, one.link.unwrap().1.bytes());
    assert_eq!(second.kind(), SpanKind::Client);
    assert_eq!(second.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(second.attributes.last().unwrap().key, "error.type");
}

#[test]
fn a_collector_that_takes_only_some_says_how_many_it_did_not() {
    let partly = |rejected_spans, message: &str| {
        let error_message = message.to_owned();
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    };

    assert_eq!(rejected(&partly(3, "too old")), Some((3, "too old".to_owned())));
    assert_eq!(rejected(&partly(0, "slow down")), Some((0, "slow down".to_owned())));
    assert_eq!(rejected(&partly(0, "")), None);
    assert_eq!(rejected(&partly(-1, "")), None);
    assert_eq!(rejected(&[]), None);
}

proptest! {
    #[test]
    fn no_answer_makes_it_stumble(answer: Vec<u8>) {
        let _read = (rejected(&answer), refusal(&answer));
    }
}
