//! Reads what the token server answered (RFC 6749 section 5).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::Granted;
use crate::sap::error::TokenProblem;

/// The life of a token whose answer does not say it. Short: a wrong guess costs a request that SAP
/// refuses, and the next token.
const UNSAID: Duration = Duration::from_mins(5);

/// The life of a token that says it has none: nobody grants those on purpose.
const NONE_AT_ALL: Duration = Duration::from_secs(10);

/// Longer lives are cut to this, so that a client that was locked is noticed within a day.
const LONGEST: Duration = Duration::from_hours(24);

/// SAP's tokens have 1 to 4 KiB; a header of more than 16 KiB is refused by SAP's own web server.
const LONGEST_TOKEN: usize = 16 * 1024;

/// `Retry-After` counts up to here.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// The errors of RFC 6749 section 5.2, RFC 8707 and the one that servers give when they are ill.
const CODES: [&str; 8] = [
    "invalid_request",
    "invalid_grant",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "temporarily_unavailable",
    "server_error",
    "access_denied",
];

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
}

#[derive(Deserialize)]
struct Refusal {
    error: Option<String>,
}

/// The token, or why there is none. Nothing of the answer is repeated.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Granted, TokenProblem> {
    if status != StatusCode::OK {
        return Err(refusal(status, headers, body));
    }
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_not_repeated| TokenProblem::Reply("no JSON"))?;
    let token = Zeroizing::new(
        answer.access_token.ok_or(TokenProblem::Reply("JSON without `access_token`"))?,
    );
    // Some servers write BearerToken, which no standard has; it is shown as Bearer all the same.
    let is_bearer = |kind: &str| {
        kind.eq_ignore_ascii_case("bearer") || kind.eq_ignore_ascii_case("bearertoken")
    };
    if answer.token_type.is_some_and(|kind| !is_bearer(&kind)) {
        return Err(TokenProblem::Reply("a token of another type than Bearer"));
    }
    let is_sound = (1..=LONGEST_TOKEN).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_sound {
        return Err(TokenProblem::Reply("a token that no header can carry"));
    }
    let text = Zeroizing::new(format!("Bearer {}", *token));
    let mut authorization = HeaderValue::from_str(&text)
        .map_err(|_not_repeated| TokenProblem::Reply("a token that no header can carry"))?;
    authorization.set_sensitive(true);
    Ok(Granted { authorization, life: life(answer.expires_in.as_ref()) })
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> TokenProblem {
    let code = serde_json::from_slice::<Refusal>(body).ok().and_then(|refusal| refusal.error);
    // RFC 6749 section 5.2 knows errors with 400 and 401 only. What a server says that is ill or wants
    // to be left alone is no verdict on our client, whatever its body repeats.
    let is_verdict = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
    match code.as_deref() {
        Some("invalid_client" | "unauthorized_client") if is_verdict => {
            return TokenProblem::Credentials;
        }
        Some(code) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            if let Some(known) = CODES.into_iter().find(|known| *known == code) {
                return TokenProblem::Refused { code: known };
            }
        }
        _ => {}
    }
    if status == StatusCode::UNAUTHORIZED {
        return TokenProblem::Credentials;
    }
    let retry_after = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    TokenProblem::Status { status, retry_after }
}

/// A number, or the text of one, as some servers write it.
fn life(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        None | Some(Value::Null) => return UNSAID,
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse::<f64>().ok(),
        Some(_) => None,
    };
    match seconds {
        Some(seconds) if seconds >= 1.0 => {
            Duration::try_from_secs_f64(seconds).map_or(LONGEST, |life| life.min(LONGEST))
        }
        _ => NONE_AT_ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match read(status, &HeaderMap::new(), body.as_bytes()) {
            Ok(granted) => {
                assert!(granted.authorization.is_sensitive());
                format!("{} {:?}", granted.authorization.to_str().unwrap(), granted.life)
            }
            Err(problem) => problem.outcome().label().to_owned(),
        }
    }

    #[test]
    fn a_token_lives_as_long_as_its_answer_says_within_reason() {
        for (expires_in, life) in [
            ("3600", "3600s"),
            ("2", "2s"),
            ("\"3600\"", "3600s"),
            ("3599.0", "3599s"),
            ("0", "10s"),
            ("-5", "10s"),
            ("\"soon\"", "10s"),
            ("[]", "10s"),
            ("1e300", "86400s"),
            ("99999999999999999999", "86400s"),
            ("null", "300s"),
        ] {
            let body = format!(r#"{{"access_token":"t","expires_in":{expires_in}}}"#);
            assert_eq!(told(200, &body), format!("Bearer t {life}"), "{expires_in}");
        }
        assert_eq!(told(200, r#"{"access_token":"t"}"#), "Bearer t 300s");
    }

    #[test]
    fn an_answer_that_is_no_token_is_told_apart() {
        for (status, body, label) in [
            (200, "<html>", "token_reply"),
            (200, "{}", "token_reply"),
            (200, r#"{"access_token":""}"#, "token_reply"),
            (200, r#"{"access_token":5}"#, "token_reply"),
            (200, r#"{"access_token":"a\r\nx: y"}"#, "token_reply"),
            (200, r#"{"access_token":"a b"}"#, "token_reply"),
            (200, r#"{"access_token":"ä"}"#, "token_reply"),
            (200, r#"{"access_token":"a","token_type":"mac"}"#, "token_reply"),
            (429, r#"{"error":"invalid_client"}"#, "token_status"),
            (500, r#"{"error":"invalid_client"}"#, "token_status"),
            (503, r#"{"error":"unauthorized_client"}"#, "token_status"),
            (200, r#"{"access_token":"a","access_token":"b"}"#, "token_reply"),
            (400, r#"{"error":"invalid_scope"}"#, "token_refused"),
            (400, r#"{"error":"invalid_client"}"#, "token_credentials"),
            (401, r#"{"error":"invalid_client"}"#, "token_credentials"),
            (400, r#"{"error":"unauthorized_client"}"#, "token_credentials"),
            (401, "<html>", "token_credentials"),
            (400, r#"{"error":"a\nb"}"#, "token_status"),
            (302, "", "token_status"),
            (500, "<html>", "token_status"),
        ] {
            assert_eq!(told(status, body), label, "{status} {body}");
        }
        let long = format!(r#"{{"access_token":"{}"}}"#, "t".repeat(20_000));
        assert_eq!(told(200, &long), "token_reply");
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_token_server_says_nothing_breaks(status in 200_u16..600, body: Vec<u8>) {
            let status = StatusCode::from_u16(status).unwrap();
            let _whatever = read(status, &HeaderMap::new(), &body);
        }
    }

    #[test]
    fn a_token_is_one_to_be_borne_however_its_type_is_written_and_no_other() {
        for (kind, is_taken) in [
            ("Bearer", true),
            ("bearer", true),
            ("BEARER", true),
            ("BearerToken", true),
            ("bearertoken", true),
            ("BEARERTOKEN", true),
            ("bearerToken", true),
            ("N_A", false),
            ("urn:ietf:params:oauth:token-type:jwt", false),
            ("Basic", false),
            ("JWT", false),
            ("access_token", false),
            ("Bearer,", false),
            ("Bearer\n", false),
            (" Bearer", false),
            ("token", false),
            ("mac", false),
            ("DPoP", false),
            ("pop", false),
            ("Bearer Token", false),
            ("", false),
        ] {
            let body = serde_json::json!({ "access_token": "t", "token_type": kind }).to_string();
            assert_eq!(told(200, &body).starts_with("Bearer t"), is_taken, "{kind}");
        }
    }
}
