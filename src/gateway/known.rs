//! What somebody who has shown a password gets to see besides the answer: what was waited for
//! (`Server-Timing`) and why SAP was not heard (`Proxy-Status`, RFC 9209). Strangers learn nothing of
//! what is behind us.

use std::{fmt::Write as _, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::facts::{CallFacts, Verdict};
use crate::{domain::Reason, lookup::Silence, sap::SapOutcome};

pub(super) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// <https://www.w3.org/TR/server-timing/>
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Adds both headers, where there is something to say.
pub(super) fn tell(
    facts: &CallFacts,
    verdict: Verdict,
    silence: Option<&Silence>,
    headers: &mut HeaderMap,
) {
    if let Verdict::Refuse { reason: Reason::SapUnavailable | Reason::Overloaded, .. } = verdict
        && let Ok(value) = HeaderValue::from_str(&proxy_status(silence))
    {
        headers.insert(PROXY_STATUS, value);
    }
    // Nobody waited for an answer out of memory, and nothing is written for one.
    if (facts.waited_for_place().is_some() || facts.sap_took.is_some())
        && let Ok(value) = HeaderValue::from_str(&server_timing(facts))
    {
        headers.insert(SERVER_TIMING, value);
    }
}

/// Which of the standard's errors it was, and our own word for it. Without a silence SAP was not to
/// blame: there were too many calls at once.
fn proxy_status(silence: Option<&Silence>) -> String {
    let (error, status, details) = match silence {
        None => ("proxy_internal_response", None, Reason::Overloaded.label()),
        Some(Silence::Sap(error)) => (error.proxy_error(), error.received_status(), error.label()),
        Some(Silence::Deadline) => ("http_response_timeout", None, SapOutcome::Deadline.label()),
        Some(Silence::Elsewhere(outcome)) => ("destination_unavailable", None, outcome.label()),
        Some(Silence::Lost) => ("proxy_internal_error", None, SapOutcome::Lost.label()),
    };
    let status = status.map(|status: StatusCode| format!("; received-status={}", status.as_u16()));
    format!(r#"dialgate; error={error}{}; details="{details}""#, status.unwrap_or_default())
}

/// The same times as in the access record, and how much of SAP's was the wait for a token.
fn server_timing(facts: &CallFacts) -> String {
    let requests = facts.basis.as_ref().and_then(|basis| basis.requests.as_ref());
    let token = requests.and_then(|requests| requests.token_took());
    let queue = facts.waited_for_place();
    let mut text = String::with_capacity(64);
    for (name, took) in [("queue", queue), ("token", token), ("sap", facts.sap_took)] {
        let Some(took) = took else { continue };
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _written = write!(text, "{separator}{name};dur={:.3}", milliseconds(took));
    }
    text
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        domain::{CallerId, Source},
        gateway::facts::testing,
        sap::LookupError,
        telemetry::clock::{CallId, Moment},
    };

    const REFUSED: Verdict =
        Verdict::Refuse { reason: Reason::SapUnavailable, source: Source::None };

    fn told(facts: &CallFacts, silence: Option<&Silence>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        tell(facts, facts.verdict, silence, &mut headers);
        headers
    }

    fn facts(verdict: Verdict) -> CallFacts {
        testing::facts(CallId::new(Moment::now()), verdict)
    }

    #[test]
    fn what_was_waited_for_is_told_and_nothing_where_nobody_waited() {
        let dial = facts(Verdict::Dial { source: Source::Sap, caller_id: CallerId::Fits });
        assert_eq!(told(&dial, None)["server-timing"], "sap;dur=1.200", "a place was free");

        let queued = CallFacts { queue: Some(Duration::from_micros(7034)), ..dial.clone() };
        assert_eq!(told(&queued, None)["server-timing"], "queue;dur=7.034, sap;dur=1.200");

        let from_memory = CallFacts { sap_took: None, queue: None, ..dial };
        assert!(told(&from_memory, None).is_empty());
    }

    #[test]
    fn a_refusal_for_want_of_an_answer_says_why_in_the_words_of_the_standard_and_in_ours() {
        let host: Arc<str> = "sap.example:443".into();
        let sap = |error| Some(Silence::Sap(Arc::new(error)));
        let status = StatusCode::BAD_GATEWAY;
        let (retry_after, code) = (None, None);
        let bad = LookupError::Status { host: Arc::clone(&host), status, retry_after, code };
        for (silence, expected) in [
            (None, r#"dialgate; error=proxy_internal_response; details="overloaded""#),
            (
                Some(Silence::Deadline),
                r#"dialgate; error=http_response_timeout; details="deadline""#,
            ),
            (
                Some(Silence::Elsewhere(SapOutcome::Status)),
                r#"dialgate; error=destination_unavailable; details="status""#,
            ),
            (Some(Silence::Lost), r#"dialgate; error=proxy_internal_error; details="lost""#),
            (
                sap(LookupError::Breaker { host }),
                r#"dialgate; error=destination_unavailable; details="breaker""#,
            ),
            (
                sap(bad),
                r#"dialgate; error=destination_unavailable; received-status=502; details="status""#,
            ),
        ] {
            let told = told(&facts(REFUSED), silence.as_ref());
            assert_eq!(told["proxy-status"], expected);
            assert!(!format!("{told:?}").contains("sap.example"), "{told:?}");
        }
    }

    #[test]
    fn what_a_rule_refuses_is_no_fault_of_a_proxy() {
        let reason = Reason::PartnerBlocked;
        let refused = facts(Verdict::Refuse { reason, source: Source::LastGood });

        assert!(!told(&refused, Some(&Silence::Deadline)).contains_key("proxy-status"));
    }
}
