//! What ties a request to SAP to the call it is made for: the call's name, and the W3C trace that
//! the caller is part of.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::clock::CallId;

/// <https://www.w3.org/TR/trace-context/>
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// SAP writes it into its logs and gives it back.
const CORRELATION: HeaderName = HeaderName::from_static("x-correlationid");
const REQUEST: HeaderName = HeaderName::from_static("x-request-id");

/// The headers that go along to SAP. Calls that share a request share the first one's.
#[derive(Clone, Debug)]
pub struct Trace {
    call: HeaderValue,
    parent: HeaderValue,
}

impl Trace {
    /// Goes on with the caller's trace, under a new parent, if what it sent is a valid one;
    /// otherwise begins one named as the call.
    pub fn of(call: CallId, headers: &HeaderMap) -> Self {
        let name = call.text();
        let mut values = headers.get_all(TRACEPARENT).iter();
        let sent = match (values.next(), values.next()) {
            (Some(only), None) => only.to_str().ok().and_then(trace_of),
            _ => None,
        };
        let (trace, flags) = sent.unwrap_or_else(|| (name.as_str().replace('-', ""), "00"));
        let mut parent = format!("00-{trace}-");
        // A parent of zeros only would not be valid.
        let _written = write!(parent, "{:016x}-{flags}", fastrand::u64(1..));
        Self { call: value(name.as_str()), parent: value(&parent) }
    }

    /// Adds the headers.
    pub fn put_into(&self, headers: &mut HeaderMap) {
        headers.insert(CORRELATION, self.call.clone());
        headers.insert(REQUEST, self.call.clone());
        headers.insert(TRACEPARENT, self.parent.clone());
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_never| HeaderValue::from_static("-"))
}

/// The trace's ID and whether it is recorded.
fn trace_of(text: &str) -> Option<(String, &'static str)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && is_hex(trace, 32)
        && is_some(trace)
        && is_hex(parent, 16)
        && is_some(parent)
        && is_hex(flags, 2);
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    is_valid.then(|| (trace.to_owned(), if sampled { "01" } else { "00" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::clock::Moment;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn sent_on(values: &[&str]) -> (String, String) {
        let call = CallId::new(Moment::now());
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        let mut sent = HeaderMap::new();
        Trace::of(call, &headers).put_into(&mut sent);
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
            let (sent, call) = sent_on(&values);
            assert!(sent.starts_with(&format!("00-{call}-")), "{sent} {values:?}");
            assert_eq!(trace_of(&sent).unwrap().0, call);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_sent_on_is_always_valid(text in "[0-9a-f-]{0,60}") {
            let (sent, _) = sent_on(&[&text]);
            assert!(trace_of(&sent).is_some(), "{}", sent);
        }
    }
}
