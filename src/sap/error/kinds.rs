//! What kind of failure each error is: for metrics and log, for the breaker, for a second try.

use std::{io, sync::Arc, time::Duration};

use http::StatusCode;

use super::{LookupError, ReplyProblem, TlsFault, TokenProblem};
use crate::sap::outcome::SapOutcome;

impl LookupError {
    /// No connection to SAP, for whatever reason.
    pub(in crate::sap) fn connect(host: Arc<str>, source: io::Error) -> Self {
        match TlsFault::of(&source, "sap") {
            Some(fault) => Self::Tls { host, fault },
            None => Self::Connect { host, source },
        }
    }

    /// The word in metrics, logs and `explain`.
    pub fn outcome(&self) -> SapOutcome {
        match self {
            Self::Busy { .. } => SapOutcome::Busy,
            Self::Breaker { .. } => SapOutcome::Breaker,
            Self::Quota { .. } => SapOutcome::Quota,
            Self::Connect { .. } | Self::Tls { .. } => SapOutcome::Connect,
            Self::Proxy { .. } => SapOutcome::Proxy,
            Self::Token { problem, .. } => problem.outcome(),
            Self::Deadline { .. } => SapOutcome::Deadline,
            Self::Cut { .. } => SapOutcome::Cut,
            Self::Protocol { .. } => SapOutcome::Protocol,
            Self::Credentials { .. } => SapOutcome::Credentials,
            Self::Forbidden { .. } => SapOutcome::Forbidden,
            Self::Redirect { .. } => SapOutcome::Redirect,
            Self::Throttled { .. } => SapOutcome::Throttled,
            Self::Maintenance { .. } => SapOutcome::Maintenance,
            Self::Status { .. } => SapOutcome::Status,
            Self::Reply { problem, .. } => match problem {
                ReplyProblem::Html => SapOutcome::Html,
                ReplyProblem::ContentType => SapOutcome::ContentType,
                ReplyProblem::ContentEncoding | ReplyProblem::Packed => SapOutcome::ContentEncoding,
                ReplyProblem::TooLarge { .. } => SapOutcome::TooLarge,
                ReplyProblem::NotJson { .. } => SapOutcome::NotJson,
                ReplyProblem::ErrorBody { .. } => SapOutcome::ErrorBody,
                ReplyProblem::HalfList => SapOutcome::HalfList,
                ReplyProblem::TwoLengths => SapOutcome::TwoLengths,
                ReplyProblem::PathMissing { .. } => SapOutcome::PathMissing,
                ReplyProblem::WrongRecord | ReplyProblem::OtherForm => SapOutcome::WrongRecord,
                ReplyProblem::Value { .. } => SapOutcome::Value,
            },
        }
    }

    /// [`SapOutcome::label`] of [`Self::outcome`].
    pub fn label(&self) -> &'static str {
        self.outcome().label()
    }

    /// When SAP wants to be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Throttled { again_in, .. } => Some(*again_in),
            // The token server is left alone by the login itself.
            Self::Token { .. }
            | Self::Busy { .. }
            | Self::Breaker { .. }
            | Self::Quota { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::Deadline { .. }
            | Self::Cut { .. }
            | Self::Protocol { .. }
            | Self::Credentials { .. }
            | Self::Forbidden { .. }
            | Self::Redirect { .. }
            | Self::Maintenance { .. }
            | Self::Reply { .. } => None,
        }
    }

    /// SAP's own code for it, from the body of its answer.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Forbidden { code, .. }
            | Self::Throttled { code, .. }
            | Self::Status { code, .. }
            | Self::Reply { problem: ReplyProblem::ErrorBody { code }, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// Where a body stopped being JSON.
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::Reply { problem: ReplyProblem::NotJson { position }, .. } => Some(*position),
            _ => None,
        }
    }

    /// The path in the dialect that the answer does not fit.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Reply {
                problem: ReplyProblem::PathMissing { path } | ReplyProblem::Value { path, .. },
                ..
            } => Some(path),
            _ => None,
        }
    }

    /// SAP answered with a record, and it cannot be used: that partner's fault, as long as it is not
    /// the same with others.
    pub fn is_about_one_partner(&self) -> bool {
        matches!(
            self,
            Self::Reply {
                problem: ReplyProblem::PathMissing { .. }
                    | ReplyProblem::WrongRecord
                    | ReplyProblem::OtherForm
                    | ReplyProblem::Value { .. }
                    | ReplyProblem::TooLarge { .. }
                    | ReplyProblem::HalfList
                    | ReplyProblem::NotJson { .. },
                ..
            }
        )
    }

    /// SAP was not asked, or has not failed: it wanted to be left alone, or did not take our
    /// credentials, or the token server failed.
    pub(in crate::sap) fn is_no_failure_of_sap(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::Breaker { .. }
            | Self::Quota { .. }
            | Self::Credentials { .. }
            | Self::Token { .. }
            | Self::Throttled { .. } => true,
            Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::Deadline { .. }
            | Self::Cut { .. }
            | Self::Protocol { .. }
            | Self::Forbidden { .. }
            | Self::Redirect { .. }
            | Self::Maintenance { .. }
            | Self::Status { .. }
            | Self::Reply { .. } => false,
        }
    }

    /// The request was never sent.
    pub fn was_not_sent(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Breaker { .. } | Self::Quota { .. })
    }

    /// Sending the same request again at once may succeed: a connection was lost on the way, or one
    /// of several servers behind the address is away. Not where SAP said when to come back, and not
    /// on 500, which is the application's own word.
    pub(in crate::sap) fn is_transient(&self) -> bool {
        match self {
            Self::Cut { .. } => true,
            Self::Connect { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            ),
            Self::Status { status, retry_after: None, .. } => matches!(
                *status,
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            _ => false,
        }
    }

    /// Our credentials are wrong, with SAP or with the token server: asking again would not help.
    pub fn is_about_credentials(&self) -> bool {
        matches!(
            self,
            Self::Credentials { .. } | Self::Token { problem: TokenProblem::Credentials, .. }
        )
    }

    /// SAP read the request as one of ours: the credentials are good.
    pub(in crate::sap) fn proves_credentials(&self) -> bool {
        matches!(
            self,
            Self::Reply {
                problem: ReplyProblem::PathMissing { .. }
                    | ReplyProblem::WrongRecord
                    | ReplyProblem::OtherForm
                    | ReplyProblem::Value { .. }
                    | ReplyProblem::HalfList
                    | ReplyProblem::ErrorBody { .. },
                ..
            }
        )
    }
}
