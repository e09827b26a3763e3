//! Why SAP gave no usable answer. Never shown to jtel; no text here repeats anything SAP sent or
//! anybody asked for.

mod kinds;
mod proxy_error;
mod reply;
mod tls;
mod token;

use std::{io, sync::Arc, time::Duration};

use http::StatusCode;

use crate::telemetry::rounded;

pub use reply::ReplyProblem;
pub(in crate::sap) use reply::not_json;
pub use tls::TlsFault;
pub use token::TokenProblem;

/// Why SAP gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Every place among the requests in flight was taken until the deadline; SAP was not asked.
    #[error(
        "no place among the requests to SAP became free within {}; SAP is slow or `sap.max_in_flight` is too low",
        rounded(*waited)
    )]
    Busy {
        /// How long this lookup waited.
        waited: Duration,
    },
    /// SAP fails too often and is not asked until a probe is answered.
    #[error("SAP at {host} has failed too often and is not asked until it answers a probe")]
    Breaker {
        /// Host and port.
        host: Arc<str>,
    },
    /// The day's requests are used up, or what is left of them is for live calls.
    #[error(
        "the requests that `sap.daily_requests` allows to SAP at {host} are used up until midnight (UTC); raise it if SAP grants more"
    )]
    Quota {
        /// Host and port.
        host: Arc<str>,
    },
    /// Name, TCP or TLS.
    #[error("SAP at {host} could not be reached; check `sap.url` and the firewall")]
    Connect {
        /// Host and port.
        host: Arc<str>,
        /// What the system said.
        source: io::Error,
    },
    /// TLS found no trust.
    #[error("SAP at {host} could not be reached: {fault}")]
    Tls {
        /// Host and port.
        host: Arc<str>,
        /// What is the matter and what to do.
        fault: TlsFault,
    },
    /// The proxy on the way there cannot be reached, or would not let us through.
    #[error(
        "the proxy {proxy} on the way to SAP at {host} lets nobody through; check `sap.proxy`, `sap.proxy_login` and what the proxy allows"
    )]
    Proxy {
        /// Host and port of SAP.
        host: Arc<str>,
        /// Host and port of the proxy.
        proxy: Arc<str>,
        /// What the system or the proxy said.
        source: io::Error,
    },
    /// The time ran out.
    #[error(
        "SAP at {host} did not answer within {}; see whether SAP is slow before raising `sap.total_timeout`",
        rounded(*waited)
    )]
    Deadline {
        /// Host and port.
        host: Arc<str>,
        /// How long SAP was waited for.
        waited: Duration,
    },
    /// The connection ended before the answer did.
    #[error(
        "SAP at {host} closed the connection before its answer was complete; look for a proxy or a restart in between"
    )]
    Cut {
        /// Host and port.
        host: Arc<str>,
        /// What HTTP said.
        source: hyper::Error,
    },
    /// What came is not HTTP/1.1.
    #[error("SAP at {host} did not answer in HTTP/1.1; check scheme and port of `sap.url`")]
    Protocol {
        /// Host and port.
        host: Arc<str>,
        /// What HTTP said.
        source: hyper::Error,
    },
    /// SAP refused the credentials, in this lookup or before; they are shown again sparsely or not at
    /// all.
    #[error(
        "SAP at {host} refused our credentials; correct `sap.login`, a changed secret is tried at once; unlock the user in SAP and POST /sap/retry-login if the secret is right; otherwise it is shown again sparsely or not at all, because SAP locks users"
    )]
    Credentials {
        /// Host and port.
        host: Arc<str>,
    },
    /// There is no token to show SAP, or SAP does not take it.
    #[error("the token server at {host} {problem}")]
    Token {
        /// Host and port of the token server.
        host: Arc<str>,
        /// What is the matter.
        #[source]
        problem: TokenProblem,
    },
    /// Our user may not read partners. Says nothing about the partner.
    #[error("SAP at {host} does not let our user read partners (403); give it that right in SAP")]
    Forbidden {
        /// Host and port.
        host: Arc<str>,
        /// SAP's own code for it.
        code: Option<Arc<str>>,
    },
    /// SAP gets too many requests, and is not asked before the moment it named.
    #[error(
        "SAP at {host} wants to be left alone for {} and is not asked until then; lower `sap.max_in_flight`, raise `cache.found_ttl`, or ask for a higher quota",
        rounded(*again_in)
    )]
    Throttled {
        /// Host and port.
        host: Arc<str>,
        /// How much longer; one minute at most.
        again_in: Duration,
        /// SAP's own code for it.
        code: Option<Arc<str>>,
    },
    /// SAP is being maintained and shows a page about it.
    #[error("SAP at {host} shows a maintenance page (503); see SAP's maintenance plan")]
    Maintenance {
        /// Host and port.
        host: Arc<str>,
    },
    /// SAP pointed somewhere else, usually to a login page.
    #[error(
        "SAP at {host} answered with a redirect ({status}), which is never followed; check `sap.url` and that the endpoint accepts our kind of login"
    )]
    Redirect {
        /// Host and port.
        host: Arc<str>,
        /// 3xx.
        status: StatusCode,
    },
    /// Another status that is no answer.
    #[error(
        "SAP at {host} answered with status {status}; look into SAP's log or its maintenance plan"
    )]
    Status {
        /// Host and port.
        host: Arc<str>,
        /// What SAP answered with.
        status: StatusCode,
        /// When SAP wants to be asked again; one minute at most.
        retry_after: Option<Duration>,
        /// SAP's own code for it.
        code: Option<Arc<str>>,
    },
    /// An answer that cannot be used.
    #[error("SAP at {host} answered step `{step}` with {problem}")]
    Reply {
        /// Host and port.
        host: Arc<str>,
        /// The dialect's step.
        step: Arc<str>,
        /// What is wrong with it.
        problem: ReplyProblem,
    },
}
