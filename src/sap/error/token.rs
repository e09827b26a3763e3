//! Why there is no token to show SAP.

use std::{io, sync::Arc, time::Duration};

use http::StatusCode;

use crate::sap::outcome::SapOutcome;

/// Why there is no token that SAP takes; continues a sentence that begins with the token server.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenProblem {
    /// Name, TCP, proxy or TLS.
    #[error(
        "could not be reached; check `token_url`, `ca_file` and `proxy` of `sap.login.oauth2`, and the firewall"
    )]
    Connect(#[source] Arc<io::Error>),
    /// The time ran out.
    #[error(
        "gave no token in time; see whether it is slow before raising `sap.login.oauth2.token_timeout`"
    )]
    Deadline,
    /// A status that is no answer.
    #[error("answered with status {status}; check `sap.login.oauth2.token_url`, or wait")]
    Status {
        /// What it answered with.
        status: StatusCode,
        /// When it wants to be asked again; five minutes at most.
        retry_after: Option<Duration>,
    },
    /// An answer that is no token.
    #[error("answered with {0}; check `sap.login.oauth2.token_url`")]
    Reply(&'static str),
    /// An error of RFC 6749.
    #[error(
        "refused the request ({code}); check scope, resource, audience and parameters of `sap.login.oauth2`"
    )]
    Refused {
        /// One of the codes that the standards name.
        code: &'static str,
    },
    /// The client's credentials are wrong.
    #[error(
        "refused our client credentials; correct `sap.login.oauth2`; they are shown again sparsely or not at all until they change, because clients are locked"
    )]
    Credentials,
    /// SAP refused a token that was just granted.
    #[error(
        "granted a token that SAP refuses (401); check scope and audience of `sap.login.oauth2`, and that SAP trusts this token server and knows its client"
    )]
    Rejected,
    /// The key for the assertion cannot be used any more.
    #[error("was not asked, because the file in `sap.login.oauth2.key` cannot be read as a key")]
    Key,
}

impl TokenProblem {
    /// The word in metrics, logs and `explain`.
    pub fn outcome(&self) -> SapOutcome {
        match self {
            Self::Connect(_) => SapOutcome::TokenConnect,
            Self::Deadline => SapOutcome::TokenDeadline,
            Self::Status { .. } => SapOutcome::TokenStatus,
            Self::Reply(_) => SapOutcome::TokenReply,
            Self::Refused { .. } => SapOutcome::TokenRefused,
            Self::Credentials => SapOutcome::TokenCredentials,
            Self::Rejected => SapOutcome::TokenRejected,
            Self::Key => SapOutcome::TokenKey,
        }
    }

    /// When the token server wants to be asked again, if it said so.
    pub(in crate::sap) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
