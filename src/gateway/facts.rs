//! What is known of one call when it is over: typed, for whoever tells it on.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{Method, StatusCode, Version};

use crate::{
    config::{ClientName, Proof, SystemName},
    domain::{CallerId, ContractNumber, Reason, Rule, ServiceNumber, Source, words},
    lookup::Remembered,
    net::{TlsFacts, wire::WireFault},
    sap::{Requests, SapOutcome},
    telemetry::{
        clock::{CallId, Moment},
        lines::Fragment,
        trace::Trace,
    },
};

/// A place that is free is had sooner: what it took to look for one is no wait.
const WAITED_FOR_A_PLACE: Duration = Duration::from_millis(1);

/// One call. Has nothing of the question: no query, no partner's ID, no number that was to be dialled.
#[derive(Clone, Debug)]
pub struct CallFacts {
    /// When the request was read.
    pub at: Moment,
    /// The call's name, also in the answer.
    pub call: CallId,
    /// Who asked; `None` where nobody was recognised.
    pub client: Option<ClientName>,
    /// What let him in; `None` where nobody was recognised, or anybody may ask.
    pub client_by: Option<Proof>,
    /// Whom the call comes from: as trusted load balancers say it, or the other end of the connection.
    pub peer: IpAddr,
    /// The other end of the connection: jtel's address, or the load balancer's.
    pub socket: IpAddr,
    /// What TLS agreed on; `None` on a plaintext listener.
    pub tls: Option<Arc<TlsFacts>>,
    /// HTTP version.
    pub http: HttpVersion,
    /// Method.
    pub method: Verb,
    /// What was asked.
    pub route: Route,
    /// Status of the answer; 499 where there was none.
    pub status: StatusCode,
    /// How it ended.
    pub verdict: Verdict,
    /// The SAP system that said it, or that was silent; `None` where nobody was looked up.
    pub system: Option<SystemName>,
    /// What SAP did instead of answering, or why it was not asked; `None` where nothing went wrong.
    pub sap: Option<SapOutcome>,
    /// Waited for a place among the requests to SAP; `None` where nobody did.
    pub queue: Option<Duration>,
    /// Spent waiting for SAP; `None` where nobody waited.
    pub sap_took: Option<Duration>,
    /// From the read request to the answer.
    pub took: Duration,
    /// The trace it is part of.
    pub trace: Trace,
    /// Which process, version and configuration answered.
    pub stamp: Arc<Fragment>,
    /// What led to the decision; `None` where nothing was decided on.
    pub basis: Option<Basis>,
}

/// What a decision was made on, and what it shows.
#[derive(Clone, Debug)]
pub struct Basis {
    /// Names the terms it was made under.
    pub terms: u64,
    /// The rule that had the last word.
    pub rule: Rule,
    /// What SAP knows of the partner; `None`: nothing was known.
    pub known: Option<Remembered>,
    /// How long ago SAP said it.
    pub age: Duration,
    /// What was sent to SAP for it; `None` where nobody waited.
    pub requests: Option<Arc<Requests>>,
    /// Of the partner, or of a pair of the rules; `None`: nothing is dialled, or nobody knows it.
    pub contract_number: Option<ContractNumber>,
    /// What the customer gets to see.
    pub service_number: Option<ServiceNumber>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Dial.
    Dial {
        /// Where the facts came from.
        source: Source,
        /// How the number shown fitted the number dialled.
        caller_id: CallerId,
    },
    /// Do not dial.
    Refuse {
        /// Why.
        reason: Reason,
        /// Where the facts came from.
        source: Source,
    },
    /// Who calls was asked, and this was told.
    Caller {
        /// What.
        told: Told,
        /// Where the facts came from.
        source: Source,
    },
    /// Not proper HTTP.
    Malformed(WireFault),
    /// There is no such path.
    NoSuchPath,
    /// The path is not asked by this method.
    MethodNotAllowed,
    /// The caller hung up before the answer, or was cut off.
    Unanswered,
    /// A mistake in this program ended it.
    Panic,
}

impl CallFacts {
    /// How long a place was waited for, by somebody who noticed.
    pub(super) fn waited_for_place(&self) -> Option<Duration> {
        self.queue.filter(|queue| *queue >= WAITED_FOR_A_PLACE)
    }
}

impl Verdict {
    /// One of each kind, for lists of their words in decisions; what is told of who calls is none.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Dial { source: Source::Sap, caller_id: CallerId::Fits }];
        let refuse = |reason| Self::Refuse { reason, source: Source::None };
        all.extend(Reason::ALL.map(refuse));
        all.extend(WireFault::ALL.map(Self::Malformed));
        all.extend([Self::NoSuchPath, Self::MethodNotAllowed, Self::Unanswered, Self::Panic]);
        all
    }

    /// `dial`, `refuse` or `none`.
    pub fn decision(self) -> &'static str {
        match self {
            Self::Dial { .. } => "dial",
            Self::Refuse { .. } => "refuse",
            Self::Caller { .. }
            | Self::Malformed(_)
            | Self::NoSuchPath
            | Self::MethodNotAllowed
            | Self::Unanswered
            | Self::Panic => "none",
        }
    }

    /// The word for why nothing is dialled; `none` where something is.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Dial { .. } | Self::Caller { told: Told::Found, .. } => "none",
            Self::Refuse { reason, .. } => reason.label(),
            Self::Caller { told: Told::Nobody, .. } => Reason::PartnerUnknown.label(),
            Self::Caller { told: Told::Several, .. } => Reason::PartnerAmbiguous.label(),
            Self::Malformed(fault) => fault.label(),
            Self::NoSuchPath => "no_such_path",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Unanswered => "unanswered",
            Self::Panic => "panic",
        }
    }

    /// Where the facts came from.
    pub fn source(self) -> Source {
        match self {
            Self::Dial { source, .. }
            | Self::Refuse { source, .. }
            | Self::Caller { source, .. } => source,
            Self::Malformed(_)
            | Self::NoSuchPath
            | Self::MethodNotAllowed
            | Self::Unanswered
            | Self::Panic => Source::None,
        }
    }

    /// How the number shown fitted the number dialled; `None` where nothing is dialled.
    pub fn caller_id(self) -> Option<CallerId> {
        match self {
            Self::Dial { caller_id, .. } => Some(caller_id),
            _ => None,
        }
    }
}

words! {
    /// What is asked here.
    pub enum Route {
        /// May a number be dialled?
        OnClickToDial = "on_click_to_dial",
        /// Who calls?
        CallerInformation = "caller_information",
    }
}

words! {
    /// What is told of who calls.
    pub enum Told {
        /// What SAP knows of one partner.
        Found = "found",
        /// SAP knows no such partner.
        Nobody = "nobody",
        /// SAP knows several, of whom none is picked.
        Several = "several",
    }
}

words! {
    /// HTTP's version.
    pub enum HttpVersion {
        /// HTTP/1.0.
        Http10 = "1.0",
        /// HTTP/1.1.
        Http11 = "1.1",
        /// HTTP/2.
        Http2 = "2",
        /// Any other.
        Other = "other",
    }
}

impl From<Version> for HttpVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::HTTP_10 => Self::Http10,
            Version::HTTP_11 => Self::Http11,
            Version::HTTP_2 => Self::Http2,
            _ => Self::Other,
        }
    }
}

words! {
    /// A method. Methods are text from the network; records take their words from here.
    pub enum Verb {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// PUT.
        Put = "PUT",
        /// DELETE.
        Delete = "DELETE",
        /// OPTIONS.
        Options = "OPTIONS",
        /// Any other.
        Other = "other",
    }
}

impl From<&Method> for Verb {
    fn from(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::DELETE => Self::Delete,
            Method::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

/// A call for tests.
#[cfg(test)]
pub(in crate::gateway) mod testing {
    use super::*;
    use crate::{
        domain::{CountryCode, DistributionChannel},
        gateway::stamp,
        net::Negotiated,
    };

    /// A call of jtel's over TLS, one that SAP was waited for.
    pub(in crate::gateway) fn facts(call: CallId, verdict: Verdict) -> CallFacts {
        let channel = DistributionChannel::parse("Direct sales").unwrap();
        CallFacts {
            at: Moment::now(),
            call,
            client: Some(ClientName::parse("jtel").unwrap()),
            client_by: Some(Proof::Password),
            peer: [192, 0, 2, 7].into(),
            socket: [192, 0, 2, 7].into(),
            tls: Some(Arc::new(TlsFacts::new(
                Negotiated {
                    version: "1.3",
                    cipher: "TLS_AES_128_GCM_SHA256",
                    group: "X25519MLKEM768",
                    resumed: false,
                },
                "h2",
                Some("gate.example".into()),
                None,
                Duration::from_millis(2),
            ))),
            http: HttpVersion::Http2,
            method: Verb::Get,
            route: Route::OnClickToDial,
            status: StatusCode::OK,
            verdict,
            system: Some(SystemName::default()),
            sap: None,
            queue: Some(Duration::from_micros(34)),
            sap_took: Some(Duration::from_micros(1200)),
            took: Duration::from_micros(1300),
            trace: Trace::new(call),
            stamp: Arc::new(stamp("0194", "1f2e3d")),
            basis: Some(Basis {
                terms: 1,
                rule: Rule::ServiceNumbers,
                known: None,
                age: Duration::ZERO,
                requests: None,
                contract_number: Some(ContractNumber::of(
                    &channel,
                    CountryCode::parse("DE").unwrap(),
                )),
                service_number: Some(ServiceNumber::parse("498912345678").unwrap()),
            }),
        }
    }
}
