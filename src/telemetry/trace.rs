//! What ties a request to SAP to the call it is made for: the call's name, and the W3C trace that
//! the caller is part of.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::{Uuid, fmt::Simple};

use super::clock::CallId;

/// <https://www.w3.org/TR/trace-context/>
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What tracing systems on the way have to say to each other; it goes with a valid `traceparent` only.
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest `tracestate` that goes on, as W3C wants it at least.
const MAX_STATE: usize = 512;

/// The most entries that it may have.
const MAX_ENTRIES: usize = 32;

/// The longest key, and the longest value, of an entry.
const MAX_PART: usize = 256;

/// SAP writes it into its logs and gives it back.
const CORRELATION: HeaderName = HeaderName::from_static("x-correlationid");
const REQUEST: HeaderName = HeaderName::from_static("x-request-id");

/// The part of a trace's name that is random, whoever made it; a [`CallId`] begins with the time.
const RANDOM: u128 = (1 << 56) - 1;

/// For what cannot be written; there is no such thing.
const NOTHING: HeaderValue = HeaderValue::from_static("-");

/// Hexadecimal digits of a span's name.
const SPAN_DIGITS: usize = 16;

/// Names a trace; its text form are 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceId(u128);

/// Names one span of a trace; its text form are 16 hexadecimal digits. Never zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpanId(u64);

/// The trace that a call is part of: the caller's, or one that begins with the call. What is sent to
/// SAP for it names the call, too. Calls that share a request share the first one's.
#[derive(Clone, Debug)]
pub struct Trace {
    call: CallId,
    /// Which trace it is.
    pub id: TraceId,
    /// The caller's span, where it is the caller's trace.
    pub parent: Option<SpanId>,
    /// The call's own span.
    pub span: SpanId,
    /// It is recorded: by the caller, or here where it begins here.
    pub sampled: bool,
    /// The caller's `tracestate`, unchanged: nothing of ours is in it.
    state: Option<Arc<HeaderValue>>,
}

impl TraceId {
    /// The bytes of its binary form.
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Whether it is among so many percent of all traces: always the same for one trace, and for all
    /// who decide by its last seven bytes, as W3C has it.
    pub fn is_among(self, percent: u8) -> bool {
        let last = self.0 & RANDOM;
        let left_out = u128::from(100_u8.saturating_sub(percent)) * (RANDOM + 1) / 100;
        last >= left_out
    }
}

impl SpanId {
    /// A new one. It names and does not protect, so a fast generator is right.
    pub fn new() -> Self {
        Self(fastrand::u64(1..))
    }

    /// The bytes of its binary form.
    pub fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl Default for SpanId {
    fn default() -> Self {
        Self::new()
    }
}

impl TraceId {
    /// The 32 digits of its text form.
    pub fn digits(self) -> [u8; Simple::LENGTH] {
        let mut digits = [0; Simple::LENGTH];
        Uuid::from_u128(self.0).simple().encode_lower(&mut digits);
        digits
    }
}

impl SpanId {
    /// The 16 digits of its text form.
    fn digits(self) -> [u8; SPAN_DIGITS] {
        let all = TraceId(self.0.into()).digits();
        all.last_chunk().copied().unwrap_or([b'0'; SPAN_DIGITS])
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl Trace {
    /// Begins with the call, and is named as the call.
    pub fn new(call: CallId) -> Self {
        let id = TraceId(call.number());
        Self { call, id, parent: None, span: SpanId::new(), sampled: false, state: None }
    }

    /// Goes on with the caller's trace if what it sent is a valid one; otherwise it is a new one.
    pub fn of(call: CallId, headers: &HeaderMap) -> Self {
        Self::new(call).continued(headers)
    }

    /// The same as a part of the caller's trace, if what it sent is a valid one.
    #[must_use]
    pub fn continued(self, headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let sent = match (values.next(), values.next()) {
            (Some(only), None) => only.to_str().ok().and_then(sent),
            _ => None,
        };
        let Some((id, parent, sampled)) = sent else { return self };
        Self { id, parent: Some(parent), sampled, state: state_of(headers).map(Arc::new), ..self }
    }

    /// Adds the headers of one request, which is the span `span`.
    pub fn put_into(&self, span: SpanId, headers: &mut HeaderMap) {
        let call = value(self.call.text().as_str());
        headers.insert(CORRELATION, call.clone());
        headers.insert(REQUEST, call);
        headers.insert(TRACEPARENT, self.parent_of(span));
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, HeaderValue::clone(state));
        }
    }
}

impl Trace {
    /// `00-`, the trace, the span, and whether it is recorded.
    fn parent_of(&self, span: SpanId) -> HeaderValue {
        let flags: &[u8] = if self.sampled { b"01" } else { b"00" };
        let (trace, span) = (self.id.digits(), span.digits());
        let text = [b"00".as_slice(), &trace, &span, flags].join(&b'-');
        HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(NOTHING)
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(NOTHING)
}

/// The caller's `tracestate` as one header, if all of it is sound and it is not too long.
fn state_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut whole = String::new();
    let mut keys = Vec::new();
    for line in headers.get_all(TRACESTATE) {
        let entries = line.to_str().ok()?.split(',').map(|entry| entry.trim_matches([' ', '\t']));
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let (key, value) = entry.split_once('=')?;
            if !is_key(key) || !is_value(value) || keys.contains(&key) {
                return None;
            }
            keys.push(key);
            if !whole.is_empty() {
                whole.push(',');
            }
            whole += entry;
            if whole.len() > MAX_STATE || keys.len() > MAX_ENTRIES {
                return None;
            }
        }
    }
    HeaderValue::try_from(whole).ok().filter(|whole| !whole.is_empty())
}

fn is_key(key: &str) -> bool {
    let is_begun = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_of_it = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    is_begun && key.len() <= MAX_PART && key.bytes().all(is_of_it)
}

fn is_value(value: &str) -> bool {
    let is_of_it = |b: u8| matches!(b, b' '..=b'~') && b != b'=';
    !value.is_empty() && value.len() <= MAX_PART && value.bytes().all(is_of_it)
}

/// The trace, the caller's span in it, and whether it is recorded.
fn sent(text: &str) -> Option<(TraceId, SpanId, bool)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2);
    if !is_valid {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
    let parent = u64::from_str_radix(parent, 16).ok().filter(|parent| *parent != 0)?;
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    Some((TraceId(trace), SpanId(parent), sampled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::clock::Moment;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPEC: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

    fn sent_on(values: &[&str]) -> (String, String) {
        let call = CallId::new(Moment::now());
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        let mut sent = HeaderMap::new();
        Trace::of(call, &headers).put_into(SpanId::new(), &mut sent);
        assert_eq!(sent["x-correlationid"], call.to_string());
        assert_eq!(sent["x-request-id"], call.to_string());
        (sent["traceparent"].to_str().unwrap().to_owned(), call.to_string().replace('-', ""))
    }

    #[test]
    fn a_valid_trace_goes_on_under_a_new_parent() {
        for (text, flags) in [
            (format!("00-{TRACE}-00f067aa0ba902b7-01"), "01"),
            (format!("00-{TRACE}-00f067aa0ba902b7-00"), "00"),
            (format!("cc-{TRACE}-00f067aa0ba902b7-03-more"), "01"),
        ] {
            let (sent, _) = sent_on(&[&text]);
            assert!(sent.starts_with(&format!("00-{TRACE}-")), "{sent}");
            assert!(sent.ends_with(&format!("-{flags}")), "{sent}");
            assert!(!sent.contains("00f067aa0ba902b7"), "{sent}");
        }
    }

    #[test]
    fn anything_else_begins_a_trace_named_as_the_call() {
        let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
        for values in [
            vec![],
            vec![""],
            vec!["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
            vec!["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
            vec!["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"],
            vec![&valid, &valid],
        ] {
            let (text, call) = sent_on(&values);
            assert!(text.starts_with(&format!("00-{call}-")), "{text} {values:?}");
            assert_eq!(sent(&text).unwrap().0.to_string(), call);
        }
    }

    fn state_sent_on(parent: &str, states: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_str(parent).unwrap());
        for state in states {
            headers.append(TRACESTATE, HeaderValue::from_bytes(state.as_bytes()).unwrap());
        }
        let mut sent = HeaderMap::new();
        let trace = Trace::of(CallId::new(Moment::now()), &headers);
        trace.put_into(SpanId::new(), &mut sent);
        sent.get(TRACESTATE).map(|state| state.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_sound_state_goes_on_with_a_valid_trace_and_nothing_else_does() {
        let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let long = |value: usize| format!("a={},b={}", "x".repeat(256), "x".repeat(value));
        let entries = |n: usize| (0..n).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        for (states, expected) in [
            (vec![SPEC], Some(SPEC)),
            (vec!["a=1 , ,\tb@c=x y", "d*/_-=~"], Some("a=1,b@c=x y,d*/_-=~")),
            (vec![&long(251)], Some(&*long(251))),
            (vec![&entries(32)], Some(&*entries(32))),
            (vec![], None),
            (vec![""], None),
            (vec![" , "], None),
            (vec!["a"], None),
            (vec!["a="], None),
            (vec!["=1"], None),
            (vec!["A=1"], None),
            (vec!["a=1=2"], None),
            (vec!["a=1,a=2"], None),
            (vec!["a=1", "a=2"], None),
            (vec!["a=\u{fc}"], None),
            (vec![&long(252)], None),
            (vec![&format!("a={}", "x".repeat(257))], None),
            (vec![&entries(33)], None),
        ] {
            assert_eq!(state_sent_on(&valid, &states).as_deref(), expected, "{states:?}");
            assert_eq!(state_sent_on("none", &states), None, "{states:?}");
        }
    }

    #[test]
    fn a_share_of_the_traces_is_recorded_and_each_always_or_never() {
        let traces: Vec<_> =
            (0..10_000).map(|_| Trace::new(CallId::new(Moment::now())).id).collect();
        let share = |percent| traces.iter().filter(|id| id.is_among(percent)).count();

        assert_eq!((share(0), share(100)), (0, 10_000));
        assert!((2_000..3_000).contains(&share(25)), "{}", share(25));
        assert!(traces.iter().all(|id| !id.is_among(25) || id.is_among(26)));
        assert!(TraceId(RANDOM).is_among(1) && !TraceId(RANDOM + 1).is_among(99));
    }

    proptest::proptest! {
        #[test]
        fn what_is_sent_on_is_always_valid(text in "[0-9a-f-]{0,60}") {
            let (text, _) = sent_on(&[&text]);
            assert!(sent(&text).is_some(), "{}", text);
        }
    }
}
