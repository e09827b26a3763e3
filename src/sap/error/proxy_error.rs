//! The error types of RFC 9209 (`Proxy-Status`), for those of ours that they tell of.

use std::io;

use http::StatusCode;

use super::{LookupError, ReplyProblem, TokenProblem};

/// What the standard calls an error that nobody knows more of than that there is no answer.
const UNAVAILABLE: &str = "destination_unavailable";

impl LookupError {
    /// The type of RFC 9209, section 2.3, that fits best.
    pub fn proxy_error(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "connection_limit_reached",
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::ConnectionRefused => "connection_refused",
                io::ErrorKind::TimedOut => "connection_timeout",
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    "destination_ip_unroutable"
                }
                _ => UNAVAILABLE,
            },
            Self::Tls { fault, .. } => fault.proxy_error(),
            Self::Deadline { .. } | Self::Token { problem: TokenProblem::Deadline, .. } => {
                "http_response_timeout"
            }
            Self::Cut { .. } => "connection_terminated",
            Self::Protocol { .. } => "http_protocol_error",
            // Somebody has to change something here.
            Self::Credentials { .. }
            | Self::Forbidden { .. }
            | Self::Redirect { .. }
            | Self::Token {
                problem:
                    TokenProblem::Refused { .. }
                    | TokenProblem::Credentials
                    | TokenProblem::Rejected
                    | TokenProblem::Key,
                ..
            } => "proxy_configuration_error",
            Self::Reply { problem, .. } => match problem {
                ReplyProblem::TooLarge { .. } => "http_response_body_size",
                ReplyProblem::ContentEncoding | ReplyProblem::Packed => {
                    "http_response_content_coding"
                }
                ReplyProblem::TwoLengths => "http_protocol_error",
                // Proper HTTP and no answer; the standard has no word for that.
                ReplyProblem::Html
                | ReplyProblem::ContentType
                | ReplyProblem::NotJson { .. }
                | ReplyProblem::ErrorBody { .. }
                | ReplyProblem::HalfList
                | ReplyProblem::PathMissing { .. }
                | ReplyProblem::WrongRecord
                | ReplyProblem::OtherForm
                | ReplyProblem::Value { .. } => UNAVAILABLE,
            },
            Self::Breaker { .. }
            | Self::Quota { .. }
            | Self::Proxy { .. }
            | Self::Throttled { .. }
            | Self::Maintenance { .. }
            | Self::Status { .. }
            | Self::Token {
                problem:
                    TokenProblem::Connect(_) | TokenProblem::Status { .. } | TokenProblem::Reply(_),
                ..
            } => UNAVAILABLE,
        }
    }

    /// The status that SAP answered with instead, where that is what was wrong.
    pub fn received_status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } | Self::Redirect { status, .. } => Some(*status),
            Self::Forbidden { .. } => Some(StatusCode::FORBIDDEN),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    #[test]
    fn each_error_has_a_type_of_the_standard() {
        let host: Arc<str> = "sap.example".into();
        let host = || Arc::clone(&host);
        let connect = |kind: io::ErrorKind| LookupError::connect(host(), kind.into());
        let reply = |problem| LookupError::Reply { host: host(), step: "a".into(), problem };
        let waited = Duration::from_secs(1);
        for (error, word) in [
            (LookupError::Busy { waited }, "connection_limit_reached"),
            (LookupError::Breaker { host: host() }, "destination_unavailable"),
            (LookupError::Deadline { host: host(), waited }, "http_response_timeout"),
            (LookupError::Credentials { host: host() }, "proxy_configuration_error"),
            (connect(io::ErrorKind::ConnectionRefused), "connection_refused"),
            (connect(io::ErrorKind::TimedOut), "connection_timeout"),
            (connect(io::ErrorKind::NetworkUnreachable), "destination_ip_unroutable"),
            (connect(io::ErrorKind::Other), "destination_unavailable"),
            (reply(ReplyProblem::TooLarge { limit: 1 }), "http_response_body_size"),
            (reply(ReplyProblem::Packed), "http_response_content_coding"),
            (reply(ReplyProblem::TwoLengths), "http_protocol_error"),
            (reply(ReplyProblem::Html), "destination_unavailable"),
        ] {
            assert_eq!(error.proxy_error(), word, "{error}");
            assert_eq!(error.received_status(), None, "{error}");
        }
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let error = LookupError::Status { host: host(), status, retry_after: None, code: None };
        assert_eq!(error.received_status(), Some(status));
    }

    #[test]
    fn tls_says_whether_it_was_the_certificate() {
        let tls = |error: rustls::Error| {
            LookupError::connect("sap.example".into(), io::Error::other(error)).proxy_error()
        };

        let expired = rustls::CertificateError::Expired;
        assert_eq!(tls(rustls::Error::InvalidCertificate(expired)), "tls_certificate_error");
        assert_eq!(tls(rustls::Error::NoCertificatesPresented), "tls_certificate_error");
        let refused = rustls::AlertDescription::HandshakeFailure;
        assert_eq!(tls(rustls::Error::AlertReceived(refused)), "tls_alert_received");
        assert_eq!(tls(rustls::Error::DecryptError), "tls_protocol_error");
    }
}
