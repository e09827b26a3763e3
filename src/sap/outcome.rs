//! The words for what came of asking SAP, in metrics, records, log and `explain` alike.

use crate::domain::words;

words! {
    /// How a request to SAP ended, or why it was not sent: a closed list, one word in metric, log and
    /// `explain` alike.
    pub enum SapOutcome {
        /// The partner, and only that partner.
        Found = "found",
        /// SAP knows no such partner here.
        Unknown = "unknown",
        /// More than one record or channel.
        Ambiguous = "ambiguous",
        /// Not asked: no free place among the requests in flight in time.
        Busy = "busy",
        /// Not asked: SAP fails, and is only probed until it answers again.
        Breaker = "breaker",
        /// Not asked: the day's requests are used up.
        Quota = "quota",
        /// Not asked: nobody waited for the answer any more.
        Abandoned = "abandoned",
        /// Not known: the lookup ended without a result, by a mistake in this program or by the
        /// shutdown.
        Lost = "lost",
        /// SAP could not be reached: name, TCP or TLS.
        Connect = "connect",
        /// SAP did not answer in time.
        Deadline = "deadline",
        /// The connection ended before the answer did.
        Cut = "cut",
        /// What came is not HTTP.
        Protocol = "protocol",
        /// Our credentials were refused, now or, where SAP is not asked, before.
        Credentials = "credentials",
        /// Our user may not do this.
        Forbidden = "forbidden",
        /// SAP pointed somewhere else.
        Redirect = "redirect",
        /// SAP wants to be left alone for a while; said now or, where it is not asked, before.
        Throttled = "throttled",
        /// A page about maintenance.
        Maintenance = "maintenance",
        /// Another status that is no answer.
        Status = "status",
        /// A page for people, such as a login form.
        Html = "html",
        /// Neither JSON nor HTML.
        ContentType = "content_type",
        /// Compressed, although that was not asked for.
        ContentEncoding = "content_encoding",
        /// Longer than the limit.
        TooLarge = "too_large",
        /// Not JSON, although it says so.
        NotJson = "not_json",
        /// An error message where records should be.
        ErrorBody = "error_body",
        /// A list that goes on in another answer.
        HalfList = "half_list",
        /// Two lengths of one answer.
        TwoLengths = "two_lengths",
        /// A member that the dialect names is not there.
        PathMissing = "path_missing",
        /// A record of somebody else.
        WrongRecord = "wrong_record",
        /// A channel or country that cannot be one.
        Value = "value",
        /// The proxy on the way to SAP refused.
        Proxy = "proxy",
        /// The token server could not be reached.
        TokenConnect = "token_connect",
        /// The token server gave no token in time.
        TokenDeadline = "token_deadline",
        /// The token server answered with another status.
        TokenStatus = "token_status",
        /// What the token server answered is no token.
        TokenReply = "token_reply",
        /// The token server refused the request.
        TokenRefused = "token_refused",
        /// The token server refused our client's credentials.
        TokenCredentials = "token_credentials",
        /// SAP refused a token that was just granted.
        TokenRejected = "token_rejected",
        /// The key for the token server cannot be read.
        TokenKey = "token_key",
    }
}

impl SapOutcome {
    /// SAP answered about the partner, whatever the answer is.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Found | Self::Unknown | Self::Ambiguous)
    }

    /// What SAP has done where requests end so, as the beginning of a sentence that goes on with `for`.
    pub fn told(self) -> &'static str {
        use SapOutcome as O;
        match self {
            O::Connect | O::Deadline | O::Cut | O::Busy | O::Breaker | O::Abandoned | O::Lost => {
                "SAP has been silent"
            }
            O::Throttled => "SAP has asked us to wait",
            O::Quota => "SAP has not been asked",
            O::Maintenance => "SAP has been under maintenance",
            O::Credentials | O::TokenRejected => "SAP has refused our credentials",
            O::Proxy => "the proxy on the way to SAP has refused us",
            O::TokenConnect
            | O::TokenDeadline
            | O::TokenStatus
            | O::TokenReply
            | O::TokenRefused
            | O::TokenCredentials
            | O::TokenKey => "there has been no token for SAP",
            O::Found
            | O::Unknown
            | O::Ambiguous
            | O::Protocol
            | O::Forbidden
            | O::Redirect
            | O::Status
            | O::Html
            | O::ContentType
            | O::ContentEncoding
            | O::TooLarge
            | O::NotJson
            | O::ErrorBody
            | O::HalfList
            | O::TwoLengths
            | O::PathMissing
            | O::WrongRecord
            | O::Value => "SAP has answered with errors",
        }
    }

    /// A request that was sent, or tried to be, can end so.
    pub fn ends_requests(self) -> bool {
        !matches!(self, Self::Busy | Self::Breaker | Self::Quota | Self::Abandoned | Self::Lost)
    }

    /// A request can be kept back for this.
    pub fn keeps_requests_back(self) -> bool {
        use SapOutcome::{Abandoned, Breaker, Busy, Credentials, Quota, Throttled};
        matches!(self, Busy | Throttled | Breaker | Quota | Credentials | Abandoned)
    }
}

words! {
    /// What the breaker does, for metric and `/readyz?verbose`.
    pub enum BreakerState {
        /// Lookups go through.
        Closed = "closed",
        /// Nobody asks until the probe.
        Open = "open",
        /// The probe is under way, or due.
        HalfOpen = "half_open",
    }
}
